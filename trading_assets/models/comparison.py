"""Challengers of the price model beside the champion, on the days that both forecast."""

from typing import Any

import polars as pl
from dagster import AssetExecutionContext, BackfillPolicy, MaterializeResult, asset

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.pictures.asset_metadata import OWNERS, picture, preview, table_metadata, written
from resources.pictures.comparison import cumulated_gain, error_by_hour
from resources.settings.zones import Desk
from spot.contracts.monitoring_tables import MODEL_COMPARISONS
from spot.lifecycle.comparison import PAIR, comparison_in_words
from trading_assets.declared import AssetResult
from trading_assets.partitions import zone_partitions
from workflows.lifecycle.shadow import shadow_comparisons

_COMPARISONS = MODEL_COMPARISONS.name
_COMPARED = (
    "version_a", "version_b", "first_day", "last_day", "n_days",
    "mae_a_eur_per_mwh", "mae_b_eur_per_mwh", "error_p_value", "pnl_a_eur", "pnl_b_eur", "money_p_value",
)  # fmt: skip


@asset(
    group_name="models",
    partitions_def=zone_partitions,
    backfill_policy=BackfillPolicy.multi_run(max_partitions_per_run=1),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata(_COMPARISONS),
    deps=["champion"],
)
def model_comparison(context: AssetExecutionContext, lake: Lake, desk: Desk, clock: Clock) -> AssetResult:
    """Error and money of each challenger (A) and of whoever was champion (B).

    On the same shadow days, by hour and month, with significance.

    `spotdesk compare` makes the same view of any two versions on days of one's choice.
    """
    zone = context.partition_key
    found = shadow_comparisons(zone, lake, desk, clock)
    rows = pl.concat([MODEL_COMPARISONS.empty(), *(comparison.rows for comparison in found)])
    report = lake.upsert(_COMPARISONS, rows, by=PAIR) if rows.height else None
    total = rows.filter(pl.col("slice") == "total").select(_COMPARED)
    facts: dict[str, Any] = {
        "total": preview(total),
        "by_month": preview(rows.filter(pl.col("slice") == "month").drop("zone", "slice"), 12),
    }
    facts |= {f"version_{comparison.version}": comparison_in_words(comparison.rows) for comparison in found}
    drawn: dict[str, Any] = {}
    for comparison in found[-1:]:
        name, simulated = comparison.version, comparison.is_simulated
        drawn["error_by_hour"] = picture(
            error_by_hour(comparison.rows, is_simulated=simulated),
            f"error by hour of version {name} and the champion",
        )
        drawn["gain"] = picture(
            cumulated_gain(comparison.daily, is_simulated=simulated),
            f"what version {name} gained on the champion",
        )
    return MaterializeResult(
        metadata={**written(rows, report), **facts, **drawn, "n_challengers": len(found)}
    )
