"""Imported by every Python process that has this folder on its path.

The network ends at loopback, and each attempt beyond is written down.

Python's own sockets are watched here; compiled libraries are stopped by the network namespace that the test
puts around the command where it may.
"""

import os
import sys
from typing import Any

_LOG = os.environ["SPOTDESK_NETWORK_LOG"]
_LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")


def _guard(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host is None or host == "" or host.startswith(_LOOPBACK):
        return
    with open(_LOG, "a", encoding="utf-8") as log:
        log.write(f"{event} {host} {' '.join(sys.argv[:2])}\n")
    raise OSError(f"the network is cut: {host}")


sys.addaudithook(_guard)
