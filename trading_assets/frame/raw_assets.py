"""How a raw table becomes an asset with its checks; `trading_assets/market_data` names the tables."""

from collections.abc import Iterable

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetExecutionContext,
    AssetsDefinition,
    MaterializeResult,
    RetryRequested,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.pictures.asset_metadata import written
from resources.settings.zones import Desk
from spot.contracts.tables import find_contract
from spot.errors import SourceUnavailableError
from spot.sources.currencies import EURO_SERIES, LOCAL_TABLE, RATES_TABLE
from trading_assets.checks import result
from trading_assets.frame.declared import AssetResult, declared_asset, declared_checks
from trading_assets.partitions import covered
from workflows.market_data.raw_table import PRICE_LIMITED, fetch_table, judge_table, refused_rows

_CHECKS = {
    "every_row_keeps_the_contract": "No row of these days went to quarantine.",
    "every_day_is_complete": "Each published day covers each of its periods: 23, 24 or 25 hours.",
    "data_is_fresh": "Everything due by the publication rule has arrived.",
}
_CONVERTED = frozenset(table for table, _ in EURO_SERIES.values())
_LIMITS = {"prices_are_within_limits": "No price lies beyond the harmonised limits of its day."}


def raw_asset(
    table: str, *, group: str, story: str, only_with: str = "", is_optional: bool = False
) -> AssetsDefinition:
    """The asset that fetches `table` for a zone and its days. `story` is its text for people in the UI.

    With `only_with`, it is part of the graph of a desk that has such a zone (`trading_assets/catalogue.py`).
    An optional one warns and gives no rows where its source fails: no forecast depends on it, and `captures`
    says what came.
    """

    @declared_asset(
        per="zone and day",
        name=table,
        group=group,
        description=f"{find_contract(table).description} {story}",
        kinds={"polars", "deltalake"},
        table=table,
        reads=(LOCAL_TABLE, RATES_TABLE) if table in _CONVERTED else (),
        only_with=only_with,
        pool="market_data",
    )
    def raw_table(
        context: AssetExecutionContext, lake: Lake, desk: Desk, market_source: MarketSource, clock: Clock
    ) -> AssetResult:
        span, now = covered(context), clock.now()
        settings = desk.zone(span.zone)
        try:
            fetched = fetch_table(
                table, span, lake, settings, market_source, is_optional=is_optional, now=now
            )
        except SourceUnavailableError as error:
            raise RetryRequested(max_retries=3, seconds_to_wait=30) from error
        if fetched.problem:
            context.log.info("%s", fetched.problem)
        return MaterializeResult(metadata=written(fetched.rows, fetched.report))

    return raw_table


def raw_checks(table: str) -> AssetChecksDefinition:
    """Contract, completeness and freshness of a raw table, and price limits where it has them.

    They only warn: readiness decides about trading.
    """

    @declared_checks(
        asset=table,
        checks={**_CHECKS, **(_LIMITS if table in PRICE_LIMITED else {})},
        reads=[table, "quarantine"],
    )
    def checks(
        context: AssetCheckExecutionContext, lake: Lake, desk: Desk, market_source: MarketSource, clock: Clock
    ) -> Iterable[AssetCheckResult]:
        span = covered(context)
        settings = desk.zone(span.zone)
        yield _contract_result(table, refused_rows(table, span, lake))
        for name, verdict in judge_table(table, span, lake, settings, now=clock.now()).items():
            if name != "data_is_fresh" or market_source.offers(table, span.zone, settings=settings):
                yield result(name, table, verdict)
            else:
                yield _never_offered(table, f"{' and '.join(settings.sources)} has no {table} of {span.zone}")

    return checks


def _never_offered(table: str, text: str) -> AssetCheckResult:
    """The check passes and says so, because nothing is late that no source of the zone has."""
    return AssetCheckResult(
        check_name="data_is_fresh",
        asset_key=table,
        passed=True,
        description=text,
        metadata={"judged_days": 0},
    )


def _contract_result(table: str, refused: pl.DataFrame) -> AssetCheckResult:
    reasons = refused["reason"].value_counts(sort=True).head(5)
    return AssetCheckResult(
        check_name="every_row_keeps_the_contract",
        asset_key=table,
        passed=refused.is_empty(),
        severity=AssetCheckSeverity.WARN,
        description="; ".join(f"{count} rows: {reason}" for reason, count in reasons.iter_rows()) or None,
        metadata={"quarantined_rows": refused.height},
    )
