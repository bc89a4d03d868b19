"""The record of a training set: its days, its fingerprint, and the versions of the tables behind it.

The rows are written first and the record last. A run that is killed between the two leaves the record of the
previous set, which names the version of the table that holds its rows.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.models.training_order import TrainingOrder
from spot.contracts.feature_tables import TRAINING_WINDOWS
from spot.errors import ContractError, ForecastError
from workflows.training.window import TrainingWindow

_TABLE = TRAINING_WINDOWS.name
EVER = (date(2000, 1, 1), date(2100, 1, 1))
"""Days of all training sets. A zone has one training set at a time: a new one replaces all its rows, whatever
their days.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedWindow:
    """One row of `training_windows`."""

    model: str
    """Family of models that learns from the set."""
    window: TrainingWindow
    as_of_utc: datetime
    lineage: str
    data_version: str
    table_name: str
    table_version: int = 0
    """Version of the table in which the rows stand; 0 before they are written."""
    read_versions: dict[str, int]
    """Table to the version that was read to make the rows."""

    @property
    def table_versions(self) -> str:
        """Versions of the training set and of what it was made from, as JSON, for the model's own record."""
        return json.dumps({self.table_name: self.table_version, **self.read_versions})


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSet:
    """A training set as it was written."""

    recorded: RecordedWindow
    rows: pl.DataFrame
    report: WriteReport


def versions_of(lake: Lake, tables: Sequence[str]) -> dict[str, int]:
    """Version of each table in the lake."""
    return {name: lake.version(name) for name in tables}


def record_window(lake: Lake, recorded: RecordedWindow) -> None:
    """Write the record; the zone's older one of the same model is replaced."""
    window = recorded.window
    row = {
        "zone": window.zone,
        "model": recorded.model,
        "first_day": window.first_day,
        "learn_through": window.learn_through,
        "evaluate_through": window.evaluate_through,
        "as_of_utc": recorded.as_of_utc,
        "lineage": recorded.lineage,
        "data_version": recorded.data_version,
        "table_name": recorded.table_name,
        "table_version": recorded.table_version,
        "read_versions_json": json.dumps(recorded.read_versions),
    }
    lake.upsert(_TABLE, pl.DataFrame([row], schema=TRAINING_WINDOWS.schema))


def write_set(lake: Lake, rows: pl.DataFrame, to_record: RecordedWindow) -> WrittenSet:
    """Write the rows of a training set and its record: they replace those of the zone.

    Raises:
        ContractError: the rows break the contract of the table.
    """
    zone = to_record.window.zone
    report = lake.replace(to_record.table_name, rows, zone=zone, first_day=EVER[0], last_day=EVER[1])
    recorded = replace(to_record, table_version=report.version)
    record_window(lake, recorded)
    return WrittenSet(recorded=recorded, rows=rows, report=report)


def find_window(lake: Lake, zone: str, model: str) -> RecordedWindow | None:
    """The record of the zone's newest training set of this model; None where there is none."""
    rows = lake.read(_TABLE, zones=[zone]).filter(pl.col("model") == model)
    if rows.is_empty():
        return None
    row = rows.row(0, named=True)
    days = {name: row[name] for name in ("zone", "first_day", "learn_through", "evaluate_through")}
    return RecordedWindow(
        model=model,
        window=TrainingWindow(**days),
        as_of_utc=row["as_of_utc"],
        lineage=row["lineage"],
        data_version=row["data_version"],
        table_name=row["table_name"],
        table_version=row["table_version"],
        read_versions=json.loads(row["read_versions_json"]),
    )


def require_window(
    lake: Lake, zone: str, model: str, *, lineage: str, order: TrainingOrder | None = None
) -> RecordedWindow:
    """The record of the set from which a run of the zone learns or on which it judges.

    Raises:
        ForecastError: there is none, it is made of other data than the zone's settings name, or it ends on
            another day than the order names.
    """
    recorded = find_window(lake, zone, model)
    cure = f"materialise the training set of {model} for {zone} first"
    if recorded is None:
        raise ForecastError(f"zone {zone}: there is no training set of {model}; {cure}")
    if recorded.lineage != lineage:
        raise ForecastError(
            f"zone {zone}: the training set of {model} is made of {recorded.lineage}, the settings name"
            f" {lineage}; {cure}"
        )
    through = None if order is None else order.through()
    if through not in (None, recorded.window.evaluate_through):
        raise ForecastError(
            f"zone {zone}: the training set of {model} ends on {recorded.window.evaluate_through}, {through}"
            f" is asked for; {cure}"
        )
    return recorded


def read_rows(
    lake: Lake, recorded: RecordedWindow, fingerprint: Callable[[pl.DataFrame], str]
) -> pl.DataFrame:
    """The rows of the set, compared with its fingerprint.

    Raises:
        ContractError: they are not the rows that were written.
    """
    zone = recorded.window.zone
    rows = lake.read(recorded.table_name, zones=[zone], version=recorded.table_version)
    found = fingerprint(rows)
    if found != recorded.data_version:
        raise ContractError(
            f"table {recorded.table_name} of {zone}: version {recorded.table_version} holds {found},"
            f" {recorded.data_version} was recorded; materialise it again"
        )
    return rows
