"""Accepted settings in the books: what will stand is recorded before it is written, and once it is."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from resources.books.chain import chain_of
from spot.books.record import sha256_of

FOLDER = "accepted"
RECORD, HISTORY = "record.json", "history.jsonl"
BEGINS, DONE = "settings begin", "settings"


@contextmanager
def settings_recorded(home: Path, after: Mapping[str, str]) -> Iterator[None]:
    """Record a change of the accepted settings, around the change.

    Args:
        home: The desk.
        after: Hashes of the files as they will stand.
    """
    chain = chain_of(home)
    if chain is not None:
        chain.append(BEGINS, after)
    yield
    if chain is not None:
        chain.append(DONE, after)


def accepted_hashes(home: Path) -> dict[str, str]:
    """Hashes of the record, of its history and of the copy, as they stand.

    Raises:
        OSError: a file cannot be read.
    """
    folder = home / FOLDER
    return hashes_of(bytes_of(folder / RECORD), bytes_of(folder / HISTORY), folder / "conf")


def hashes_of(record: bytes, history: bytes, copy: Path) -> dict[str, str]:
    """The same of files that are about to be written: two by their bytes, the copy by its source.

    Raises:
        OSError: a file cannot be read.
    """
    files = {
        path.relative_to(copy).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(copy.rglob("*.yaml"))
    }
    return {
        "record": hashlib.sha256(record).hexdigest(),
        "history": hashlib.sha256(history).hexdigest(),
        "copy": sha256_of(files),
    }


def bytes_of(path: Path) -> bytes:
    """The content of a file; nothing where there is none.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
