"""Rows under any contract, every column filled with something valid."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from spot.contracts.model_tables import MODEL_VERSIONS
from spot.contracts.table import Column
from spot.contracts.tables import TABLES

_DAY = date(2025, 10, 10)
_FILLERS: dict[Any, object] = {
    pl.String: "x",
    pl.Boolean: False,
    pl.Date: _DAY,
    pl.Float64: 1.0,
    pl.Int32: 1,
    pl.Int64: 1,
}


def made_up(table: str, *changes: Mapping[str, Any]) -> pl.DataFrame:
    """One row per mapping of changes."""
    contract = MODEL_VERSIONS if table == MODEL_VERSIONS.name else TABLES[table]
    row = {name: _filler(name, column) for name, column in contract.columns.items()}
    return pl.DataFrame([{**row, **change} for change in changes or ({},)], schema=contract.schema)


def _filler(name: str, column: Column) -> object:
    if name == "zone":
        return "DE_LU"
    if name == "strategy":
        return "storage"
    if column.allowed:
        return column.allowed[0]
    if isinstance(column.dtype, pl.Datetime):
        return datetime(2025, 10, 9, 10, tzinfo=UTC)
    return _FILLERS[column.dtype]
