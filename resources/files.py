"""Writing a file whole or not at all: the one way to replace a file that others may read.

Files that a library builds under a name of its own (DuckDB, SQLite), and objects in a store of objects, are
swapped in where they are made.
"""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import get_ident


def write_whole(
    path: Path, content: bytes | Callable[[Path], bytes], *, durable: bool = False, mode: int = 0o666
) -> None:
    """Write a new file, then rename it over the old one: a reader sees the old file or the new one, complete.

    Args:
        path: The file. Its folder must exist.
        content: The bytes, or a function that writes the new file at the path that it is given.
        durable: Whether the file is on disk when this returns, so that a crash leaves the old or the new
            file. It is for files that cannot be made again and have consequences: stops, keys, the identity
            of a desk, orders that were sent. Notes, caches and pointers can be made again, and a sync costs
            some milliseconds.
        mode: Permissions of a new file, before the umask. At no time can others read it beyond these.

    Raises:
        OSError: the file cannot be written; the old one is unchanged.
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
    except BaseException:  # an interrupt, too, must not leave the file beside; it is raised again below
        beside.unlink(missing_ok=True)
        raise
    if durable:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_regular(path: Path, maximum_bytes: int) -> bytes:
    """The content of a file that somebody else may have put there: at once, or not at all.

    A link, a fifo, a device, a folder, a socket or a file above `maximum_bytes` is refused before a byte is
    read, so that nothing waits and no memory is taken.

    Raises:
        FileNotFoundError: there is nothing under this name.
        OSError: it is no plain file of that size, or may not be read; the message says which.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(error.errno, "it is a link") from None
        if error.errno == errno.ENXIO:
            raise OSError(error.errno, "it is a socket") from None
        raise
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        if found.st_size > maximum_bytes:
            raise OSError(errno.EFBIG, f"it has {found.st_size} bytes, at most {maximum_bytes} are read")
        content = b""
        while len(content) <= maximum_bytes:
            piece = os.read(descriptor, maximum_bytes + 1 - len(content))
            if not piece:
                return content
            content += piece
        raise OSError(errno.EFBIG, f"it has more than {maximum_bytes} bytes")
    finally:
        os.close(descriptor)


def append_regular(path: Path, line: str) -> None:
    """Add a line to a plain file, on disk when this returns; never waits for a fifo or follows a link.

    Raises:
        OSError: it is no plain file, or cannot be written. No part of the line is left in it then.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, f"{path} is no plain file")
        _append_whole(descriptor, line.encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _append_whole(descriptor: int, line: bytes) -> None:
    """Write all of the line, or take back the part of it for which the disk had room."""
    before = os.fstat(descriptor).st_size
    n_written = os.write(descriptor, line)
    if n_written == len(line):
        return
    if os.fstat(descriptor).st_size == before + n_written:  # else somebody has written after it
        os.ftruncate(descriptor, before)
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
