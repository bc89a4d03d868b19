"""A new SQLite store of MLflow, whole or not there.

MLflow killed while it makes the tables leaves one that nobody can open again.
"""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

_SQLITE = "sqlite:///"


def make_store(tracking_uri: str) -> None:
    """Make the store that the URI names, if it is a SQLite file that is not there yet.

    The caller sees to it that no other process does the same.

    The tables are made in a file beside it, which is copied whole (SQLite's own backup) and renamed.
    """
    path = Path(tracking_uri.removeprefix(_SQLITE))
    if not tracking_uri.startswith(_SQLITE) or path.exists():
        return
    from mlflow import MlflowClient

    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".mlflow-") as folder:
        made, whole = Path(folder) / "made.db", Path(folder) / "whole.db"
        MlflowClient(tracking_uri=f"{_SQLITE}{made}").search_experiments(max_results=1)
        with closing(sqlite3.connect(made)) as source, closing(sqlite3.connect(whole)) as target:
            source.backup(target)
        whole.replace(path)
