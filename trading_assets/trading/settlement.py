"""Settlement: what the signals earned after fees, once the prices are known."""

from datetime import timedelta

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    asset,
    asset_check,
)

from resources.lake.lake import Lake
from resources.lake.zone_tables import PRICE_TABLES, read_raw_tables
from resources.pictures.asset_metadata import OWNERS, lineage, picture, table_metadata, written
from resources.pictures.desk import pnl_curve
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from spot.contracts.signal_tables import SETTLEMENTS
from spot.risk.outcomes import zone_outcomes
from spot.strategy.outbox.batch import as_sent
from spot.strategy.settle import settle_signals
from trading_assets.partitions import covered, zone_day_partitions

TABLE = "settlements"
_CURVE_DAYS = 182
_LINEAGE = lineage(
    {
        "volume_mw": [("signals", "volume_mw")],
        "day_ahead_price_eur_per_mwh": [("day_ahead_prices", "price_eur_per_mwh")],
        "reference_price_eur_per_mwh": [
            ("intraday_prices", "price_eur_per_mwh"),
            ("imbalance_prices", "price_eur_per_mwh"),
        ],
        "pnl_eur": [
            ("signals", "volume_mw"),
            ("day_ahead_prices", "price_eur_per_mwh"),
            ("intraday_prices", "price_eur_per_mwh"),
        ],
    }
)


@asset(
    group_name="settlement",
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata(TABLE),
    deps=["signals", "day_ahead_prices", "intraday_prices", "imbalance_prices"],
)
def settlement(context: AssetExecutionContext, lake: Lake, desk: Desk) -> MaterializeResult:  # type: ignore[type-arg]
    """Fills, fees, costs and P&L of each signal, beside what perfect foresight would have made of the same prices.

    Live orders that never left the desk are settled as flat.
    """
    span = covered(context)
    raw = read_raw_tables(
        lake,
        span.zone,
        desk.zone(span.zone),
        first_day=span.first_day,
        last_day=span.last_day,
        tables=PRICE_TABLES,
    )
    rows = lake.read("signals", zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    rows = as_sent(
        rows, lake.read("publications", zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    )
    curves = lake.read("bid_curves", zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    parts = [SETTLEMENTS.empty()]
    for strategy in strategies_of(desk, span.zone):
        outcomes = zone_outcomes(raw, zone=span.zone, settled_against=strategy.settled_against)
        parts.append(
            settle_signals(
                rows.filter(pl.col("strategy") == strategy.strategy), outcomes, strategy, bid_curves=curves
            )
        )
    settled = pl.concat(parts)
    # Live money of a strategy that the desk has taken out of its settings since stays on record.
    stored = lake.read(TABLE, zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    left_out = (
        stored.filter(pl.col("mode") == "live")
        .join(rows.select("signal_id"), on="signal_id", how="semi")
        .join(settled, on="signal_id", how="anti")
    )
    settled = pl.concat([settled, left_out])
    report = lake.replace(TABLE, settled, zone=span.zone, first_day=span.first_day, last_day=span.last_day)
    curve = lake.read(
        TABLE,
        zones=[span.zone],
        first_day=span.last_day - timedelta(days=_CURVE_DAYS),
        last_day=span.last_day,
    )
    champion = settled.filter(pl.col("role") == "champion")
    facts = {
        "pnl_eur": round(float(champion["pnl_eur"].sum()), 2),
        "perfect_foresight_eur": round(float(champion["perfect_foresight_eur"].sum()), 2),
    }
    return MaterializeResult(
        metadata={
            **written(settled, report),
            **facts,
            "pnl_curve": picture(pnl_curve(curve), "P&L curve"),
            "dagster/column_lineage": _LINEAGE,
        }
    )


@asset_check(
    asset=settlement,
    name="every_traded_unit_is_settled",
    description="A unit with a position and known prices has its P&L.",
)
def every_traded_unit_is_settled(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Positions whose prices are still missing: they warn until the prices are in."""
    span = covered(context)
    rows = lake.read("signals", zones=[span.zone], first_day=span.first_day, last_day=span.last_day).filter(
        pl.col("side") != "flat"
    )
    settled = lake.read(TABLE, zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    waiting = rows.join(settled, on="signal_id", how="anti")
    return AssetCheckResult(
        passed=waiting.is_empty(),
        severity=AssetCheckSeverity.WARN,
        metadata={"waiting_units": waiting.height},
    )
