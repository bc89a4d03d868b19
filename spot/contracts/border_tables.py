"""Contracts of what crosses the borders of a zone: its net position, capacities, schedules and flows.

A series of a border is named by the neighbour, for example `to_FR`.
"""

import polars as pl

from spot.contracts.raw_tables import period_table
from spot.contracts.table import Column, TableContract


def _mw(description: str, minimum: float = 0.0) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="MW", minimum=minimum, maximum=100_000.0)


NET_POSITIONS = period_table(
    "net_positions",
    "Net position of a zone after the day-ahead auction, exports positive.",
    ("day_ahead",),
    net_position_mw=_mw("net position", -100_000.0),
)
NET_TRANSFER_CAPACITIES = period_table(
    "net_transfer_capacities",
    "Capacity that is offered to the day-ahead market from the zone to the one named by `series`, for example"
    " `to_FR`. Borders whose capacity is found by flows have none.",
    None,
    capacity_mw=_mw("net transfer capacity out of the zone"),
)
SCHEDULED_EXCHANGES = period_table(
    "scheduled_exchanges",
    "Exchange that the day-ahead market scheduled from the zone to the one named by `series`, for example"
    " `to_FR`.",
    None,
    exchange_mw=_mw("scheduled exchange out of the zone"),
)
CROSS_BORDER_FLOWS = period_table(
    "cross_border_flows",
    "Measured flow out of the zone into the one named by `series`, for example `physical_to_FR`.",
    None,
    flow_mw=_mw("mean flow out of the zone"),
)
BORDER_TABLES: tuple[TableContract, ...] = (
    NET_POSITIONS,
    NET_TRANSFER_CAPACITIES,
    SCHEDULED_EXCHANGES,
    CROSS_BORDER_FLOWS,
)
