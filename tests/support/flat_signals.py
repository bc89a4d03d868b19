"""Signals of a day without an order, under contract."""

from datetime import date, datetime

import polars as pl

from spot.contracts.signal_tables import SIGNALS
from spot.market.delivery import delivery_starts_utc


def flat_signals(zone: str, day: date, now: datetime, *, strategy: str = "settlement_spread") -> pl.DataFrame:
    """A flat row for every unit of the day, decided at `now`."""
    values: dict[str, object] = {"side": "flat", "role": "champion", "resolution_minutes": 60}
    for name, column in SIGNALS.columns.items():
        if name in values:
            continue
        if column.allowed:
            values[name] = column.allowed[0]
        elif column.nullable:
            values[name] = None
        elif column.dtype == pl.String:
            values[name] = {"zone": zone, "strategy": strategy}.get(name, "x")
        elif column.dtype == pl.Date:
            values[name] = day
        else:
            values[name] = 0.0 if column.dtype == pl.Float64 else False if column.dtype == pl.Boolean else now
    starts = delivery_starts_utc(zone, day)
    return pl.DataFrame([values | {"delivery_start_utc": start} for start in starts], schema=SIGNALS.schema)
