"""The chain of a desk: `books/chain.jsonl` in its home, one record per line, written one after the other.

A line that a kill or a full disk cut off was never a record: the next one takes its place. Records are not
synced one by one, because what they record can be recorded again, late. Before a head leaves the desk, they
are.
"""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from resources.books.keys import signing_key
from resources.wall_clock import utc_now
from spot.books.record import GENESIS, Head, Record, canonical, parse_record
from spot.errors import ConfigurationError, SourceUnavailableError

FOLDER = "books"
RECORD = "record"
"""What a signature of a record is for."""
_NAME = "chain.jsonl"
_WAIT_SECONDS = 10.0
"""Longest wait for another process that appends. Chosen by hand: a record takes a fraction of a millisecond
(`python -m benchmarks.safety.books`), so a longer wait means that something hangs.
"""
_PIECE = 8 * 1024
"""Bytes that are read at once from the end. Chosen by hand: the newest record is most often in the first
piece.
"""


@dataclass(frozen=True, slots=True)
class Chain:
    """The chain of the desk in `home`."""

    home: Path

    @property
    def path(self) -> Path:
        """Its file."""
        return self.home / FOLDER / _NAME

    @property
    def is_begun(self) -> bool:
        """Whether the desk keeps books: a desk of an older version begins with its next run or upgrade."""
        return self.path.is_file()

    def append(
        self,
        kind: str,
        content: Mapping[str, Any],
        *,
        is_late: bool = False,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> Record:
        """Write the next record, signed where the desk has a key.

        Raises:
            SourceUnavailableError: another process holds the chain for longer than `wait_seconds`.
            ConfigurationError: the newest record or the key cannot be read.
            OSError: the disk does not take it.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.path.with_suffix(".lock")).acquire(timeout=wait_seconds, poll_interval=0.005):
                return self._append(kind, content, is_late=is_late)
        except Timeout:
            raise SourceUnavailableError(
                f"the books are being written by another process for longer than {wait_seconds:g} s"
            ) from None

    def _append(self, kind: str, content: Mapping[str, Any], *, is_late: bool) -> Record:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            last, end = self._last(descriptor)
            record = Record(
                number=0 if last is None else last.number + 1,
                at_utc=utc_now().isoformat(),
                kind=kind,
                content=content,
                is_late=is_late,
                previous=GENESIS if last is None else last.hash,
            )
            record = self._signed(record)
            os.ftruncate(descriptor, end)
            line = canonical(record.as_document()) + b"\n"
            if os.pwrite(descriptor, line, end) != len(line):
                raise OSError(errno.ENOSPC, f"{self.path}: the disk is full")
            return record
        finally:
            os.close(descriptor)

    def _signed(self, record: Record) -> Record:
        key = signing_key(self.home)
        if key is None:
            return record
        from spot.books.signing import sign

        return record.signed(sign(key, RECORD, record.hash))

    def records(self) -> list[Record]:
        """Every whole record, the oldest first; none where there is no chain.

        Raises:
            ConfigurationError: the file cannot be read, or a line is no record.
        """
        records, problem = self.read()
        if problem:
            raise ConfigurationError(f"record {len(records)} of the books was changed: {problem}")
        return records

    def read(self) -> tuple[list[Record], str]:
        """Records up to the first that cannot be read, and why not; empty where all can.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        try:
            *lines, _cut_off = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return [], ""
        except OSError as error:
            raise ConfigurationError(f"{self.path} cannot be read: {error.strerror}") from error
        records: list[Record] = []
        for line in lines:
            try:
                records.append(parse_record(line))
            except ValueError as error:
                return records, str(error)
        return records, ""

    def head(self) -> Head | None:
        """The newest record; None where there is no chain.

        Raises:
            ConfigurationError: it cannot be read.
        """
        if not self.is_begun:
            return None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            last, _ = self._last(descriptor)
        finally:
            os.close(descriptor)
        return None if last is None else last.head

    def sync(self) -> None:
        """Have every record on disk when this returns."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _last(self, descriptor: int) -> tuple[Record | None, int]:
        """The newest whole record, and where the next one begins."""
        start = os.fstat(descriptor).st_size
        tail = b""
        while start > 0 and tail.count(b"\n") < 2:
            begin = max(0, start - _PIECE)
            tail, start = os.pread(descriptor, start - begin, begin) + tail, begin
        whole, _, _cut_off = tail.rpartition(b"\n")
        if not whole:
            return None, 0
        end = start + len(whole) + 1
        try:
            return parse_record(whole.rpartition(b"\n")[2]), end
        except ValueError as error:
            raise ConfigurationError(
                f"the newest record in {self.path} was changed ({error}): `spotdesk books verify`"
            ) from error


def chain_of(home: str | Path) -> Chain | None:
    """The chain of the desk in `home`; None where it keeps no books, or there is no home."""
    chain = Chain(Path(home))
    return chain if str(home) and chain.is_begun else None
