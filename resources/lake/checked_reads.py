"""Files of the lake are compared with their checksums when a process first reads them, and when they changed.

A flipped bit in a data file is otherwise read in silence, and one in the log crashes the reader or renames a
column. A file without a checksum, as a killed process leaves it, is read as it is.
"""

from collections.abc import Iterable, Sequence

from pyarrow import fs

from resources.lake.checksums import Verification, compare_files, log_paths, log_paths_of
from spot.errors import ContractError

_Seen = tuple[int | None, int | None]
_SEEN: dict[tuple[str, str], _Seen] = {}
"""Table and path to size and time of change of the file that equalled its checksum.

It grows by one entry for each file that is read; a lake of ten years of 40 zones has 100,000 files.
"""


def refuse_damaged_log(files: fs.SubTreeFileSystem, uri: str, version: int | None = None) -> None:
    """Stop before the log of the table at `uri` is read, where a file of it differs from its checksum.

    Args:
        files: The files of the table, with paths relative to it.
        uri: Where the table lies.
        version: The version that is read; None for the newest.

    Raises:
        ContractError: a file of the log is damaged or lost.
    """
    refuse_damaged(files, uri, log_paths(files) if version is None else log_paths_of(files, version))


def forget_checked() -> None:
    """Compare every file again at its next read, as a new process does."""
    _SEEN.clear()


def refuse_damaged(files: fs.SubTreeFileSystem, uri: str, paths: Iterable[str]) -> None:
    """Stop before files are read, or written anew: damage would get a checksum that fits it.

    Args:
        files: The files of the table, with paths relative to it.
        uri: Where the table lies.
        paths: Files of the table that are about to be read.

    Raises:
        ContractError: a file is damaged or lost.
    """
    unseen = _unseen(files, uri, list(paths))
    if not unseen:
        return
    found = compare_files(files, table_name(uri), list(unseen))
    if not found.is_sound:
        raise ContractError(damage_text(found))
    _SEEN.update({(uri, path): seen for path, seen in unseen.items()})


def damage_text(found: Verification) -> str:
    """What is damaged, where, and the cure."""
    bad = [*found.damaged, *found.lost]
    named = ", ".join(bad[:3]) + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")
    return (
        f"table {found.table}: {len(bad)} files differ from their checksums: {named}. Nothing was read from"
        " them. `spotdesk status --verify` lists them all, `spotdesk repair` takes them out of service"
    )


def table_name(uri: str) -> str:
    """The name of the table at `uri`."""
    return uri.rstrip("/").rpartition("/")[2]


def _unseen(files: fs.SubTreeFileSystem, uri: str, paths: Sequence[str]) -> dict[str, _Seen]:
    """Files that this process has not compared as they are now."""
    now = {
        path: (info.size, info.mtime_ns)
        for path, info in zip(paths, files.get_file_info(list(paths)), strict=True)
    }
    return {path: seen for path, seen in now.items() if _SEEN.get((uri, path)) != seen}
