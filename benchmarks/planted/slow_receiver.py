"""A receiver on the loopback that notes when a whole, signed message arrived; slow where a benchmark asks."""

import datetime as dt
import ipaddress
import random
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from spot.strategy.outbox.signature import PROMPT_TOLERANCE, is_signed

_SO_TIMESTAMPNS = 35
"""Of asm-generic/socket.h; the module `socket` does not name it."""
_PIECE = 16_384


def make_certificate(folder: Path) -> Path:
    """A certificate of localhost and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


def receive_forever(arrived: Path, certificate: Path, secret: str, ports: Any) -> None:
    """Listen on two ports, the second with TLS, and tell them through the queue `ports`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    arrived.touch()
    lock = threading.Lock()
    threads = [
        threading.Thread(target=_accept, args=(listener, tls, arrived, secret, lock), daemon=True)
        for listener, tls in zip(listeners, (None, context), strict=True)
    ]
    for thread in threads:
        thread.start()
    ports.put(tuple(listener.getsockname()[1] for listener in listeners))
    for thread in threads:
        thread.join()


def _accept(
    listener: socket.socket, tls: ssl.SSLContext | None, arrived: Path, secret: str, lock: threading.Lock
) -> None:
    listener.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_receive, args=(connection, tls, arrived, secret, lock), daemon=True).start()


def _receive(
    connection: socket.socket, tls: ssl.SSLContext | None, arrived: Path, secret: str, lock: threading.Lock
) -> None:
    connection.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    connection.settimeout(20.0)
    with connection:
        try:
            stream = _Stream(connection, tls)
            message = _message(stream)
        except (OSError, ssl.SSLError, ValueError):  # reset, or no message
            return
        if message is None:
            return
        headers, body = message
        sent = headers.get("x-spotdesk-timestamp", "")
        signature = headers.get("x-spotdesk-signature", "")
        now = dt.datetime.fromtimestamp(stream.stamp_ns / 1e9, dt.UTC)
        if is_signed(secret.encode(), sent, body, signature, now=now, tolerance=PROMPT_TOLERANCE):
            with lock, arrived.open("a", encoding="utf-8") as file:
                file.write(f"{headers['x-trouble']} {stream.stamp_ns}\n")
        try:
            stream.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        except (OSError, ssl.SSLError):
            return


class _Stream:
    """Plain bytes of a connection; `stamp_ns` is when the newest piece came, by the kernel's stamp."""

    def __init__(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._connection, self.stamp_ns, self._tls = connection, 0, None
        if tls is not None:
            self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
            self._tls = tls.wrap_bio(self._in, self._out, server_side=True)
            self._shake_hands()

    def pieces(self) -> Iterator[bytes]:
        """Until the other side ends it."""
        while raw := self._raw():
            if self._tls is None:
                yield raw
                continue
            self._in.write(raw)
            try:
                while piece := self._tls.read(_PIECE):
                    yield piece
            except ssl.SSLWantReadError:
                continue

    def answer(self, content: bytes) -> None:
        """Send it back."""
        if self._tls is not None:
            self._tls.write(content)
            content = self._out.read()
        self._connection.sendall(content)

    def _raw(self) -> bytes:
        raw, extra, _, _ = self._connection.recvmsg(_PIECE, 64)
        for level, kind, data in extra:
            if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                seconds, nanoseconds = struct.unpack("qq", data[:16])
                self.stamp_ns = seconds * 1_000_000_000 + nanoseconds
        return raw

    def _shake_hands(self) -> None:
        assert self._tls is not None
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                time.sleep(random.SystemRandom().uniform(0.0, 0.3))
                self._connection.sendall(self._out.read())
                raw = self._raw()
                if not raw:
                    raise OSError("closed") from None
                self._in.write(raw)
            else:
                self._connection.sendall(self._out.read())
                return


def _message(stream: _Stream) -> tuple[dict[str, str], bytes] | None:
    """Headers in lower case and the body of one request; None where it was cut short."""
    content = b""
    headers: dict[str, str] = {}
    length = begin = -1
    for piece in stream.pieces():
        content += piece
        if length < 0 and b"\r\n\r\n" in content:
            begin = content.index(b"\r\n\r\n") + 4
            lines = content[:begin].decode("latin-1").split("\r\n")[1:]
            pairs = [line.partition(":") for line in lines if ":" in line]
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            length = int(headers["content-length"])
        if headers.get("x-trouble") == "slow receiver":
            time.sleep(0.002)
        if 0 <= length <= len(content) - begin:
            return headers, content[begin : begin + length]
    return None
