"""The steps of an upgrade of a desk. Each step finds out itself whether there is anything to do.

A step that was killed is repeated from its beginning, so each step leaves the same however often it runs.
"""

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pyarrow as pa
from dagster import DagsterInstance
from deltalake import DeltaTable
from deltalake.schema import Schema

from resources.books.settings_books import FOLDER as ACCEPTED
from resources.home.found_markets import found_markets
from resources.home.make import add_missing_settings, add_own_files
from resources.home.markets import UNKNOWN, MarketMemory
from resources.instance.prepare import prepare_dagster_home
from resources.models.mlflow_store import HOME_LOCATION, database_of, is_local
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY
from resources.settings.acceptance.first import accept_paper_desk
from resources.settings.desk import desk_settings
from resources.settings.environment import Environment
from resources.wiring import make_lake, make_registry
from spot.contracts.tables import TABLES
from spot.errors import ConfigurationError

Step = Callable[[Environment], Iterator[str]]
"""Does its part and yields in words what it did; nothing if there was nothing to do."""
_ARTIFACT_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def bring_settings(environment: Environment) -> Iterator[str]:
    """Templates of settings, `.env` and `.gitignore` that the desk lacks."""
    new = [*add_own_files(environment.home), *add_missing_settings(environment.conf_folder)]
    if new:
        yield f"settings: {', '.join(path.name for path in new)} added from the templates"
    if not (environment.home / ACCEPTED).exists():
        is_accepted = accept_paper_desk(environment.home, environment.conf_folder, reason="upgrade")
        yield f"settings: {'accepted as they are' if is_accepted else 'wait for `spotdesk settings accept`'}"


def grow_tables(environment: Environment) -> Iterator[str]:
    """Add the columns that a contract has and a stored table lacks.

    Raises:
        ConfigurationError: a missing column must have a value, so the table cannot be upgraded.
    """
    lake = make_lake(environment)
    for name, contract in TABLES.items():
        delta = lake.delta(name)
        if delta is None:
            continue
        stored = {field.name for field in delta.schema().fields}
        missing = [column for column in contract.columns if column not in stored]
        if required := [column for column in missing if not contract.columns[column].nullable]:
            raise ConfigurationError(
                f"table {name} lacks {', '.join(required)}, and every row needs them: this Spotdesk cannot"
                " upgrade the desk"
            )
        if missing:
            _add_columns(delta, contract.empty().select(missing).to_arrow().schema)
            yield f"table {name}: columns {', '.join(missing)} added, empty in the rows that are there"


def upgrade_dagster(environment: Environment) -> Iterator[str]:
    """The schema of Dagster's records, and its settings as a file of the desk."""
    folder = environment.dagster_home
    databases = sorted(folder.rglob("*.db"))
    if not databases:
        return
    settings = folder / "dagster.yaml"
    is_new = settings.is_symlink() or not settings.is_file()
    prepare_dagster_home(environment)
    if is_new:
        yield "Dagster: its settings are a file of the desk"
    before = [_revision(path) for path in databases]
    with (
        DagsterInstance.from_config(str(folder)) as instance,
        redirect_stdout(StringIO()),  # it prints its progress, which says nothing where nothing changes
        redirect_stderr(StringIO()),
    ):
        instance.upgrade()
    after = [_revision(path) for path in databases]
    if changed := sum(one != another for one, another in zip(before, after, strict=True)):
        yield f"Dagster: the schema of {changed} databases upgraded"


def upgrade_registry(environment: Environment) -> Iterator[str]:
    """The schema of MLflow's store, the paths in it, and the pointers that say who serves."""
    if not is_local(environment.tracking_uri):
        yield f"the registry on {environment.tracking_uri} is left as it is: `mlflow db upgrade` there"
        return
    database = database_of(environment.tracking_uri)
    if not database.is_file():
        return
    before = _revision(database)
    _mlflow_upgrade(environment.tracking_uri)
    if _revision(database) != before:
        yield f"MLflow: schema {before} upgraded to {_revision(database)}"
    if changed := _make_paths_relative(database, environment.artifact_folder):
        yield f"MLflow: {changed} paths of model files are relative to the desk"
    pointed = list(_write_pointers(environment))
    if pointed:
        yield f"models: pointers written for {', '.join(pointed)}"


def remember_markets(environment: Environment) -> Iterator[str]:
    """Record the market of each zone that has rows and no recorded market."""
    memory = MarketMemory(environment.home)
    for zone, market, warning in found_markets(make_lake(environment), desk_settings(environment)):
        if memory.market(zone) in (None, UNKNOWN) and memory.market(zone) != market:
            memory.settle(zone, market)
            yield f"{zone} stands on {market}"
            if warning:
                yield f"WARNING: {warning}"


STEPS: tuple[Step, ...] = (bring_settings, grow_tables, upgrade_dagster, upgrade_registry, remember_markets)


def _add_columns(delta: DeltaTable, columns: pa.Schema) -> None:
    delta.alter.add_columns(Schema.from_arrow(columns).fields)


def _revision(database: Path) -> str:
    """The schema's revision as alembic keeps it; empty where there is none."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=60.0)) as connection:
            found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return ""
    return str(found[0]) if found else ""


def _mlflow_upgrade(tracking_uri: str) -> None:
    """Run MLflow's own command. It does not change a store of today's schema."""
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", tracking_uri],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ConfigurationError(f"MLflow cannot upgrade its store: {done.stderr.strip().splitlines()[-1:]}")


def _make_paths_relative(database: Path, artifact_folder: Path) -> int:
    """Replace absolute places of model files by the one that moves with the desk.

    Returns how many rows changed.

    The folder that the store was made in may be another than today's, so what counts is the end of each path.
    """
    changed = 0
    with closing(sqlite3.connect(database, timeout=60.0)) as connection, connection:
        for table, column in _ARTIFACT_COLUMNS:
            rows = connection.execute(
                f"SELECT rowid, {column} FROM {table} WHERE {column} LIKE 'file:%' OR {column} LIKE '/%'"  # noqa: S608 - names of MLflow's own schema
            ).fetchall()
            for row, path in rows:
                inner = _below(str(path), f"/{artifact_folder.name}", default=f"/{row}")
                if inner is not None:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? WHERE rowid = ?",  # noqa: S608 - likewise
                        (HOME_LOCATION + inner, row),
                    )
                    changed += 1
    return changed


def _below(path: str, folder: str, *, default: str) -> str | None:
    """What stands after the folder of model files; `default` for MLflow's own first experiment."""
    _, found, inner = path.rpartition(folder)
    if found and (not inner or inner.startswith("/")):
        return inner
    return default if "/mlruns/" in path else None


def _write_pointers(environment: Environment) -> Iterator[str]:
    """Ask the registry for the serving versions; it writes each missing or outdated pointer."""
    registry, folder = make_registry(environment), environment.artifact_folder / "serving"
    for zone in make_lake(environment).zones("promotion_decisions"):
        for family in (PRICE_FAMILY, SPREAD_FAMILY):
            own = registry.of_family(family)
            path = folder / f"{family}.{zone}.json"
            before = path.read_bytes() if path.is_file() else b""
            if own.champion(zone) is not None and own.pointer(zone) and path.read_bytes() != before:
                yield f"{family}.{zone}"
