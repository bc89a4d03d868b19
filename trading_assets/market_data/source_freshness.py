"""The sources: how fresh each one is, and when it really publishes.

They stand beside the first group of the lineage.
"""

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.pictures.asset_metadata import picture, preview, written
from resources.pictures.desk import publication_lags as lag_picture
from resources.settings.zones import Desk
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.market.earlier_auctions import TABLE as EARLIER_TABLE
from spot.sources.judging.publication_lag import summarise_lags
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.frame.reads import of_every_partition
from workflows.market_data.freshness import freshness_of_desk, lags_of_desk

_MARKS = {"fresh": "🟢 fresh", "late": "🔴 late", "missing": "🔴 missing", "not asked": "⚪ not asked"}
_READS = of_every_partition(*RAW_TABLES_OF_A_ZONE, "captures")


@declared_asset(
    per="desk",
    group="market_data",
    kinds={"polars", "deltalake"},
    table="publication_lags",
    reads=(*_READS, *of_every_partition(EARLIER_TABLE)),
)
def publication_lags(context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock) -> AssetResult:
    """When each source really publishes, compared with the rule that says when it is due.

    It also shows how fresh every source of every zone is now. Only captured and stated instants are measured.
    History that a rule has dated says nothing about the rule.
    """
    now = clock.now()
    lags, fresh = lags_of_desk(lake, desk, now.date()), freshness_of_desk(lake, desk, now)
    report = lake.upsert("publication_lags", lags)
    context.log.info("%d late series", fresh.filter(pl.col("state") == "late").height)
    shown = {
        "at_a_glance": _glance(fresh),
        "freshness": _freshness_table(fresh),
        "lags": picture(lag_picture(lags), "first seen against the due time"),
        "lag_summary": preview(summarise_lags(lags), n_rows=60),
    }
    return MaterializeResult(metadata={**shown, **written(lags, report)})


@declared_check(
    asset="publication_lags",
    description=(
        "Every series that is due by the publication rule has arrived from every source that was asked for"
        " it."
    ),
    reads=_READS,
)
def every_source_is_fresh(
    context: AssetCheckExecutionContext, lake: Lake, desk: Desk, clock: Clock
) -> AssetCheckResult:
    """Warns of late and missing series. Readiness decides what a zone may trade on, not this check."""
    fresh = freshness_of_desk(lake, desk, clock.now())
    late = fresh.filter(pl.col("state").is_in(["late", "missing"])).select("zone", "source", "table")
    context.log.info("%d of %d series are late or missing", late.height, fresh.height)
    names = [f"{table} of {zone} from {source}" for zone, source, table in late.iter_rows()]
    return AssetCheckResult(
        passed=late.is_empty(),
        severity=AssetCheckSeverity.WARN,
        description="; ".join(names[:8]) or None,
        metadata={"judged_series": fresh.height, "late_series": late.height},
    )


def _freshness_table(fresh: pl.DataFrame) -> MetadataValue:
    """Sources by zone and table, the late ones first: the state of every feed in one table."""
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
