"""The process that one message leaves from, started by `send.py`. Standard library alone, so it is quick.

The order leaves no gap: it registers, looks at the state, connects, looks again, signs and sends.
A halt writes the state, kills whoever is registered, looks again, and acknowledges. The socket is set to be
reset when its process ends, so that nothing of a half-sent message follows from the buffers of the kernel.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from resources.files import write_whole
from resources.settings.process import variable
from resources.trading.leaving.senders import registered
from resources.trading.state_files import state_of
from spot.risk.state import TradingState, stricter
from spot.strategy.outbox.signature import sign

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: what was not yet taken is thrown away, and the peer is told."""
_KEEP_ON_CLOSE = struct.pack("ii", 0, 0)
_LONGEST_ANSWER = 64 * 1024
"""Bytes of an answer that are read. Chosen by hand: only its first 200 characters are kept."""


class _RefusedError(Exception):
    """The message may not leave any more."""


def main() -> None:
    """Read one message from standard input, send it, and write to standard output how it ended."""
    letter = json.loads(sys.stdin.buffer.read())
    signal.setitimer(signal.ITIMER_REAL, letter["seconds"])  # it ends by itself where nobody waits any more
    try:
        said = {"outcome": "sent", **_send(letter)}
    except _RefusedError as error:
        said = {"outcome": "refused", "detail": str(error)}
    except (OSError, http.client.HTTPException, ValueError) as error:
        # Never the text of the error: it may hold the address with its token.
        said = {"outcome": "failed", "detail": type(error).__name__, "text": _plain_text(error)}
    sys.stdout.write(json.dumps(said))
    sys.stdout.flush()


def _send(letter: Mapping[str, Any]) -> dict[str, Any]:
    with registered(Path(letter["state_folder"]), letter["zone"]):
        _look(letter)
        if "drop" in letter:
            return _drop(letter)
        return _post(letter)


def _look(letter: Mapping[str, Any]) -> None:
    """Refuse what may not leave now: the state, the gate, and how long ago the rest was asked."""
    now = state_of(Path(letter["state_folder"]), letter["zone"])
    if stricter(now, TradingState(letter["state"])) is not TradingState(letter["state"]):
        raise _RefusedError("halted" if now is TradingState.HALTED else f"the state is now {now}")
    passed = _passed_seconds(letter)
    if not passed <= letter["valid_seconds"]:
        raise _RefusedError(
            "the gate closed, the signal became void, or the permission to send ended while it was being sent"
        )


def _passed_seconds(letter: Mapping[str, Any]) -> float:
    """Seconds since the message was judged, by the clock that nobody sets."""
    passed = time.clock_gettime(time.CLOCK_BOOTTIME) - float(letter["judged_at_boot_seconds"])
    return passed if passed >= 0 else float("inf")


def _drop(letter: Mapping[str, Any]) -> dict[str, Any]:
    """Files, each swapped in by one rename: a reader sees the whole file or none."""
    folder = Path(letter["drop"]["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in letter["drop"]["files"].items():
        _look(letter)
        write_whole(folder / name, text.encode())
    return {}


def _post(letter: Mapping[str, Any]) -> dict[str, Any]:
    message = letter["post"]
    body = message["body"].encode()
    with _connected(message) as (connection, target, headers):
        _look(letter)
        judged = datetime.fromisoformat(letter["judged_at"])
        timestamp = (judged + timedelta(seconds=_passed_seconds(letter))).isoformat()
        signed = {
            **headers,
            **message["headers"],
            "X-Spotdesk-Timestamp": timestamp,
            "X-Spotdesk-Signature": sign(message["secret"].encode(), timestamp, body),
        }
        socket_of_it = connection.sock
        connection.request("POST", target, body=body, headers=signed)
        answer = connection.getresponse()
        text = answer.read(_LONGEST_ANSWER)[:200].decode("utf-8", errors="replace")
        with contextlib.suppress(OSError):  # the whole message was taken: this close need not be a reset
            socket_of_it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _KEEP_ON_CLOSE)
    return {"status": answer.status, "text": text, "timestamp": timestamp}


@contextlib.contextmanager
def _connected(
    message: Mapping[str, Any],
) -> Iterator[tuple[http.client.HTTPConnection, str, dict[str, str]]]:
    """A connection that stands, TLS included, the target of its request and headers that a proxy wants."""
    address = urlsplit(message["url"])
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError("no address")
    connection, target, headers = _route(address, message)
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    try:
        yield connection, target, headers
    finally:
        connection.close()


def _route(
    address: Any, message: Mapping[str, Any]
) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
    """Straight to the receiver, or by the proxy of the environment."""
    seconds, is_safe = float(message["timeout"]), address.scheme == "https"
    target = (address.path or "/") + (f"?{address.query}" if address.query else "")
    headers = _basic(address, "Authorization")
    place = (address.hostname, address.port or (443 if is_safe else 80))
    proxy = urlsplit(_proxy_for(address))
    first = (proxy.hostname, proxy.port or 80) if proxy.hostname else place
    connection: http.client.HTTPConnection
    if is_safe:
        connection = http.client.HTTPSConnection(
            first[0], first[1], timeout=seconds, context=_context(message["cafile"])
        )
    else:
        connection = http.client.HTTPConnection(first[0], first[1], timeout=seconds)
    if proxy.hostname and is_safe:
        connection.set_tunnel(*place, headers=_basic(proxy, "Proxy-Authorization"))
    elif proxy.hostname:
        bare = address._replace(netloc=f"{address.hostname}:{place[1]}", fragment="")
        return connection, bare.geturl(), {**headers, **_basic(proxy, "Proxy-Authorization")}
    return connection, target, headers


def _proxy_for(address: Any) -> str:
    """The proxy that the environment names for an address; empty where there is none."""
    names = [f"{address.scheme}_proxy", "all_proxy"]
    if not any(variable(name) or variable(name.upper()) for name in names):
        return ""
    import urllib.request

    known = urllib.request.getproxies()
    if urllib.request.proxy_bypass(address.netloc.rpartition("@")[2]):
        return ""
    found = known.get(address.scheme) or known.get("all") or ""
    return found if "://" in found or not found else f"http://{found}"


def _basic(address: Any, header: str) -> dict[str, str]:
    if address.username is None:
        return {}
    import base64
    from urllib.parse import unquote

    pair = f"{unquote(address.username)}:{unquote(address.password or '')}"
    return {header: "Basic " + base64.b64encode(pair.encode()).decode()}


def _context(cafile: str) -> ssl.SSLContext:
    """Certificates are checked always; the variables of OpenSSL go before the file."""
    is_named = bool(variable("SSL_CERT_FILE") or variable("SSL_CERT_DIR"))
    return ssl.create_default_context(cafile=None if is_named else cafile)


def _plain_text(error: Exception) -> str:
    """What the operating system says of it; nothing for other errors."""
    return os.strerror(error.errno) if isinstance(error, OSError) and isinstance(error.errno, int) else ""
