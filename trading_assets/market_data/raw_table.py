"""How a raw table becomes an asset: fetched, judged by its contract, appended to the ledger, checked.

The tables themselves are in `market.py` and `fundamentals.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    BackfillPolicy,
    MaterializeResult,
    RetryRequested,
    asset,
    multi_asset_check,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.market.market_source import MarketSource
from resources.pictures.asset_metadata import OWNERS, table_metadata, written
from resources.settings.zones import Desk
from spot.contracts.tables import find_contract
from spot.errors import NotYetPublishedError, SourceUnavailableError, SpotdeskError
from spot.monitoring.day_checks import assess_completeness, assess_freshness, assess_price_limits
from trading_assets.checks import result
from trading_assets.declared import AssetResult
from trading_assets.partitions import ONLY_WITH_TAG, covered, zone_day_partitions


def raw_asset(
    table: str, *, group: str, story: str, only_with: str = "", is_optional: bool = False
) -> AssetsDefinition:
    """The asset that fetches `table` for a zone and its days. `story` is the text that people read in the UI.

    With `only_with`, it is part of the graph of a desk that has such a zone (`trading_assets/catalogue.py`).
    An optional one warns and gives no rows where its source fails: nothing of a forecast stands on it, and
    `captures` says what came.
    """

    @asset(
        name=table,
        group_name=group,
        description=f"{find_contract(table).description} {story}",
        partitions_def=zone_day_partitions,
        backfill_policy=BackfillPolicy.single_run(),
        owners=OWNERS,
        kinds={"polars", "deltalake"},
        metadata=table_metadata(table),
        pool="market_data",
        tags={ONLY_WITH_TAG: only_with} if only_with else {},
    )
    def raw_table(
        context: AssetExecutionContext, lake: Lake, desk: Desk, market_source: MarketSource, clock: Clock
    ) -> AssetResult:
        span = covered(context)
        settings = desk.zone(span.zone)
        try:
            rows = market_source.fetch(
                table, span.zone, span.first_day, span.last_day, settings=settings, now=clock.now()
            )
        except NotYetPublishedError as error:
            context.log.info("%s: %s", table, error)
            rows = find_contract(table).empty()
        except SpotdeskError as error:
            if not is_optional:
                if isinstance(error, SourceUnavailableError):
                    raise RetryRequested(max_retries=3, seconds_to_wait=30) from error
                raise
            context.log.warning("%s: nothing of it this time: %s", table, error)
            rows = find_contract(table).empty()
        report = lake.append(table, rows, source=settings.source)
        if report.n_quarantined:
            text = (
                f"{table} of {span.first_day} to {span.last_day}: {report.n_quarantined} rows broke the"
                " contract or say a period twice; not taken"
            )
            market_source.alerts.send(
                "bad_data",
                f"{text}; see docs/runbooks/bad_data.md",
                zone=span.zone,
                now=clock.now(),
                episode=f"{table} {span.last_day}",
            )
        return MaterializeResult(metadata=written(rows, report))

    return raw_table


def raw_checks(table: str, *, has_price_limits: bool = False) -> AssetChecksDefinition:
    """Contract, completeness and freshness of a raw table, and price limits where it has them.

    They warn; readiness decides about trading.
    """
    names = {
        "every_row_keeps_the_contract": "No row of these days went to quarantine.",
        "every_day_is_complete": "Each published day covers each of its periods: 23, 24 or 25 hours.",
        "data_is_fresh": "What the publication rule says is out by now is here.",
        **(
            {"prices_are_within_limits": "No price lies beyond the harmonised limits of its day."}
            if has_price_limits
            else {}
        ),
    }

    @multi_asset_check(
        name=f"{table}_checks",
        specs=[AssetCheckSpec(name, asset=table, description=text) for name, text in names.items()],
    )
    def checks(
        context: AssetCheckExecutionContext, lake: Lake, desk: Desk, market_source: MarketSource, clock: Clock
    ) -> Iterable[AssetCheckResult]:
        span = covered(context)
        settings = desk.zone(span.zone)
        frame = read_raw(lake, table, span.zone, settings, first_day=span.first_day, last_day=span.last_day)
        yield _quarantine_result(lake, table, span.zone, span.days)
        yield result(
            "every_day_is_complete",
            table,
            assess_completeness(frame, zone=span.zone, days=span.days, may_be_absent=True),
        )
        if market_source.offers(table, span.zone, settings=settings):
            yield result(
                "data_is_fresh",
                table,
                assess_freshness(frame, table=table, zone=span.zone, days=span.days, now=clock.now()),
            )
        else:
            yield _never_offered(table, f"{' and '.join(settings.sources)} has no {table} of {span.zone}")
        if has_price_limits:
            verdict = assess_price_limits(frame, days=span.days, is_day_ahead=table == "day_ahead_prices")
            yield result("prices_are_within_limits", table, verdict)

    return checks


def _never_offered(table: str, text: str) -> AssetCheckResult:
    """Nothing is late that no source of the zone has: the check passes and says so."""
    return AssetCheckResult(
        check_name="data_is_fresh",
        asset_key=table,
        passed=True,
        description=text,
        metadata={"judged_days": 0},
    )


def _quarantine_result(lake: Lake, table: str, zone: str, days: Sequence[date]) -> AssetCheckResult:
    rows = lake.read("quarantine", zones=[zone]).filter(pl.col("table_name") == table)
    day = pl.col("row_json").str.json_path_match("$.delivery_day").str.to_date(strict=False)
    rows = rows.with_columns(delivery_day=day).filter(
        pl.col("delivery_day").is_null() | pl.col("delivery_day").is_in(list(days))
    )
    reasons = rows["reason"].value_counts(sort=True).head(5)
    return AssetCheckResult(
        check_name="every_row_keeps_the_contract",
        asset_key=table,
        passed=rows.is_empty(),
        severity=AssetCheckSeverity.WARN,
        description="; ".join(f"{count} rows: {reason}" for reason, count in reasons.iter_rows()) or None,
        metadata={"quarantined_rows": rows.height},
    )
