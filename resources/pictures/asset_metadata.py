"""What people look at in the UI: column schemas, row counts, previews, pictures. Formatting only."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from dagster import (
    AssetKey,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableSchema,
)

from resources.lake.lake import WriteReport
from spot.contracts.table import Column
from spot.contracts.tables import find_contract

OWNERS = ["team:trading-desk"]
_PREVIEW_ROWS = 6
"""Chosen by hand: what a page of the UI shows beside the other metadata without scrolling."""
_PREVIEW_COLUMNS = 9
"""Chosen by hand: more columns make the table wider than the page."""
_SHOWN_FIRST = (
    "zone",
    "delivery_day",
    "delivery_start_utc",
    "strategy",
    "side",
    "volume_mw",
    "limit_price_eur_per_mwh",
    "expected_price_eur_per_mwh",
    "price_point_eur_per_mwh",
    "pnl_eur",
)
"""Columns that a person looks for in a preview, in this order; the others follow as the table has them."""


def table_metadata(table: str) -> dict[str, Any]:
    """Definition metadata of the asset that writes `table`.

    Its name and its columns with types, units and constraints.
    """
    contract = find_contract(table)
    columns = [
        TableColumn(
            name,
            type=_type_name(column.dtype),
            description=_describe(column),
            constraints=_constraints(column, name in contract.key),
        )
        for name, column in contract.columns.items()
    ]
    key = TableConstraints(other=[f"key: {', '.join(contract.key)}"])
    return {
        "dagster/table_name": table,
        "dagster/column_schema": TableSchema(columns=columns, constraints=key),
    }


def lineage(columns: Mapping[str, Sequence[tuple[str, str]]]) -> TableColumnLineage:
    """Column lineage: column to the (asset, column) pairs it comes from."""
    return TableColumnLineage(
        {
            name: [TableColumnDep(AssetKey([asset]), column) for asset, column in origins]
            for name, origins in columns.items()
        }
    )


def written(frame: pl.DataFrame, report: WriteReport | None = None) -> dict[str, Any]:
    """Row count and a preview of what was written, and what the write did."""
    metadata: dict[str, Any] = {"dagster/row_count": frame.height, "preview": preview(frame)}
    if "delivery_day" in frame.columns and frame.height:
        days = frame["delivery_day"].unique().sort()
        metadata["days"] = f"{days[0]} to {days[-1]}"
    if "source" in frame.columns and frame.height:
        metadata["source"] = ", ".join(sorted(frame["source"].unique().to_list()))
    if report is not None:
        metadata |= {
            "new_rows": report.n_new,
            "known_rows": report.n_known,
            "quarantined_rows": report.n_quarantined,
            "table_version": report.version,
        }
    return metadata


def preview(frame: pl.DataFrame, n_rows: int = _PREVIEW_ROWS) -> MetadataValue:
    """The newest rows as a table: when, which side, how much and at what price before all else."""
    first = [name for name in _SHOWN_FIRST if name in frame.columns]
    ordered = [*first, *(name for name in frame.columns if name not in first)]
    names = [name for name in ordered if frame[name].null_count() < frame.height][:_PREVIEW_COLUMNS]
    rows = [[_cell(value) for value in row] for row in frame.select(names).tail(n_rows).rows()]
    lines = [
        "| " + " | ".join(names) + " |",
        "|" + "---|" * len(names),
        *("| " + " | ".join(row) + " |" for row in rows),
    ]
    return MetadataValue.md("\n".join(lines) if frame.height else "no rows")


def picture(png: bytes, alt: str) -> MetadataValue:
    """A picture that the UI shows inline. It is part of the event, so it needs no file and no server."""
    content = base64.b64encode(png).decode("ascii")
    return MetadataValue.md(f"![{alt}](data:image/png;base64,{content})")


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.2f}" if isinstance(value, float) else str(value)
    return text.replace("|", "/")[:60]


def _type_name(dtype: Any) -> str:
    return str(dtype).lower()


def _describe(column: Column) -> str:
    return f"{column.description} [{column.unit}]" if column.unit else column.description


def _constraints(column: Column, is_key: bool) -> TableColumnConstraints:
    other = ["part of the key"] if is_key else []
    if column.minimum is not None:
        other.append(f">= {column.minimum:g}")
    if column.maximum is not None:
        other.append(f"<= {column.maximum:g}")
    if column.allowed is not None:
        other.append(f"one of {', '.join(map(str, column.allowed))}")
    if column.pattern is not None:
        other.append(f"of the form {column.pattern}")
    return TableColumnConstraints(nullable=column.nullable, unique=False, other=other)
