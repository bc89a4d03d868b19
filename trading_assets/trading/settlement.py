"""Settlement: the P&L of the signals after fees, once the prices are known."""

from datetime import timedelta
from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetCheckSeverity,
    AssetExecutionContext,
    MaterializeResult,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import replace_span
from resources.pictures.asset_metadata import lineage, picture, written
from resources.pictures.desk import pnl_curve
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.contracts.raw_tables import SETTLING_TABLES
from trading_assets.frame.declared import AssetResult, declared_asset, declared_check
from trading_assets.partitions import covered
from workflows.decisions.exchange import alert_on_fills, compared_fills
from workflows.decisions.settle import settle_span, unsettled

TABLE = "settlements"
_CURVE_DAYS = 182
"""Days of the picture. Chosen by hand: half a year shows the trend and the newest days."""
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


@declared_asset(
    per="zone and day",
    group="settlement",
    kinds={"polars", "deltalake"},
    table=TABLE,
    reads=[
        "signals",
        "bid_curves",
        "block_orders",
        "publications",
        "order_overrides",
        "override_conformance",
        "exchange_fills",
        *SETTLING_TABLES,
    ],
)
def settlement(
    context: AssetExecutionContext, lake: Lake, desk: Desk, alerts: Alerts, clock: Clock
) -> AssetResult:
    """Fills, fees, costs and P&L of each signal, and the P&L of perfect foresight at the same prices.

    Live orders that were never sent are settled as flat. What the exchange reported (`exchange_fills`) takes
    the place of fills that follow from prices; where it differs from what was sent, an alert says so.
    """
    span = covered(context)
    settled = settle_span(span, lake, desk)
    report = replace_span(lake, TABLE, settled, span)
    alert_on_fills(compared_fills(span, lake, settled), alerts, now=clock.now())
    since = span.last_day - timedelta(days=_CURVE_DAYS)
    curve = lake.read(TABLE, zones=[span.zone], first_day=since, last_day=span.last_day)
    champion = settled.filter(pl.col("role") == "champion")
    sums = {name: round(float(champion[name].sum()), 2) for name in ("pnl_eur", "perfect_foresight_eur")}
    shown: dict[str, Any] = {
        "pnl_curve": picture(pnl_curve(curve), "P&L curve"),
        "dagster/column_lineage": _LINEAGE,
    }
    return MaterializeResult(metadata={**written(settled, report), **sums, **shown})


@declared_check(
    asset="settlement",
    description="A unit with a position and known prices has its P&L.",
    reads=["signals", "settlements"],
)
def every_traded_unit_is_settled(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Positions whose prices are still missing. They cause a warning until the prices are known."""
    waiting = unsettled(covered(context), lake)
    return AssetCheckResult(
        passed=waiting.is_empty(),
        severity=AssetCheckSeverity.WARN,
        metadata={"waiting_units": waiting.height},
    )
