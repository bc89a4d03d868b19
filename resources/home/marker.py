"""The marker `desk.json` of a desk: its format, its identity, and the place that it was written at.

The place tells a copy from the desk itself. The marker holds its own inode, with the generation of that inode
where the file system tells it, the identity of the file system, and that of the machine. A desk that is moved
by a rename keeps all of them. A copy, a restored archive, a snapshot or another machine has others: whatever
differs makes it a copy. A desk that was moved to another disk cannot be told from a copy, so it counts as
one.

Quick to import: the stop button reads the marker.
"""

import fcntl
import json
import os
import struct
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from resources.files import write_whole
from resources.home.find import MARKER, is_desk_without_marker
from spot.errors import ConfigurationError

FORMAT = 1
"""Format of the folder that this version reads and writes. 0 is a desk without a marker."""
Kind = Literal["desk", "demo", "study"]
_MACHINE_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_GET_GENERATION = 0x80087601
"""FS_IOC_GETVERSION of linux/fs.h on 64 bits: an inode that is used again gets another generation."""


class DeskFormatError(ConfigurationError):
    """The desk is of a format other than that of this version, or its marker cannot be read."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a marker was written. 0 and empty text mean unknown, and match everything."""

    inode: int
    generation: int
    file_system: int
    machine: str

    def is_same(self, other: "Place") -> bool:
        """Whether nothing that is known of both differs."""
        pairs = zip(_values(self), _values(other), strict=True)
        return all(one == another for one, another in pairs if one and another)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """The content of `desk.json`."""

    format: int
    desk_id: str
    kind: Kind
    made_at_utc: str
    origin: str
    """Empty for a new desk; else what it was made from."""
    place: Place


def read_marker(home: Path) -> Marker:
    """The marker of a desk of the format that this version reads.

    Raises:
        DeskFormatError: the format is older or newer, or the marker cannot be read; the message says the
            cure.
    """
    if is_desk_without_marker(home):
        raise DeskFormatError(
            f"the desk in {home} was made by an older Spotdesk (format 0, this one reads {FORMAT}):"
            f" `spotdesk upgrade --home {home}` backs it up and upgrades it"
        )
    document = _document(home / MARKER)
    found = document.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise DeskFormatError(
            f"the desk in {home} was made by a newer Spotdesk (format {found}, this one reads {FORMAT}):"
            " update Spotdesk, or use a desk of its own for this version: `spotdesk init DIR`"
        )
    try:
        return _parsed(document)
    except (KeyError, TypeError, ValueError) as error:
        raise DeskFormatError(
            f"{home / MARKER} is not a marker of a desk ({error}): restore the desk from a backup"
        ) from error


def new_marker(home: Path, *, kind: Kind, now: datetime, origin: str = "") -> Marker:
    """Write the marker of a desk with a new identity, in one rename; what it replaces is gone."""
    marker = Marker(
        format=FORMAT,
        desk_id=uuid.uuid4().hex[:12],
        kind=kind,
        made_at_utc=now.isoformat(),
        origin=origin,
        place=Place(0, 0, 0, ""),
    )
    return _write(home, marker)


def share_marker(home: Path) -> Marker:
    """Write the marker anew, with its inode alone as its place: several hosts may open the folder.

    Raises:
        DeskFormatError: the marker cannot be read.
        ConfigurationError: it is a demo or a study, or the folder is a copy.
    """
    marker = read_marker(home)
    if marker.kind != "desk":
        raise ConfigurationError(f"{home} is a {marker.kind}: only a desk is shared")
    if is_copy(home, marker):
        raise ConfigurationError(f"{home} is a copy of desk {marker.desk_id}: open it first, then share it")
    return _write(home, marker, is_shared=True)


def is_copy(home: Path, marker: Marker) -> bool:
    """Whether the folder is not the one into which the marker was written."""
    return not marker.place.is_same(_place_of(home / MARKER))


def desk_id_of(home: Path) -> str:
    """Identity of the desk; empty where none can be read."""
    try:
        return read_marker(home).desk_id
    except DeskFormatError:
        return ""


def _write(home: Path, marker: Marker, *, is_shared: bool = False) -> Marker:
    """Write the marker with the place of the very file that is swapped in.

    File system, generation and machine differ from host to host, so a shared one does not name them.
    """
    written = marker

    def content(beside: Path) -> bytes:
        nonlocal written
        place = _place_of(beside)
        place = Place(place.inode, 0, 0, "") if is_shared else place
        written = replace(marker, place=place)
        return (json.dumps(asdict(written), indent=1) + "\n").encode()

    write_whole(home / MARKER, content, durable=True)
    return written


def _place_of(path: Path) -> Place:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        inode = os.fstat(descriptor).st_ino
        return Place(inode, _generation(descriptor), os.fstatvfs(descriptor).f_fsid, _machine())
    finally:
        os.close(descriptor)


def _generation(descriptor: int) -> int:
    answer = bytearray(8)
    try:
        fcntl.ioctl(descriptor, _GET_GENERATION, answer)
    except OSError:  # the file system has none, or does not tell
        return 0
    return int(struct.unpack("=I", answer[:4])[0])


def _machine() -> str:
    for path in _MACHINE_FILES:
        try:
            found = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if found:
            # never the number itself: a backup would carry it to strangers (man 5 machine-id)
            return uuid.uuid5(uuid.NAMESPACE_OID, f"spotdesk {found}").hex[:16]
    return ""


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DeskFormatError(f"{path} cannot be read ({error}): restore the desk from a backup") from error
    if not isinstance(document, Mapping):
        raise DeskFormatError(f"{path} is not a marker of a desk: restore the desk from a backup")
    return document


def _parsed(document: Mapping[str, Any]) -> Marker:
    kind, place = document["kind"], document["place"]
    if kind not in get_args(Kind):
        raise ValueError(f"kind {kind!r}")
    if document["format"] != FORMAT:
        raise ValueError(f"format {document['format']!r}")
    return Marker(
        format=FORMAT,
        desk_id=str(document["desk_id"]),
        kind=kind,
        made_at_utc=str(document["made_at_utc"]),
        origin=str(document["origin"]),
        place=Place(
            int(place["inode"]), int(place["generation"]), int(place["file_system"]), str(place["machine"])
        ),
    )


def _values(place: Place) -> tuple[object, ...]:
    return (place.inode, place.generation, place.file_system, place.machine)
