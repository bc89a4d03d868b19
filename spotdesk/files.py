"""A frame as a file that other tools read: Parquet or Arrow, with meaning and unit of each column."""

import uuid
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from spot.contracts.table import TableContract
from spot.errors import ConfigurationError

ENDINGS = {".parquet": "Parquet", ".arrow": "Arrow", ".feather": "Arrow"}
"""Endings of a file, and what is written."""


def write_frame(frame: pl.DataFrame, contract: TableContract, file: Path) -> None:
    """Write rows of a table, beside the file first and then by one rename.

    Raises:
        ConfigurationError: the ending is another one, the folder is missing, or it cannot be written.
    """
    kind = ENDINGS.get(file.suffix.lower())
    if kind is None:
        raise ConfigurationError(
            f"{file.name[:80]} must end in {' or '.join(ENDINGS)}: the ending says what is written"
        )
    table = _described(frame, contract)
    beside = file.with_name(f".{uuid.uuid4().hex}.writing")
    try:
        if kind == "Parquet":
            pyarrow.parquet.write_table(table, beside, compression="zstd")
        else:
            pyarrow.feather.write_feather(table, str(beside), compression="zstd")
        beside.replace(file)
    except (OSError, ValueError) as error:
        beside.unlink(missing_ok=True)
        raise ConfigurationError(f"{file} cannot be written: {error}") from error


def _described(frame: pl.DataFrame, contract: TableContract) -> pa.Table:
    """The rows as Arrow. Fields have `description` and `unit`, the table has its name and meaning."""
    table = frame.to_arrow()
    fields = [
        field.with_metadata(
            {
                "description": contract.columns[field.name].description,
                "unit": contract.columns[field.name].unit,
            }
        )
        for field in table.schema
    ]
    told = {"spotdesk.table": contract.name, "spotdesk.description": contract.description}
    return table.cast(pa.schema(fields, metadata=told))
