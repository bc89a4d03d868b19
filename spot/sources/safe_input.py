"""Reading XML, ZIP and JSON from untrusted sources within bounds.

Size, depth and content are limited before anything is used.

A document is accepted as a whole or not at all. One that was cut short is not well formed, and is refused. It
is never read "as far as it goes".
"""

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any
from xml.parsers import expat

from spot.errors import ContractError

MAXIMUM_BYTES = 64 * 1024 * 1024
MAXIMUM_DOCUMENT_BYTES = 32 * 1024 * 1024
"""Of one XML or JSON document. A quarter of generation by type has 12 million bytes."""
MAXIMUM_DEPTH = 24
MAXIMUM_ELEMENTS = 600_000
"""Of one XML document. A quarter of quarter hours of 20 types has 530,000, of about 110 bytes of memory."""
MAXIMUM_VALUES = 800_000
"""Of one JSON document. A quarter of quarter hours of 20 types has 177,000."""
MAXIMUM_MEMBERS = 1000
_END_RECORD = 22
_PIECE_BYTES = 1024 * 1024
_LOOKED_AT_FIRST_BYTES = 1024 * 1024
_DIRECTORY_BYTES = 512 * 1024
"""Bounds of an archive: its members, the bytes of its end record (ZIP specification), the pieces that are
unpacked at a time, what is looked at before the whole is, and the bytes of its directory. Chosen by hand:
`python -m benchmarks.faults.provider_faults` plays bombs against them.
"""


class Node:
    """One XML element: its local name, its text without blanks around it, and its children in order."""

    # Written out and without a list for leaves: a document of a year of quarter hours has 110,000 of them.
    __slots__ = ("children", "tag", "text")

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.text = ""
        self.children: Sequence[Node] = ()

    def all(self, tag: str) -> "Iterator[Node]":
        """The direct children called `tag`."""
        return (child for child in self.children if child.tag == tag)

    def first(self, *path: str) -> "Node | None":
        """The first descendant along `path`, or None."""
        node = self
        for tag in path:
            for child in node.children:
                if child.tag == tag:
                    node = child
                    break
            else:
                return None
        return node

    def value(self, *path: str) -> str | None:
        """The text along `path`, or None where there is no such element."""
        node = self.first(*path)
        return None if node is None else node.text


class _TreeBuilder:
    """Collects the events of one document and stops at the first that breaks a bound."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.root: Node | None = None
        self.stack: list[Node] = []
        self.pieces: list[str] = []
        self.n_elements = 0

    def start(self, tag: str, _attributes: Any) -> None:
        self.n_elements += 1
        if len(self.stack) >= MAXIMUM_DEPTH or self.n_elements > MAXIMUM_ELEMENTS:
            raise ContractError(
                f"{self.what}: XML deeper than {MAXIMUM_DEPTH} levels or longer than {MAXIMUM_ELEMENTS}"
                " elements: refused"
            )
        node = Node(tag.rpartition(":")[2])
        if not self.stack:
            self.root = node
        elif children := self.stack[-1].children:
            children.append(node)  # type: ignore[attr-defined]
        else:
            self.stack[-1].children = [node]
        self.stack.append(node)
        self.pieces.clear()

    def end(self, _tag: str) -> None:
        node = self.stack.pop()
        if self.pieces:
            node.text = "".join(self.pieces).strip()
            self.pieces.clear()

    def characters(self, text: str) -> None:
        self.pieces.append(text)

    def doctype(self, *_: Any) -> int:
        raise ContractError(
            f"{self.what}: XML with a document type or entities: refused unread, no provider sends one"
        )


def read_xml(body: bytes, what: str) -> Node:
    """The root element of a complete, well-formed UTF-8 document without a document type.

    Raises:
        ContractError: empty, too large, too deep, cut short, not XML, or with a document type; `what` names
            the document in the message.
    """
    check_size(body, what, MAXIMUM_DOCUMENT_BYTES)
    builder = _TreeBuilder(what)
    looking, building = expat.ParserCreate("UTF-8"), expat.ParserCreate("UTF-8")
    for parser in (looking, building):
        parser.StartDoctypeDeclHandler = builder.doctype
        parser.EntityDeclHandler = builder.doctype
        parser.ExternalEntityRefHandler = builder.doctype
    building.buffer_text = True
    building.StartElementHandler = builder.start
    building.EndElementHandler = builder.end
    building.CharacterDataHandler = builder.characters
    try:
        # A first pass that builds nothing separates whole documents from cut ones at a fiftieth of the cost.
        # It does not limit depth, so it is for small documents only.
        if len(body) <= _LOOKED_AT_FIRST_BYTES:
            looking.Parse(body, True)
        building.Parse(body, True)
    except expat.ExpatError as error:
        raise ContractError(
            f"{what}: not a complete XML document ({error}; {_looks_like(body)}): fetch it again, nothing was"
            " read"
        ) from error
    if builder.root is None:
        raise ContractError(f"{what}: XML without a root element")
    return builder.root


def read_zip(body: bytes, what: str) -> tuple[tuple[str, bytes], ...]:
    """Name and content of every member, none of which is written to disk.

    Raises:
        ContractError: not a complete archive, too many members, or more content than `MAXIMUM_BYTES` in all,
            whatever the headers say.
    """
    check_size(body, what)
    _check_directory(body, what)
    members: list[tuple[str, bytes]] = []
    room = MAXIMUM_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for entry in archive.infolist():
                if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ContractError(f"{what}: ZIP member packed in an unusual way: refused")
                if entry.file_size > room:
                    raise ContractError(
                        f"{what}: ZIP member of {entry.file_size} bytes, at most {room} are read: refused"
                    )
                with archive.open(entry) as stream:
                    # Read in pieces: the library unpacks as much as one read asks for, whatever the header
                    # says.
                    content = b"".join(iter(partial(stream.read, _PIECE_BYTES), b""))
                room -= len(content)
                members.append((entry.filename, content))
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
    ) as error:
        raise ContractError(
            f"{what}: not a complete ZIP archive ({error}): fetch it again, nothing was read"
        ) from error
    if not members:
        raise ContractError(f"{what}: ZIP archive without members")
    return tuple(members)


def _check_directory(body: bytes, what: str) -> None:
    """The end record must close the file and announce a small directory.

    It is read before the library walks through the archive.
    """
    end = body[-_END_RECORD:]
    if len(end) < _END_RECORD or not end.startswith(b"PK\x05\x06"):
        raise ContractError(
            f"{what}: not a complete ZIP archive ({_looks_like(body)}): fetch it again, nothing was read"
        )
    n_members = int.from_bytes(end[10:12], "little")
    directory_bytes = int.from_bytes(end[12:16], "little")
    if n_members > MAXIMUM_MEMBERS or directory_bytes > _DIRECTORY_BYTES:
        raise ContractError(
            f"{what}: ZIP directory of {n_members} members, at most {MAXIMUM_MEMBERS} are read: refused"
        )


def read_json(body: bytes, what: str) -> Any:
    """The value of a complete UTF-8 JSON document with finite numbers and no key twice.

    Raises:
        ContractError: empty, too large, too deep, cut short, not JSON, a repeated key, NaN or infinity.
    """
    check_size(body, what, MAXIMUM_DOCUMENT_BYTES)
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > MAXIMUM_VALUES:
        raise ContractError(
            f"{what}: JSON of more than {MAXIMUM_VALUES:,} values: refused, ask for fewer days"
        )
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except RecursionError as error:
        raise ContractError(f"{what}: JSON nested too deeply: refused") from error
    except ValueError as error:  # covers JSONDecodeError, UnicodeDecodeError and the two refusals below
        raise ContractError(
            f"{what}: not a complete JSON document ({error}; {_looks_like(body)}): fetch it again, nothing"
            " was read"
        ) from error


def check_size(body: bytes, what: str, maximum: int = MAXIMUM_BYTES) -> None:
    """Refuse an empty body and one above `maximum` bytes.

    Raises:
        ContractError: it is either.
    """
    if not body.strip():
        raise ContractError(f"{what}: empty body: fetch it again")
    if len(body) > maximum:
        raise ContractError(
            f"{what}: body of {len(body)} bytes, at most {maximum} are read: ask for fewer days"
        )


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key is given twice")
    return content


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _looks_like(body: bytes) -> str:
    """A hint at what came instead, so that an HTML page or a ZIP is recognised.

    It never shows the content itself.
    """
    head = body.lstrip()[:200].lower()
    kinds = (
        (b"pk\x03\x04", "a ZIP archive"),
        (b"<!doctype html", "an HTML page"),
        (b"<html", "an HTML page"),
        (b"<", "XML"),
        (b"{", "JSON"),
        (b"[", "JSON"),
    )
    kind = next((name for start, name in kinds if head.startswith(start)), "neither XML, JSON nor ZIP")
    return f"the {len(body)} bytes look like {kind}"
