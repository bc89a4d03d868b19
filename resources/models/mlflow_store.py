"""The store of MLflow: complete from the start, without paths of this machine.

A local store gives the place of its files relative to its own folder (`HOME_LOCATION`), so a home can be
moved and copied. If MLflow is killed while it makes the tables of a new SQLite store, nobody can open that
store again. So the store is made beside its place and renamed.
"""

import shutil
import sqlite3
import tempfile
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from resources.models.known_rows import forget_rows

EXPERIMENT = "spotdesk"
HOME_SCHEME = "spotdesk-home"
HOME_LOCATION = f"{HOME_SCHEME}:/models"
"""Place of model files in a local store: `models` beside the database (`home_artifacts.py` reads it for
MLflow).
"""
_SQLITE = "sqlite:///"


def is_local(tracking_uri: str) -> bool:
    """Whether the store is a SQLite file."""
    return tracking_uri.startswith(_SQLITE)


_BESIDE = ".mlflow-"
"""Begins the name of the folder in which a store is made."""


def database_of(tracking_uri: str) -> Path:
    """The file of a local store."""
    return Path(tracking_uri.removeprefix(_SQLITE))


@cache
def store_client(tracking_uri: str) -> Any:
    """MLflow's client of the store; importing it takes seconds."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


@cache
def prepare_store(tracking_uri: str, artifact_folder: str) -> str:
    """Make store and experiment if they are not there, safely among several processes.

    Returns the experiment's id.
    """
    folder = Path(artifact_folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Two processes that both make a new SQLite store break it. The first one makes it, the others wait.
    with FileLock(folder / "prepare.lock", timeout=300):
        if is_local(tracking_uri) and not database_of(tracking_uri).exists():
            forget_rows(folder)
        make_store(tracking_uri)
        client = store_client(tracking_uri)
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None and is_local(tracking_uri) and found.artifact_location != HOME_LOCATION:
            # Older code stored the absolute path of the home. Its runs keep their experiment; new runs get
            # one whose place moves with the home. A version names its run, wherever the run is.
            client.rename_experiment(found.experiment_id, f"{EXPERIMENT}-{found.experiment_id}")
            found = None
        if found is not None:
            return str(found.experiment_id)
        location = HOME_LOCATION if is_local(tracking_uri) else None
        return str(client.create_experiment(EXPERIMENT, artifact_location=location))


def make_store(tracking_uri: str) -> None:
    """Make the store that the URI names, if it is a SQLite file that does not exist yet.

    The caller must ensure that no other process does the same. The tables are made in a file beside it, which
    is copied as a whole (SQLite's own backup) and renamed.
    """
    path = database_of(tracking_uri)
    if not is_local(tracking_uri):
        return
    for left in path.parent.glob(f"{_BESIDE}*"):  # of a process that was killed while it made the store
        shutil.rmtree(left, ignore_errors=True)
    if path.exists():
        return
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=_BESIDE) as folder:
        made, whole = Path(folder) / "made.db", Path(folder) / "whole.db"
        make: Any = SqlAlchemyStore  # MLflow types it without its arguments
        make(f"{_SQLITE}{made}", HOME_LOCATION)
        with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(whole)) as target:
            source.backup(target)
        whole.replace(path)
