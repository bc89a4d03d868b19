"""Rows that a table refused, as rows of the table `quarantine`."""

import hashlib
import json
import math
from datetime import datetime

import polars as pl

from spot.contracts.quarantine_table import QUARANTINE, UNKNOWN_ZONE
from spot.market.zones import ALL_ZONES


def quarantine_rows(
    table: str, rejected: pl.DataFrame, *, source: str, seen_at_utc: datetime
) -> pl.DataFrame:
    """Rejected rows, with their `reason`, under the contract of `quarantine`; equal rejects are one row."""
    rows = []
    for row in rejected.iter_rows(named=True):
        reason, zone = row["reason"], row["zone"]
        text = _as_json({name: value for name, value in row.items() if name != "reason"})
        rows.append(
            {
                "row_id": hashlib.sha256(f"{table}|{reason}|{text}".encode()).hexdigest(),
                "zone": zone if zone in ALL_ZONES else UNKNOWN_ZONE,
                "table_name": table,
                "reason": reason,
                "row_json": text,
                "source": source,
                "seen_at_utc": seen_at_utc,
            }
        )
    return (
        pl.DataFrame(rows, schema_overrides=QUARANTINE.schema)
        .select(QUARANTINE.schema.keys())
        .unique("row_id", maintain_order=True)
    )


def _as_json(row: dict[str, object]) -> str:
    """A row as JSON text; numbers that JSON lacks stand as text."""
    finite = {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
    return json.dumps(finite, default=str, sort_keys=True)
