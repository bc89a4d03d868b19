"""What may leave of a zone: the machine's signals as people have changed them, and the limits behind them."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from resources.lake.lake import Lake
from spot.contracts.signal_tables import LIMIT_CONFORMANCE
from spot.strategy.by_hand.changes import Changed, Key, with_changes
from spot.strategy.outbox.batch import Batch


def orders_to_send(lake: Lake, zone: str, first_day: date, last_day: date) -> Changed:
    """Signals and curves of the days, with what people have changed."""
    signals, overrides, judged, curves = (
        lake.read(table, zones=[zone], first_day=first_day, last_day=last_day)
        for table in ("signals", "order_overrides", "override_conformance", "bid_curves")
    )
    return with_changes(signals, overrides, judged, curves)


def limits_behind(lake: Lake, batch: Batch) -> pl.DataFrame:
    """Rows of `limit_conformance` about the batch's day, those of changed orders among them."""
    machine, judged = (
        lake.read(table, zones=[batch.zone], first_day=batch.delivery_day, last_day=batch.delivery_day)
        for table in ("limit_conformance", "override_conformance")
    )
    return pl.concat([machine, judged.select(LIMIT_CONFORMANCE.columns.keys())])


def not_judged(batch: Batch, unjudged: Mapping[Key, str]) -> tuple[str, ...]:
    """Why changed orders may not leave: their limits are not those of the machine's newest decision."""
    why = unjudged.get((batch.zone, batch.delivery_day, batch.strategy))
    return () if why is None else (why,)
