"""The parts of a copy of a desk, as of one instant while its processes go on.

Tables are copied at the versions that they had under the lock of decisions, so the copy holds whole decisions
only. Databases are copied by SQLite's own online backup. Every other file is swapped in as a whole by its
writer.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from resources.lake.s3 import is_on_s3
from resources.lake.table_files import files_of_version
from resources.models.mlflow_store import database_of, is_local
from resources.settings.environment import Environment
from resources.trading.locks import writing_decision
from resources.wiring import make_lake
from spot.contracts.tables import TABLES

OWN_DESKS = ("demo", "studies")
"""Folders that are desks of their own and not part of this one."""
_ENV = ".env"
_BODIES = "captured_bodies"
_LEFT_OUT_FOLDERS = {*OWN_DESKS, "benchmarks", "identity", "watch", "workers", "__pycache__"}
"""What is another desk's, or this host's: `dagster/workers` says which processes work here now."""
_LEFT_OUT_SUFFIXES = (".lock", ".tmp", "-wal", "-shm", "-journal", ".new", ".rows.json")
"""The digests of registry rows (`.rows.json`) may be newer than the copy of the registry; the restored desk
notes them anew.
"""
_LOCKS = ("trading_state/lock", "trading_state/sending")
_SQLITE_HEADER = b"SQLite format 3\x00"


@dataclass(frozen=True, slots=True)
class Contents:
    """Files by their place in the copy, and what no copy can hold."""

    files: dict[str, Path]
    versions: dict[str, int]
    """Table to the version that is in the copy."""
    outside: list[str] = field(default_factory=list)
    """What belongs to the desk and lies elsewhere, in words."""
    passing: set[str] = field(default_factory=set)
    """Files that their owner may remove before they are copied: a log that is purged, a message that is sent.
    A table or model without one of its files is no copy, so none of theirs is here.
    """


def contents_of(environment: Environment, scratch: Path) -> Contents:
    """Everything of the desk but `.env`; databases are copied into `scratch` first.

    Raises:
        SourceUnavailableError: decisions have been being written for too long.
        ContractError: a table cannot be read.
        OSError: a file cannot be read, or `scratch` has no room.
    """
    contents = Contents({}, {})
    with writing_decision(environment.trading_state):
        contents.versions.update(_versions(environment))
        _add_registry(contents, environment, scratch)
    _add_tables(contents, environment)
    _add_folder(contents, environment.conf_folder, "conf", scratch)
    _add_rest(contents, environment, scratch)
    return contents


def _versions(environment: Environment) -> dict[str, int]:
    lake = make_lake(environment)
    found = {name: lake.version(name) for name in TABLES}
    return {name: version for name, version in found.items() if version >= 0}


def _add_registry(contents: Contents, environment: Environment, scratch: Path) -> None:
    """Add the database of the registry before its files: each version in it has its files by then."""
    if not is_local(environment.tracking_uri):
        contents.outside.append(f"the registry on {environment.tracking_uri}")
        return
    database = database_of(environment.tracking_uri)
    if database.is_file():
        contents.files["mlflow.db"] = copy_database(database, scratch / "mlflow.db")
    _add_folder(contents, environment.artifact_folder, "models", scratch)


def _add_tables(contents: Contents, environment: Environment) -> None:
    if is_on_s3(environment.lake_uri):
        contents.outside.append(f"the ledger on {environment.lake_uri}")
        return
    lake = Path(environment.lake_uri)
    for name, version in contents.versions.items():
        for path in files_of_version(lake / name, version):
            contents.files[f"lake/{name}/{path.as_posix()}"] = lake / name / path
    for path in sorted((lake / _BODIES).rglob("*")):  # bodies never change
        if path.is_file() and not path.name.startswith("."):
            contents.files[f"lake/{path.relative_to(lake).as_posix()}"] = path


def _add_rest(contents: Contents, environment: Environment, scratch: Path) -> None:
    """Add trading state, leases, markets, Dagster's storage, captured requests, outbox, analysts' file."""
    done = ("conf", "models", "lake")
    for path in sorted(environment.home.iterdir()):
        if path.name in (*done, "mlflow.db", _ENV) or path.name in _LEFT_OUT_FOLDERS:
            continue
        if path.is_dir():
            _add_folder(contents, path, path.name, scratch, may_pass=True)
        elif path.is_file() and not path.name.endswith(_LEFT_OUT_SUFFIXES):
            _add_file(contents, path, path.name, scratch, may_pass=True)
    if environment.analyst_database.is_file():
        contents.files["analyst.duckdb"] = environment.analyst_database


def _add_folder(
    contents: Contents, folder: Path, name: str, scratch: Path, *, may_pass: bool = False
) -> None:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - _LEFT_OUT_FOLDERS)
        for file in sorted(files):
            path = Path(place) / file
            inner = f"{name}/{path.relative_to(folder).as_posix()}"
            is_left_out = file.endswith(_LEFT_OUT_SUFFIXES) or inner in _LOCKS or file.startswith(".mlflow-")
            if not is_left_out and path.is_file():
                _add_file(contents, path, inner, scratch, may_pass=may_pass)


def _add_file(contents: Contents, path: Path, name: str, scratch: Path, *, may_pass: bool) -> None:
    try:
        contents.files[name] = copy_database(path, scratch / name) if is_database(path) else path
    except FileNotFoundError:
        if not may_pass:
            raise
    if may_pass:
        contents.passing.add(name)


def is_database(path: Path) -> bool:
    """Whether the file is an SQLite database."""
    with path.open("rb") as file:
        return file.read(len(_SQLITE_HEADER)) == _SQLITE_HEADER


def copy_database(source: Path, target: Path) -> Path:
    """Copy a database as of one instant while others write to it.

    Raises:
        sqlite3.Error: it is damaged, or locked for longer than a minute.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=60.0)) as read,
        closing(sqlite3.connect(target)) as written,
    ):
        read.backup(written)
    return target
