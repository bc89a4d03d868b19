"""What follows a signal before the gate.

It is sent through the outbox, and what moved the forecast behind it is recorded.
"""

from datetime import datetime

import polars as pl
from dagster import AssetExecutionContext, MaterializeResult, MetadataValue

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import picture, written
from resources.pictures.desk import contributions as contributions_picture
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.trading.outbox import Outbox
from resources.wall_clock import utc_now
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.strategy.reasons import SPREAD
from trading_assets.frame.declared import AssetResult, declared_asset
from trading_assets.frame.reads import PRICE_MODELS, SPREAD_MODELS, of_zone
from trading_assets.partitions import covered
from workflows.decisions.reasons import reasons_of_day


@declared_asset(
    per="zone and day",
    group="signals",
    kinds={"polars", "deltalake"},
    table="publications",
    reads=[
        "signals",
        "bid_curves",
        "block_orders",
        "limit_conformance",
        "order_overrides",
        "override_conformance",
    ],
)
def published_signals(
    context: AssetExecutionContext,
    lake: Lake,  # noqa: ARG001 - its rows are counted when the days of the run are recorded
    outbox: Outbox,
    alerts: Alerts,
) -> AssetResult:
    """Signals sent to table, folder and, where the zone is live, the signed webhook.

    Each is sent at least once and has a receipt. Nothing is sent while the desk or zone is halted, after the
    gate, or after `valid_until_utc`. A replay of past days publishes nothing: whatever its clock says, the
    outbox reads the true clock.
    """
    span = covered(context)
    rows = outbox.publish(span.zone, span.first_day, span.last_day)
    alert_on_unsent(rows, alerts, utc_now())
    receipts = rows.select("strategy", "channel", "status", "detail", "receipt").to_dicts()
    return MaterializeResult(
        metadata={"dagster/row_count": rows.height, "receipts": MetadataValue.json(receipts)}
    )


def alert_on_unsent(publications: pl.DataFrame, alerts: Alerts, now: datetime) -> None:
    """An alert for every batch that a channel did not accept.

    The message names the delivery day, so the same trouble tomorrow is another alert.
    """
    for row in publications.filter(pl.col("status") != "sent").iter_rows(named=True):
        tried = f", attempt {row['attempt']}" if row["status"] == "failed" else ""
        text = f"{row['strategy']} for {row['delivery_day']} to {row['channel']}{tried}: {row['detail']}"
        alerts.send("not_published", text, zone=row["zone"], severity="critical", now=now)


@declared_asset(
    per="zone and day",
    group="signals",
    kinds={"polars", "deltalake"},
    table="signal_reasons",
    reads=["signals", "day_ahead_features", *SETTLING_TABLES, of_zone(PRICE_MODELS), of_zone(SPREAD_MODELS)],
)
def signal_reasons(
    context: AssetExecutionContext, lake: Lake, desk: Desk, registry: ModelRegistry
) -> AssetResult:
    """The reasons of each signal: what every family of inputs adds to the forecast in EUR/MWh.

    It also shows the past days that the day resembles. Trees are explained by TreeSHAP, the bank by occlusion
    and kernel similarity. For a spread with a model of its own, it shows what moved that spread. Of several
    days only the newest is explained.
    """
    zone, day = covered(context).zone, covered(context).last_day
    rows = reasons_of_day(zone, day, lake, desk, registry)
    report = lake.replace("signal_reasons", rows, zone=zone, first_day=day, last_day=day)
    is_spread = pl.col("feature").str.starts_with(SPREAD)
    moved = contributions_picture(rows.filter(~is_spread))
    pictures = {"contributions": picture(moved, "What moved the forecast")}
    if (spread := rows.filter(is_spread)).height:
        drawn = contributions_picture(spread, "the expected spread")
        pictures["spread_contributions"] = picture(drawn, "What moved the expected spread")
    return MaterializeResult(metadata={**written(rows, report), **pictures})
