"""One name for the newest of several files, so that every new connection gets the newest.

DuckDB keeps one instance per process and file, under the real path of the file. Where a new file replaces an
old one under the same path, a second connection of a process that still has the old one open gets the old
one again. So each published file has a folder of its own, and the name is a link to the newest:

::

    analyst.duckdb -> .analyst.duckdb.versions/<id>/analyst.duckdb

The file before stays until the next one comes, for a client that has followed the link and not yet opened
the file. On a file system without links the new file takes the name itself.
"""

import shutil
import uuid
from pathlib import Path


def versions_folder(name: Path) -> Path:
    """The folder of the versions of a file, beside it."""
    return name.with_name(f".{name.name}.versions")


def new_version(name: Path) -> Path:
    """Where to write the next version: a path in a new folder."""
    folder = versions_folder(name) / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder / name.name


def swap_in(name: Path, version: Path) -> None:
    """Let `name` mean `version`, by one rename, and remove all others but the one before.

    The caller has the lock of the publication.
    """
    before = name.resolve() if name.is_symlink() else None
    link = version.with_name("link")
    try:
        link.symlink_to(version.relative_to(name.parent))
    except OSError:  # the file system has no links
        version.replace(name)
        shutil.rmtree(versions_folder(name), ignore_errors=True)
        return
    link.replace(name)
    kept = {version.parent.resolve(), before.parent if before is not None else None}
    for folder in versions_folder(name).iterdir():
        if folder.resolve() not in kept:
            shutil.rmtree(folder, ignore_errors=True)
