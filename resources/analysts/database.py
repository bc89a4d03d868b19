"""The analyst database: one DuckDB file with all tables, with comments.

Any DuckDB client can open it while runs go on.

A DuckDB file that is open for writing locks out every other process. So the file is built beside the
published one and swapped in by one rename (`swap`). Readers keep the state that they opened; every new
connection sees the new one, also in the same process. The file holds real tables, not views over files, so a
connection without file or network access can answer everything.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from resources.analysts.query import query_database
from resources.analysts.swap import new_version, swap_in
from resources.analysts.views import VIEWS, AnalystView
from resources.fixed_resource import FixedResource
from resources.lake.lake import Lake
from resources.locks.held import held
from spot.contracts.model_tables import MODEL_VERSIONS
from spot.contracts.table import UTC_INSTANT, Column, TableContract
from spot.contracts.tables import TABLES
from spot.errors import ConfigurationError

if TYPE_CHECKING:  # the registry imports MLflow, which nothing here needs
    from resources.models.version import ModelVersion

STORAGE_VERSION = "v1.5.0"
"""Oldest DuckDB that can read the file."""
_LOCK_SECONDS = 600
"""Longest wait for another process that publishes. Chosen by hand: the publication of a large desk is over by
then.
"""

_CONTENTS = TableContract(
    name="contents",
    description="What this file holds: every table, its version in the lake, its rows and its meaning.",
    key=("table_name",),
    columns={
        "table_name": Column(dtype=pl.String, description="table of this database"),
        "lake_state": Column(
            dtype=pl.String,
            description="identity and version of the lake's table at publication; empty if it held nothing",
        ),
        "n_rows": Column(dtype=pl.Int64, description="rows"),
        "description": Column(dtype=pl.String, description="what a row is"),
    },
)


@dataclass(frozen=True, slots=True)
class PublishedDatabase:
    """What was published: rows by table, size of the file, and whether it had to be built again."""

    path: Path
    n_rows: Mapping[str, int]
    n_bytes: int
    is_new: bool


class AnalystDatabase(FixedResource):
    """The file at `path`."""

    path: str

    def publish(self, lake: Lake, *, model_versions: Iterable["ModelVersion"] = ()) -> PublishedDatabase:
        """Build the database from the newest version of every table and swap it in.

        Nothing is built where nothing changed.

        Raises:
            SourceUnavailableError: another process builds it for too long, or Postgres, which keeps the lock,
                does not answer.
        """
        target = Path(self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        models = model_version_rows(model_versions)
        lock, taken = Path(f"{target}.lock"), f"{target.name} is being built by another process"
        with held(lock, wait_seconds=_LOCK_SECONDS, taken=taken, undone="it was not built"):
            for stale in target.parent.glob(f".{target.name}.*.building*"):
                stale.unlink()
            states = {name: lake.state(name) for name in TABLES}
            if self._is_current(states, models):
                return self._report(is_new=False)
            building = new_version(target)
            frames = (
                (contract, lake.read(name, version=_version(states[name])))
                for name, contract in TABLES.items()
            )
            _build(building, chain(frames, [(MODEL_VERSIONS, models)]), states)
            swap_in(target, building)
            return self._report(is_new=True)

    def query(self, sql: str, *, max_rows: int | None = None) -> pl.DataFrame:
        """Answer SQL from the published file, read-only and without any file or network access.

        Instants are UTC.

        Raises:
            ConfigurationError: nothing is published yet, or the SQL is wrong or not allowed.
        """
        return query_database(Path(self.path), sql, max_rows=max_rows)

    def faults(self) -> tuple[str, ...]:
        """Differences between the published rows and what an analyst can query; empty when there are none.

        It queries as an analyst does.
        """
        try:
            told = dict(self.query("SELECT table_name, n_rows FROM contents").iter_rows())
            counts = (f"SELECT '{name}', count(*) FROM {name}" for name in told)  # noqa: S608 - names of our own contracts
            held = dict(self.query(" UNION ALL ".join(counts)).iter_rows())
        except ConfigurationError as error:
            return (str(error),)
        missing = sorted({*TABLES, MODEL_VERSIONS.name} - told.keys())
        return (
            *(f"{name} is not in the database" for name in missing),
            *(
                f"{name} has {held[name]} rows, {n} were published"
                for name, n in told.items()
                if held[name] != n
            ),
        )

    def _is_current(self, states: Mapping[str, str], models: pl.DataFrame) -> bool:
        if not Path(self.path).exists():
            return False
        try:
            held = dict(
                self.query(
                    "SELECT table_name, lake_state FROM contents WHERE table_name <> 'model_versions'"
                ).iter_rows()
            )
            return held == states and self.query("FROM model_versions ORDER BY ALL").equals(
                models.sort(models.columns)
            )
        except ConfigurationError:
            return False  # an older layout or a damaged file: build it again

    def _report(self, *, is_new: bool) -> PublishedDatabase:
        rows = dict(self.query("SELECT table_name, n_rows FROM contents").iter_rows())
        return PublishedDatabase(Path(self.path), rows, Path(self.path).stat().st_size, is_new)


def model_version_rows(versions: Iterable["ModelVersion"]) -> pl.DataFrame:
    """Registered versions under the contract `model_versions`."""
    rows = [
        {
            "zone": entry.zone,
            "version": str(entry.version),
            "model_name": entry.name,
            "stage": str(entry.stage),
            "trained_from": entry.trained_from,
            "trained_through": entry.trained_through,
            "serves_from": entry.serves_from,
            "created_at_utc": entry.created_at_utc,
            "lineage": entry.lineage,
            "cause": entry.tags.get("cause", ""),
            "data_version": entry.tags.get("data_version", ""),
            "code_commit": entry.tags.get("code_commit", ""),
            "fingerprint": entry.fingerprint,
            "metrics_json": json.dumps(entry.metrics, sort_keys=True),
            "settings_json": json.dumps(entry.settings, sort_keys=True, default=str),
            "checksums_json": json.dumps(entry.checksums, sort_keys=True),
            "run_id": entry.run_id,
        }
        for entry in versions
    ]
    return pl.DataFrame(rows, schema=MODEL_VERSIONS.schema)


def _version(state: str) -> int | None:
    return int(state.rpartition("@")[2]) if state else None


def _build(
    path: Path, tables: Iterable[tuple[TableContract, pl.DataFrame]], states: Mapping[str, str]
) -> None:
    """Write a database file with all tables, their comments, and the views."""
    contents = []
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{_escaped(str(path))}' AS analyst (STORAGE_VERSION '{STORAGE_VERSION}')")
        connection.execute(
            "USE analyst; BEGIN"
        )  # one transaction: a commit per comment would take most of the time
        for contract, frame in tables:
            _create_table(connection, contract, frame)
            contents.append(
                (contract.name, states.get(contract.name, ""), frame.height, contract.description)
            )
        _create_table(connection, _CONTENTS, pl.DataFrame(contents, schema=_CONTENTS.schema, orient="row"))
        for view in VIEWS:
            kind, comment_kind = ("MACRO", "MACRO TABLE") if view.arguments else ("VIEW", "VIEW")
            head = f"{view.name}({view.arguments}) AS TABLE" if view.arguments else f"{view.name} AS"
            connection.execute(f"CREATE {kind} {head} {view.sql}")
            connection.execute(f"COMMENT ON {comment_kind} {view.name} IS '{_escaped(view.words)}'")
            if not view.arguments:
                _comment_columns(connection, view)
        connection.execute("COMMIT; USE memory")
        connection.execute("DETACH analyst")


def _create_table(
    connection: duckdb.DuckDBPyConnection, contract: TableContract, frame: pl.DataFrame
) -> None:
    connection.register("incoming", frame.to_arrow())
    connection.execute(f"CREATE TABLE {contract.name} AS SELECT * FROM incoming")  # noqa: S608 - names of our own contracts
    connection.unregister("incoming")
    connection.execute(f"COMMENT ON TABLE {contract.name} IS '{_escaped(contract.description)}'")
    for name, column in contract.columns.items():
        connection.execute(f"""COMMENT ON COLUMN {contract.name}."{name}" IS '{_escaped(_told(column))}'""")


def _told(column: Column) -> str:
    """Meaning of a column with its unit."""
    if column.unit and column.unit != "instant":
        return f"{column.description} [{column.unit}]"
    return f"{column.description} [UTC]" if column.dtype == UTC_INSTANT else column.description


def _comment_columns(connection: duckdb.DuckDBPyConnection, view: AnalystView) -> None:
    """Comments of a view's columns: its own words, else those of the table from which a column comes."""
    contracts = {**TABLES, MODEL_VERSIONS.name: MODEL_VERSIONS}
    told = dict(view.columns)
    for table in view.tables:
        for name, column in contracts[table].columns.items():
            told.setdefault(name, _told(column))
    described = connection.execute(f"SELECT column_name FROM (DESCRIBE {view.name})").fetchall()  # noqa: S608 - names of our own views
    for (name,) in described:
        connection.execute(f"""COMMENT ON COLUMN {view.name}."{name}" IS '{_escaped(told[name])}'""")


def _escaped(text: str) -> str:
    return text.replace("'", "''")
