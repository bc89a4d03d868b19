"""Contract of the quarantine: rows that a raw table refused, kept with the reason."""

import polars as pl

from spot.contracts.table import UTC_INSTANT, Column, TableContract

UNKNOWN_ZONE = "unknown"
"""Zone of a refused row that names no bidding zone."""

QUARANTINE = TableContract(
    name="quarantine",
    description=(
        "Rows that broke the contract of a raw table, never dropped: the row as JSON, the reason, the source"
        " and when it was first seen."
    ),
    key=("zone", "table_name", "row_id"),
    columns={
        "zone": Column(dtype=pl.String, description="bidding zone of the row, or unknown"),
        "table_name": Column(dtype=pl.String, description="raw table that refused the row"),
        "row_id": Column(
            dtype=pl.String, description="SHA-256 of table, reason and row: the same reject twice is one row"
        ),
        "reason": Column(dtype=pl.String, description="what is wrong with the row"),
        "row_json": Column(dtype=pl.String, description="the row as JSON"),
        "source": Column(dtype=pl.String, description="provider that delivered the row"),
        "seen_at_utc": Column(
            dtype=UTC_INSTANT, description="when the row was first refused", unit="instant"
        ),
    },
)
