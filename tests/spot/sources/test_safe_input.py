"""Bytes of strangers: bounded, complete or refused."""

import io
import json
import time
import tracemalloc
import zipfile
import zlib

import pytest

from spot.errors import ContractError
from spot.sources.safe_input import MAXIMUM_BYTES, read_json, read_xml, read_zip

LAUGHS = b"""<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol">
<!ENTITY lol2 "&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;&lol;">]><lolz>&lol2;</lolz>"""
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'
HIDDEN_IN_UTF_16 = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'.encode(
    "utf-16"
)


def zipped(content: bytes, name: str = "a.xml") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return packed.getvalue()


def bomb(n_bytes: int, declared: int) -> bytes:
    """A ZIP whose one member unpacks to `n_bytes` of zeros and says that it has `declared`."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = bytes(1 << 20)
    data = b"".join(packer.compress(block) for _ in range(n_bytes >> 20)) + packer.flush()
    sizes = (
        zlib.crc32(b"").to_bytes(4, "little")
        + len(data).to_bytes(4, "little")
        + declared.to_bytes(4, "little")
    )
    name = b"bomb.xml"
    common = (
        b"\x14\x00\x00\x00\x08\x00\x00\x00\x00\x00" + sizes + len(name).to_bytes(2, "little") + b"\x00\x00"
    )
    local = b"PK\x03\x04" + common + name + data
    directory = b"PK\x01\x02\x14\x00" + common + bytes(14) + name
    end = (
        b"PK\x05\x06"
        + bytes(4)
        + b"\x01\x00\x01\x00"
        + len(directory).to_bytes(4, "little")
        + len(local).to_bytes(4, "little")
        + b"\x00\x00"
    )
    return local + directory + end


def test_xml_comes_back_as_a_tree_without_namespaces() -> None:
    root = read_xml(b'<n:a xmlns:n="urn:x"><b> 1 </b><b>2</b><c><d>x &amp; y</d></c></n:a>', "a test")
    assert root.tag == "a"
    assert [node.text for node in root.all("b")] == ["1", "2"]
    assert root.value("c", "d") == "x & y"
    assert root.value("c", "e") is None


@pytest.mark.parametrize(
    "body",
    [
        LAUGHS,
        EXTERNAL,
        HIDDEN_IN_UTF_16,
        b"",
        b"   ",
        b"<a><b></a>",
        b"<html>",
        b"PK\x03\x04",
        b"{}",
        b"<a/><a/>",
    ],
)
def test_xml_that_is_not_a_plain_complete_document_is_refused(body: bytes) -> None:
    with pytest.raises(ContractError, match="a test"):
        read_xml(body, "a test")


def test_nesting_is_bounded_before_anything_is_built() -> None:
    started = time.process_time()
    with pytest.raises(ContractError, match="deeper"):
        read_xml(b"<a>" * 200_000 + b"</a>" * 200_000, "a test")
    with pytest.raises(ContractError, match="too deeply"):
        read_json(b"[" * 200_000 + b"]" * 200_000, "a test")
    assert time.process_time() - started < 1.0


def test_a_body_above_the_bound_is_refused() -> None:
    with pytest.raises(ContractError, match="ask for fewer days"):
        read_xml(b"x" * (MAXIMUM_BYTES + 1), "a test")


def test_members_of_an_archive_come_back() -> None:
    assert read_zip(zipped(b"<a/>"), "a test") == (("a.xml", b"<a/>"),)


def test_every_cut_of_an_archive_is_refused() -> None:
    body = zipped(b"<a>" + b"x" * 300 + b"</a>")
    for n_bytes in range(len(body)):
        with pytest.raises(ContractError):
            read_zip(body[:n_bytes], "a test")


@pytest.mark.parametrize("declared", [200 << 20, 4])
def test_an_archive_that_unpacks_to_far_more_is_refused_in_little_time_and_memory(declared: int) -> None:
    body = bomb(200 << 20, declared)
    tracemalloc.start()
    started = time.process_time()
    with pytest.raises(ContractError):
        read_zip(body, "a test")
    seconds, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert seconds < 1.0
    assert peak < 160 << 20


def test_an_archive_with_a_huge_directory_is_refused_unread() -> None:
    body = zipped(b"<a/>")
    lying = body[:-12] + (60_000).to_bytes(2, "little") + body[-10:]
    with pytest.raises(ContractError, match="directory"):
        read_zip(lying, "a test")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b"\xff\xfe",
        b"<html/>",
        b'{"a": 1} x',
    ],
)
def test_json_that_is_not_a_plain_complete_document_is_refused(body: bytes) -> None:
    with pytest.raises(ContractError, match="a test"):
        read_json(body, "a test")


def test_json_comes_back() -> None:
    assert read_json(json.dumps({"a": [1, 2.5, None]}).encode(), "a test") == {"a": [1, 2.5, None]}
