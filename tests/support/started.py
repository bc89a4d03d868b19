"""`spotdesk` as a process of its own, which ends with the block that started it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from resources.home.find import PROJECT_ROOT

SPOTDESK = str(Path(sys.executable).parent / "spotdesk")
_WAIT_SECONDS = 60


def free_port() -> int:
    """A port of the loopback that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def started(home: Path, *words: str) -> "Iterator[subprocess.Popen[bytes]]":
    """Start `spotdesk WORDS` on the desk in `home`; it writes to `WORD.log` there.

    It and what it started are ended afterwards: asked first, then killed.
    """
    with (home / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            [SPOTDESK, *words],
            env={**os.environ, "SPOTDESK_HOME": str(home)},
            cwd=PROJECT_ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(_WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(_WAIT_SECONDS)
