"""Mutations of what providers send: of bytes, numbers, dates and structure.

Each takes a body and a generator of random numbers and gives another body, of at most 8 MB.
"""

import io
import json
import lzma
import random
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

LONGEST_BODY = 8 * 1024 * 1024
_LONG_BODY = 1024 * 1024
_NUMBERS = (
    b"0", b"-0", b"-1", b"1e999", b"-1e308", b"NaN", b"Infinity", b"9" * 19, b"9" * 400, b"9" * 5000,
    b"9999999999999", b"2147483648", b"9223372036854775808", b"1.0000000000001", b"0x10", b"1_000", b"1,5",
    b"\xd9\xa1", b"", b"null", b"true", b'"1"', b"[]", b"{}",
)  # fmt: skip
_DATES = (
    b"9999-12-31T23:59Z", b"9999-12-31", b"0001-01-01T00:00Z", b"0001-01-01", b"2924-01-01T00:00Z",
    b"1969-12-31T23:00Z", b"2025-02-30", b"2025-11-05T25:00Z", b"2025-11-05T10:00:00+23:59", b"2025-W01-1",
    b"2025-11-05T10:00:00.123456789Z", b"2025-11-05", b"20251105", b"2025-10-26T02:30:00", b"",
)  # fmt: skip
_BYTES = (b"\x00", b"\xff", b"<", b">", b"&", b'"', b"[", b"]", b"{", b"}", b",", b"\n", b"\xf0\x9f\x98\x80")
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_DATE = re.compile(rb"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?")
_ELEMENT = re.compile(rb"<([A-Za-z_.]+)>[^<]*</\1>")
_ODD_VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 10**400, 2**63, 1e308, "", "x" * 70_000, "9999-12-31T23:59Z", [], {}, [[]], [None],
    {"a": 1}, "\ud800".encode("utf-8", "replace").decode(),
)  # fmt: skip
_REPEATS = (2, 100, 5_000)

_DAMAGED_ARCHIVE = (zipfile.BadZipFile, OSError, ValueError, EOFError)
_DAMAGED_MEMBER = (RuntimeError, NotImplementedError, KeyError, zlib.error, lzma.LZMAError, struct.error)

Mutation = Callable[[bytes, random.Random], bytes]


def mutated(body: bytes, kind: str, rng: random.Random) -> bytes:
    """`body` after one to three mutations that fit its kind; one that has become long is left as it is."""
    choices = (*_ANY, *_OF_KIND[kind])
    for n_before in range(rng.choice((1, 1, 1, 2, 3))):
        if n_before and len(body) > _LONG_BODY:
            break
        body = rng.choice(choices)(body, rng)[:LONGEST_BODY]
    return body


def _flipped(body: bytes, rng: random.Random) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 8) if body else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(body: bytes, rng: random.Random) -> bytes:
    return body[: rng.randrange(len(body) + 1)]


def _without_a_piece(body: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + body[at + rng.randint(1, 200) :]


def _piece_repeated(body: bytes, rng: random.Random) -> bytes:
    first = rng.randrange(len(body) + 1)
    piece = body[first : first + rng.randint(1, 2_000)]
    return body[:first] + piece * rng.choice(_REPEATS) + body[first:]


def _inserted(body: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(body) + 1)
    return body[:at] + rng.choice(_BYTES) * rng.choice((1, 3, 100_000)) + body[at:]


def _number(body: bytes, rng: random.Random) -> bytes:
    return _replaced(body, _NUMBER, _NUMBERS, rng)


def _date(body: bytes, rng: random.Random) -> bytes:
    return _replaced(body, _DATE, _DATES, rng)


def _replaced(body: bytes, what: re.Pattern[bytes], by: tuple[bytes, ...], rng: random.Random) -> bytes:
    """One or all of what matches, replaced by the same odd piece."""
    found = list(what.finditer(body))
    if not found:
        return body
    one = rng.choice(found)
    if rng.random() < 0.1:
        return body.replace(one.group(), rng.choice(by))
    return body[: one.start()] + rng.choice(by) + body[one.end() :]


def _element(body: bytes, rng: random.Random) -> bytes:
    """An element of XML left out, repeated, nested in itself, renamed or with odd text."""
    found = list(_ELEMENT.finditer(body))
    if not found:
        return body
    one = rng.choice(found)
    name, whole = one.group(1), one.group()
    other = rng.choice(found).group()
    depth = rng.choice((5, 30, 200_000))
    replacement = rng.choice(
        (
            lambda: b"",
            lambda: whole * rng.choice(_REPEATS),
            lambda: other,
            lambda: b"<%s>" % name * depth + b"</%s>" % name * depth,
            lambda: b"<%s>%s</%s>" % (name, rng.choice((*_NUMBERS, *_DATES)), name),
            lambda: b"<%s xmlns='urn:x' a='1'><![CDATA[1]]></%s>" % (name, name),
            lambda: b"<!-- x --><?x y?>" + whole,
        )
    )()
    return body[: one.start()] + replacement + body[one.end() :]


def _doctype(body: bytes, rng: random.Random) -> bytes:
    """Entities that grow, or that name a file."""
    entity = rng.choice((b'<!ENTITY x "yyyy">', b'<!ENTITY x SYSTEM "file:///etc/hostname">'))
    return b"<!DOCTYPE a [" + entity + b"]>" + body.replace(b"><", b">&x;<", 3)


def _node(body: bytes, rng: random.Random) -> bytes:
    """A value of JSON replaced, left out, repeated or nested."""
    try:
        root = json.loads(body)
    except (ValueError, RecursionError):
        return body
    holder, key = _random_place(root, rng)
    if holder is None:
        return json.dumps(rng.choice(_ODD_VALUES)).encode()
    odd = rng.choice(_ODD_VALUES)
    choice = rng.randrange(4)
    if choice == 0:
        holder[key] = odd
    elif choice == 1:
        del holder[key]
    elif choice == 2:
        holder[key] = [holder[key]] * rng.choice(_REPEATS)
    elif isinstance(holder, list):
        holder.extend([odd if rng.random() < 0.5 else holder[key]] * rng.choice(_REPEATS))
    else:
        holder.update({f"{key}{at}": odd for at in range(rng.choice(_REPEATS))})
    return json.dumps(root, ensure_ascii=False).encode("utf-8", "replace")


def _random_place(root: Any, rng: random.Random) -> tuple[Any, Any]:
    """A list or mapping inside `root` and one of its keys; None where there is none."""
    holder, key = None, None
    while isinstance(root, list | dict) and root:
        holder, key = root, rng.choice(list(root) if isinstance(root, dict) else range(len(root)))
        if rng.random() < 0.25:
            break
        root = holder[key]
    return holder, key


def _deep(body: bytes, rng: random.Random) -> bytes:
    depth = rng.choice((50, 1_000, 200_000))
    opened, closed = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    nested = opened * depth + b"1" + closed * depth
    return _NUMBER.sub(nested, body, count=1) if rng.random() < 0.5 else nested


def _archive(body: bytes, rng: random.Random) -> bytes:
    """An archive with members that are mutated, many, large, encrypted, nested or oddly named."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [archive.read(name) for name in archive.namelist()]
    except (*_DAMAGED_ARCHIVE, *_DAMAGED_MEMBER):  # a mutation before this one broke it
        return body
    members = [
        mutated(content[:200_000], "xml", rng) if rng.random() < 0.5 else content for content in members
    ]
    members += rng.choice(([], [bytes(LONGEST_BODY * 4)], [body], [b"<a/>"] * 1_200, [b""]))
    packed = io.BytesIO()
    method = rng.choice((zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED, zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))
    with zipfile.ZipFile(packed, "w", method) as archive:
        for at, content in enumerate(members):
            archive.writestr(rng.choice((f"{at}.xml", f"../{at}", f"{at}/", "x" * 60_000 + str(at))), content)
    whole = packed.getvalue()
    return whole.replace(b"PK\x01\x02", b"PK\x01\x02\x00\x00\x00\x00\x01") if rng.random() < 0.1 else whole


def _end_record(body: bytes, rng: random.Random) -> bytes:
    """Counts and sizes of a ZIP directory that lie."""
    at = max(0, len(body) - 22) + rng.randrange(8, 20)
    return (
        body[:at] + rng.choice((b"\xff\xff", b"\x00\x00", b"\x01\x00", b"\xff\xff\xff\x7f")) + body[at + 2 :]
    )


def _line(body: bytes, rng: random.Random) -> bytes:
    """A line of CSV left out, repeated, in quotes, wider or narrower."""
    lines = body.split(b"\n")
    at = rng.randrange(len(lines))
    line = lines[at]
    lines[at] = rng.choice(
        (
            lambda: b"",
            lambda: b"\n".join([line] * rng.choice(_REPEATS)),
            lambda: b'"' + line,
            lambda: line + b"," * rng.choice((1, 50, 100_000)),
            lambda: line.replace(b",", b";"),
            lambda: line.replace(b",", b"\t,\r"),
            lambda: line.partition(b",")[2],
        )
    )()
    return b"\n".join(lines)


def _footer(body: bytes, rng: random.Random) -> bytes:
    """Bytes of the footer of a parquet file, where its counts and sizes are."""
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(max(0, len(changed) - 1_500), len(changed))] = rng.choice((0, 255, 127, 128, 1))
    return bytes(changed)


_ANY: tuple[Mutation, ...] = (_flipped, _cut, _without_a_piece, _piece_repeated, _inserted)
_TEXT: tuple[Mutation, ...] = (_number, _date, _number, _date)
_OF_KIND: dict[str, tuple[Mutation, ...]] = {
    "xml": (*_TEXT, _element, _element, _element, _doctype),
    "json": (*_TEXT, _node, _node, _node, _deep),
    "csv": (*_TEXT, _line, _line),
    "zip": (_archive, _archive, _archive, _end_record, _end_record),
    "parquet": (_footer, _footer, _footer),
}
