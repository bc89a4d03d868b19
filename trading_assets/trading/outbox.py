"""What follows a signal before the gate.

It leaves through the outbox, and what moved the forecast behind it is written down.
"""

from datetime import datetime

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetExecutionContext,
    BackfillPolicy,
    MaterializeResult,
    MetadataValue,
    asset,
    asset_check,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import OWNERS, picture, table_metadata, written
from resources.pictures.desk import contributions as contributions_picture
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.trading.outbox import Outbox
from spot.strategy.reasons import SPREAD
from trading_assets.checks import conformance_result
from trading_assets.partitions import covered, zone_day_partitions
from workflows.decisions.reasons import reasons_of_day


@asset(
    group_name="signals",
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata("publications"),
    deps=["signals"],
)
def published_signals(
    context: AssetExecutionContext, outbox: Outbox, clock: Clock, alerts: Alerts
) -> MaterializeResult:  # type: ignore[type-arg]
    """Signals handed to table, folder and, where the zone is live, the signed webhook.

    At least once, each with a receipt.

    Nothing leaves while the desk or zone is halted, after the gate, or past `valid_until_utc`; a replay of
    past days publishes nothing.
    """
    span = covered(context)
    rows = outbox.publish(span.zone, span.first_day, span.last_day, clock=clock.now)
    alert_on_unsent(rows, alerts, clock.now())
    receipts = rows.select("strategy", "channel", "status", "detail", "receipt").to_dicts()
    return MaterializeResult(
        metadata={"dagster/row_count": rows.height, "receipts": MetadataValue.json(receipts)}
    )


def alert_on_unsent(publications: pl.DataFrame, alerts: Alerts, now: datetime) -> None:
    """An alert for every batch that a channel did not get.

    The message names the delivery day: the same trouble tomorrow is another alert.
    """
    for row in publications.filter(pl.col("status") != "sent").iter_rows(named=True):
        tried = f", attempt {row['attempt']}" if row["status"] == "failed" else ""
        text = f"{row['strategy']} for {row['delivery_day']} to {row['channel']}{tried}: {row['detail']}"
        alerts.send("not_published", text, zone=row["zone"], severity="critical", now=now)


@asset(
    group_name="signals",
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata("signal_reasons"),
    deps=["signals", "day_ahead_forecast"],
)
def signal_reasons(
    context: AssetExecutionContext, lake: Lake, desk: Desk, registry: ModelRegistry
) -> MaterializeResult:  # type: ignore[type-arg]
    """Why each signal: what every family of inputs adds to the forecast in EUR/MWh, and the past days it resembles.

    TreeSHAP for trees, occlusion and kernel likeness for the bank; of a spread that has a model of its own,
    what moved that spread. Of several days only the newest is explained.
    """
    span = covered(context)
    rows = reasons_of_day(span.zone, span.last_day, lake, desk, registry)
    report = lake.replace(
        "signal_reasons", rows, zone=span.zone, first_day=span.last_day, last_day=span.last_day
    )
    is_spread = pl.col("feature").str.starts_with(SPREAD)
    pictures = {
        "contributions": picture(contributions_picture(rows.filter(~is_spread)), "What moved the forecast")
    }
    if (spread := rows.filter(is_spread)).height:
        pictures["spread_contributions"] = picture(
            contributions_picture(spread, "the expected spread"), "What moved the expected spread"
        )
    return MaterializeResult(metadata={**written(rows, report), **pictures})


@asset_check(
    asset="signals",
    name="every_limit_is_kept",
    description="No signal uses more of any limit than there is, and every limit could be measured.",
)
def every_limit_is_kept(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Conformance of the champion's signals: breaches fail, denials warn.

    The tightest headroom and the limits at work are shown.

    An order that takes any price goes to the collar on purpose, so limits on prices are left out of the
    tightest.
    """
    span = covered(context)
    rows = lake.read("limit_conformance", zones=[span.zone], first_day=span.first_day, last_day=span.last_day)
    others = rows.filter(
        pl.col("role") == "champion",
        pl.col("headroom_frac").is_not_null(),
        ~pl.col("limit_name").str.contains("_price_"),
    )
    shown = others.sort("headroom_frac").head(5).with_columns(pl.col("delivery_day").cast(pl.String))
    names = (
        "delivery_day",
        "strategy",
        "scope",
        "limit_name",
        "used",
        "limit_value",
        "headroom_frac",
        "status",
    )
    return conformance_result(rows, tightest=MetadataValue.json(shown.select(names).to_dicts()))
