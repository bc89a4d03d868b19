"""Publication: signals leave the desk through the outbox, on paper unless the zone is set live."""

import polars as pl
from dagster import AssetExecutionContext, BackfillPolicy, MaterializeResult, MetadataValue, asset

from resources.alerts import Alerts
from resources.clock import Clock
from resources.publication import Outbox
from trading_assets.display import OWNERS, table_metadata
from trading_assets.partitions import covered, zone_day_partitions


@asset(
    group_name="signals",
    partitions_def=zone_day_partitions,
    backfill_policy=BackfillPolicy.single_run(),
    owners=OWNERS,
    kinds={"polars", "deltalake"},
    metadata=table_metadata("publications"),
    deps=["signals"],
)
def published_signals(context: AssetExecutionContext, outbox: Outbox, clock: Clock, alerts: Alerts) -> MaterializeResult:  # type: ignore[type-arg]
    """Signals handed to table, folder and, where the zone is live, the signed webhook: at least once, each with a receipt.

    Nothing leaves while the desk or zone is halted, after the gate, or past `valid_until_utc`; a replay of past days publishes nothing.
    """
    span, now = covered(context), clock.now()
    rows = outbox.publish(span.zone, span.first_day, span.last_day, now=now)
    for row in rows.filter(pl.col("status") != "sent").iter_rows(named=True):
        alerts.send("not_published", f"{row['strategy']} to {row['channel']}: {row['detail']}", zone=span.zone, severity="critical", now=now)
    receipts = rows.select("strategy", "channel", "status", "detail", "receipt").to_dicts()
    return MaterializeResult(metadata={"dagster/row_count": rows.height, "receipts": MetadataValue.json(receipts)})
