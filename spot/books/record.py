"""A record of the books, and the head that pins every record before it.

The hash of a record is SHA-256 over the hash of the record before it and over the SHA-256 of its own body. So
one head, kept elsewhere, pins the whole chain up to it.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

GENESIS = "0" * 64
"""Stands where the first record names the hash of the one before it."""
_HEAD = re.compile(r"(\d{1,12}):([0-9a-f]{64})(?::([0-9a-f]{128}))?")
_HEX = re.compile(r"[0-9a-f]*")


@dataclass(frozen=True, slots=True)
class Head:
    """Number and hash of a record, with its signature (hex, empty where the desk had no key)."""

    number: int
    hash: str
    signature: str = ""

    def __str__(self) -> str:
        """As it leaves the desk: `number:hash:signature`."""
        return f"{self.number}:{self.hash}" + (f":{self.signature}" if self.signature else "")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One link of the chain."""

    number: int
    """0 for the first."""
    at_utc: str
    """When it was written, by the clock of the machine."""
    kind: str
    content: Mapping[str, Any]
    is_late: bool
    """It was written by a later command, because a process died between the action and its record."""
    previous: str
    """Hash of the record before."""
    signature: str = ""

    @cached_property
    def body_hash(self) -> str:
        """SHA-256 of what the record says."""
        return sha256_of(
            {
                "number": self.number,
                "at_utc": self.at_utc,
                "kind": self.kind,
                "content": self.content,
                "is_late": self.is_late,
            }
        )

    @cached_property
    def hash(self) -> str:
        """What the next record, and a head, name."""
        return linked(self.previous, self.body_hash)

    @property
    def head(self) -> Head:
        """The head that this record is."""
        return Head(self.number, self.hash, self.signature)

    def signed(self, signature: str) -> "Record":
        """The same record with its signature."""
        return replace(self, signature=signature)

    def as_document(self) -> dict[str, Any]:
        """The record as plain values."""
        return {
            "number": self.number,
            "at_utc": self.at_utc,
            "kind": self.kind,
            "content": self.content,
            "is_late": self.is_late,
            "previous": self.previous,
            "hash": self.hash,
            "signature": self.signature,
        }


def linked(previous: str, body_hash: str) -> str:
    """The hash of a record with this body after the record with the hash `previous`."""
    return hashlib.sha256(f"{previous}{body_hash}".encode()).hexdigest()


def parse_record(line: str | bytes) -> Record:
    """The record that a line of the chain, or a part of a certificate, says.

    Raises:
        ValueError: it is no record, or its hash is not that of what it says.
    """
    try:
        found = json.loads(line)
        record = Record(
            number=_whole(found["number"]),
            at_utc=str(found["at_utc"]),
            kind=str(found["kind"]),
            content=dict(found["content"]),
            is_late=found["is_late"] is True,
            previous=str(found["previous"]),
            signature=str(found["signature"]),
        )
        stated = found["hash"]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it is no record ({error})") from error
    if stated != record.hash:
        raise ValueError("its hash is not that of what it says")
    if not _HEX.fullmatch(record.signature):
        raise ValueError("its signature is no number")
    return record


def parse_head(text: str) -> Head:
    """The head that a person has kept.

    Raises:
        ValueError: it is not `number:hash` or `number:hash:signature`.
    """
    match = _HEAD.fullmatch(text.strip())
    if match is None:
        raise ValueError("a head is NUMBER:HASH or NUMBER:HASH:SIGNATURE, as alerts and messages carry it")
    return Head(int(match[1]), match[2], match[3] or "")


def canonical(document: Any) -> bytes:
    """The one text of plain values: sorted keys, no spaces, UTF-8."""
    return json.dumps(
        document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def sha256_of(document: Any) -> str:
    """SHA-256 of plain values."""
    return hashlib.sha256(canonical(document)).hexdigest()


def first_break(records: Sequence[Record]) -> int | None:
    """Place of the first record that does not follow the one before it; None where all do."""
    previous = GENESIS
    for place, record in enumerate(records):
        if record.number != place or record.previous != previous:
            return place
        previous = record.hash
    return None


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no number of a record")
    return value
