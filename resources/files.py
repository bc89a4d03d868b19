"""Writing a file whole or not at all: the one way to replace a file that others may read.

What a library builds under a name of its own (DuckDB, SQLite) and objects in a store of objects are swapped
in where they are made.
"""

import os
from collections.abc import Callable
from pathlib import Path
from threading import get_ident


def write_whole(
    path: Path, content: bytes | Callable[[Path], bytes], *, durable: bool = False, mode: int = 0o666
) -> None:
    """Write beside, then swap in by one rename: a reader sees the old file or the new one, whole.

    Args:
        path: The file; its folder is there.
        content: The bytes, or what makes them from the path of the file beside, which is the one swapped in.
        durable: It is on disk when this returns; a crash leaves the old or the new file. For what cannot be
            made again and is acted upon: stops, keys, the identity of a desk, orders that left. Notes, caches
            and pointers can be made again, and a sync costs some milliseconds.
        mode: Permissions of a new file, before the umask; it is never readable by more than these.

    Raises:
        OSError: the file cannot be written; the old one is untouched.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{get_ident()}.tmp")
    beside.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content if isinstance(content, bytes) else content(beside))
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
