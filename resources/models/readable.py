"""Reading a local registry whose database may be damaged: one error by name, with the cure."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spot.errors import ModelIntegrityError

_IN_USE = ("locked", "busy", "disk is full", "readonly", "no space left")
"""Words of SQLite that say nothing about the file's content."""
_UNREADABLE = (sqlite3.Error, ValueError, LookupError, TypeError, AttributeError, EOFError)
"""What MLflow and our own reading of a row raise where a row is not what it was."""


@contextmanager
def readable(database: Path) -> Iterator[None]:
    """In the block, what MLflow says of a damaged database is one error.

    Raises:
        ModelIntegrityError: the database, or a row of it, cannot be read.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, *_UNREADABLE) as error:
        if any(words in str(error).lower() for words in _IN_USE):
            raise
        raise ModelIntegrityError(unreadable_line(database, error)) from error


def unreadable_line(database: Path, error: BaseException) -> str:
    """The line for a database that cannot be read."""
    said = " ".join(str(error).split())[:120]
    return (
        f"the registry {database} cannot be read ({type(error).__name__}: {said}): restore the desk from a"
        " backup (`spotdesk restore`)"
    )
