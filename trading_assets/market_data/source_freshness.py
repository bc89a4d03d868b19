"""The sources themselves: how fresh each one is, and when it really publishes.

Beside the first group of the lineage.
"""

from datetime import date, timedelta

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.pictures.asset_metadata import OWNERS, picture, preview, table_metadata, written
from resources.pictures.desk import publication_lags as lag_picture
from resources.settings.zones import RAW_TABLES_OF_A_ZONE, Desk
from spot.contracts.live_tables import PUBLICATION_LAGS
from spot.market.delivery import delivery_day_of
from spot.sources.judging.freshness import freshness_of
from spot.sources.judging.publication_lag import measure_lags, summarise_lags
from trading_assets.declared import AssetResult

LOOK_BACK = timedelta(days=60)
_MARKS = {"fresh": "🟢 fresh", "late": "🔴 late", "missing": "🔴 missing", "not asked": "⚪ not asked"}


@asset(
    group_name="market_data",
    deps=list(RAW_TABLES_OF_A_ZONE),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata(PUBLICATION_LAGS.name),
)
def publication_lags(context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock) -> AssetResult:
    """When each source really publishes, against the rule that says when it is due.

    And how fresh every source of every zone is now.

    Only captured and stated instants are measured: history that a rule has dated says nothing about the rule.
    """
    now = clock.now()
    lags, fresh = (
        pl.concat([_lags(lake, desk, zone, now.date()) for zone in desk.zones]),
        _freshness(lake, desk, clock),
    )
    report = lake.upsert(PUBLICATION_LAGS.name, lags)
    context.log.info("%d late series", fresh.filter(pl.col("state") == "late").height)
    return MaterializeResult(
        metadata={
            "at_a_glance": _glance(fresh),
            "freshness": _freshness_table(fresh),
            "lags": picture(lag_picture(lags), "first seen against the due time"),
            "lag_summary": preview(summarise_lags(lags), n_rows=60),
            **written(lags, report),
        }
    )


@asset_check(
    asset=publication_lags,
    description=(
        "Every series that is due by the publication rule is here, from every source that was asked for it."
    ),
)
def every_source_is_fresh(
    context: AssetCheckExecutionContext, lake: Lake, desk: Desk, clock: Clock
) -> AssetCheckResult:
    """Warns of late and missing series; what a zone may trade on is decided by its readiness, not here."""
    fresh = _freshness(lake, desk, clock)
    late = fresh.filter(pl.col("state").is_in(["late", "missing"]))
    context.log.info("%d of %d series are late or missing", late.height, fresh.height)
    names = [
        f"{table} of {zone} from {source}"
        for zone, source, table in late.select("zone", "source", "table").iter_rows()
    ]
    return AssetCheckResult(
        passed=late.is_empty(),
        severity=AssetCheckSeverity.WARN,
        description="; ".join(names[:8]) or None,
        metadata={"judged_series": fresh.height, "late_series": late.height},
    )


def _lags(lake: Lake, desk: Desk, zone: str, today: date) -> pl.DataFrame:
    parts = [PUBLICATION_LAGS.empty()]
    for table in RAW_TABLES_OF_A_ZONE:
        rows = lake.read(table, zones=[zone], first_day=today - LOOK_BACK)
        parts.append(measure_lags(table, rows.filter(pl.col("source").is_in(list(desk.zone(zone).sources)))))
    return pl.concat(parts)


def _freshness(lake: Lake, desk: Desk, clock: Clock) -> pl.DataFrame:
    now, parts = clock.now(), []
    for zone in desk.zones:
        since = delivery_day_of(zone, now) - timedelta(days=14)
        tables = {table: lake.read(table, zones=[zone], first_day=since) for table in RAW_TABLES_OF_A_ZONE}
        captures = lake.read("captures", zones=[zone], first_day=since)
        parts.append(freshness_of(zone, desk.zone(zone).sources, tables, captures, now))
    return pl.concat(parts)


def _freshness_table(fresh: pl.DataFrame) -> MetadataValue:
    """Source by zone and table, the late ones first: the state of every feed at a glance."""
    order = pl.col("state").replace_strict(
        {"late": 0, "missing": 1, "fresh": 2, "not asked": 3}, return_dtype=pl.Int8
    )
    return _markdown(
        fresh.sort(order, "zone", "source", "table").with_columns(pl.col("state").replace_strict(_MARKS))
    )


def _glance(fresh: pl.DataFrame) -> MetadataValue:
    """One row per zone and source, one column per table: a mark and the newest day."""
    cell = pl.format(
        "{} {}",
        pl.col("state").replace_strict(_MARKS).str.head(1),
        pl.col("newest_day").cast(pl.String).fill_null(""),
    )
    return _markdown(
        fresh.with_columns(cell=cell)
        .pivot(on="table", index=["zone", "source"], values="cell")
        .sort("zone", "source")
    )


def _markdown(shown: pl.DataFrame) -> MetadataValue:
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + "---|" * shown.width]
    for row in shown.iter_rows():
        cells = [
            "" if value is None else str(value).removesuffix("+00:00").replace("|", "/")[:80] for value in row
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return MetadataValue.md("\n".join(lines))
