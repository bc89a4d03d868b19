"""A provider on loopback that plays every fault: what the clients are proven against."""

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

Behaviour = Callable[[BaseHTTPRequestHandler], None]


@dataclass(slots=True)
class FaultyProvider:
    """Answers its requests with the planned behaviours in order; the last one is kept.

    Everything asked is written down.
    """

    url: str
    plan: list[Behaviour] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    asked_at: list[float] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    posted: list[bytes] = field(default_factory=list)
    routes: dict[str, Behaviour] = field(default_factory=dict)
    """Path to behaviour, before the plan."""


def sends(body: bytes, status: int = 200, **headers: str) -> Behaviour:
    """A plain answer."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        if "Date" in headers:
            handler.send_response_only(status)
        else:
            handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def sends_packed(body: bytes) -> Behaviour:
    """A gzip-encoded answer."""
    return sends(gzip.compress(body), Content_Encoding="gzip")


def sends_html() -> Behaviour:
    """A page of maintenance with status 200."""
    return sends(
        b"<!DOCTYPE html><html><body>Service temporarily unavailable</body></html>", Content_Type="text/html"
    )


def cuts_body(body: bytes, n_bytes: int) -> Behaviour:
    """Announces the whole body and closes after `n_bytes`."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:n_bytes])
        handler.close_connection = True

    return behave


def resets(handler: BaseHTTPRequestHandler) -> None:
    """Resets the connection without an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    handler.connection.close()
    handler.close_connection = True


def stays_silent(seconds: float) -> Behaviour:
    """Takes the request and says nothing."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        handler.close_connection = True

    return behave


def drips(n_bytes: int, seconds_each: float) -> Behaviour:
    """One byte at a time: every read succeeds, the body never ends in time."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(n_bytes))
        handler.end_headers()
        try:
            for _ in range(n_bytes):
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(seconds_each)
        except OSError:
            handler.close_connection = True

    return behave


def sends_bomb(n_gigabytes: int) -> Behaviour:
    """A gzip body that unpacks to gigabytes of zeros."""

    def behave(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Encoding", "gzip")
        handler.end_headers()
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        block = bytes(16 * 1024 * 1024)
        try:
            for _ in range(n_gigabytes * 64):
                handler.wfile.write(packer.compress(block))
            handler.wfile.write(packer.flush())
        except OSError:
            pass
        handler.close_connection = True

    return behave


@contextmanager
def faulty_provider() -> Iterator[FaultyProvider]:
    """The provider, on a free port of 127.0.0.1, for as long as the context lasts."""
    provider = FaultyProvider("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            provider.asked_at.append(time.time())
            provider.headers.append(dict(self.headers.items()))
            route = provider.routes.get(urlsplit(self.path).path)
            behaviour = route or (provider.plan.pop(0) if len(provider.plan) > 1 else provider.plan[0])
            behaviour(self)

        def do_POST(self) -> None:
            provider.posted.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Silence: the standard library prints every request."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            """A client that gave up is part of the play."""

    server = Server(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
