"""Documents that attack: entities, depth, archives that unpack to gigabytes."""

import io
import json
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.faults.provider_suite.figure import Figure, at_least, at_most
from spot.errors import ContractError
from spot.sources.safe_input import read_json, read_xml, read_zip

ROOT = Path(__file__).resolve().parents[3]


def hostile_documents() -> Iterator[Figure]:
    laughs = (
        b'<!DOCTYPE z [<!ENTITY a "ha">'
        + b"".join(f'<!ENTITY {chr(98 + at)} "{f"&{chr(97 + at)};" * 10}">'.encode() for at in range(9))
        + b"]><z>&j;</z>"
    )
    cases: dict[str, Callable[[], object]] = {
        "billion laughs": lambda: read_xml(laughs, "hostile"),
        "external entity": lambda: read_xml(
            b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>', "hostile"
        ),
        "parameter entity": lambda: read_xml(b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x.dtd"><a/>', "hostile"),
        "XML nested 200,000 deep": lambda: read_xml(b"<a>" * 200_000 + b"</a>" * 200_000, "hostile"),
        "JSON nested 200,000 deep": lambda: read_json(b"[" * 200_000 + b"]" * 200_000, "hostile"),
        "HTML for XML": lambda: read_xml(b"<!doctype html><html><body>maintenance</body></html>", "hostile"),
        "ZIP for XML": lambda: read_xml(_zip(b"<a/>"), "hostile"),
        "XML for ZIP": lambda: read_zip(b"<a/>", "hostile"),
    }
    slowest = 0.0
    n_refused = 0
    for case in cases.values():
        started = time.process_time()
        try:
            case()
        except ContractError:
            n_refused += 1
        slowest = max(slowest, time.process_time() - started)
    yield at_least("hostile documents refused", n_refused, len(cases), "", ", ".join(cases))
    yield at_most("slowest of them", slowest, 1.0, "s")


def _zip(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", content)
    return packed.getvalue()


def packed_zeros(n_gigabytes: int) -> bytes:
    """Gigabytes of zeros, compressed: one block that ends in a full flush, so that it may be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(16 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (n_gigabytes * 64) + zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS).flush()


def zip_bomb(n_gigabytes: int, declared: int) -> bytes:
    """A ZIP of one member that unpacks to gigabytes of zeros and declares `declared` bytes."""
    data = packed_zeros(n_gigabytes)
    sizes = struct.pack("<III", 0, len(data), declared)
    local = (
        b"PK\x03\x04"
        + struct.pack("<HHHHH", 20, 0, 8, 0, 0)
        + sizes
        + struct.pack("<HH", 5, 0)
        + b"a.xml"
        + data
    )
    directory = (
        b"PK\x01\x02"
        + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0)
        + sizes
        + struct.pack("<HHHHHII", 5, 0, 0, 0, 0, 0, 0)
        + b"a.xml"
    )
    return (
        local + directory + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(directory), len(local), 0)
    )


_BOMB_READER = """
import json, sys, time
from pathlib import Path
from spot.errors import ContractError
from spot.sources.safe_input import read_zip
body = Path(sys.argv[1]).read_bytes()
started = time.process_time()
is_refused = False
try:
    read_zip(body, "bomb")
except ContractError:
    is_refused = True
seconds = time.process_time() - started
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
print(json.dumps({"is_refused": is_refused, "seconds": seconds, "megabytes": peak / 1024}))
"""


def bombs() -> Iterator[Figure]:
    """Each bomb is read by a process of its own, whose peak of memory is measured whole.

    Interpreter, archive and all.
    """
    for name, declared in (
        ("that tells its size", 0xFFFFFFF0),
        ("that says it is small", 1000),
        ("that says 60 MB", 60 << 20),
    ):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bomb.zip"
            path.write_bytes(zip_bomb(10, declared))
            done = subprocess.run(
                [sys.executable, "-c", _BOMB_READER, str(path)],
                capture_output=True,
                text=True,
                check=True,
                cwd=ROOT,
            )
        measured = json.loads(done.stdout.splitlines()[-1])
        yield at_most(
            f"10 GB ZIP bomb {name}: refused in",
            measured["seconds"] if measured["is_refused"] else 1e9,
            1.0,
            "s",
        )
        yield at_most(
            f"10 GB ZIP bomb {name}: memory of the whole process", measured["megabytes"], 100.0, "MB"
        )
