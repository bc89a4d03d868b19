"""What follows a change of the trading state: the second place, and a message to the alert channels.

All of it is done by a process of its own, after the change is acknowledged here: a channel or a place that
hangs does not hold a halt up. Quick to import, as the stop button is.
"""

import json
import os
import select
import subprocess
import sys
import time
from dataclasses import asdict

from resources.files import read_regular
from resources.home.find import find_desk, home_of_option
from resources.settings.process import variable
from resources.trading.state_files import StateRecord

WAIT_SECONDS = 6.0
"""Longest wait for what the second place says; the process goes on trying."""
CHANNELS, SECOND_PLACE = "SPOTDESK_WEBHOOK_URL", "SPOTDESK_STOP_URI"
_LONGEST_FILE = 1024 * 1024
"""Largest settings that are read. Chosen by hand: `.env` has a few kB, and a halt must not wait for a wrong
file.
"""
_AT_WORK: list["subprocess.Popen[bytes]"] = []
"""Processes that outlive this one."""


def tell(record: StateRecord, *, wait_seconds: float = WAIT_SECONDS) -> str:
    """Start what follows a change of state, where anything is set that it would reach.

    Returns what the second place says, in words; empty where there is none.
    """
    wanted = _wanted()
    if not wanted:
        return ""
    _forget_ended()
    option = home_of_option()
    told = {"home": str(option) if option else None, "record": asdict(record)}
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "desk.trading.after_stop"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _AT_WORK.append(process)
        assert process.stdin is not None  # noqa: S101 - PIPE stands above
        process.stdin.write(json.dumps(told).encode())
        process.stdin.close()
    except OSError as error:
        return f"NOT reached: {error}" if SECOND_PLACE in wanted else ""
    return _answer(process, wait_seconds) if SECOND_PLACE in wanted else ""


def _forget_ended() -> None:
    """A page that is open for weeks keeps nothing of the processes that it started."""
    for process in [one for one in _AT_WORK if one.poll() is not None]:
        _AT_WORK.remove(process)
        if process.stdout is not None:
            process.stdout.close()


def _answer(process: "subprocess.Popen[bytes]", wait_seconds: float) -> str:
    """The first line of the process, read without waiting longer than the bound."""
    assert process.stdout is not None  # noqa: S101 - PIPE stands where it is started
    deadline, said = time.monotonic() + wait_seconds, b""
    while b"\n" not in said:
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return f"NOT reached within {wait_seconds:g} s, and still tried"
        piece = os.read(process.stdout.fileno(), 4096)
        if not piece:
            return "NOT reached: the process that writes there ended"
        said += piece
    return said.split(b"\n")[0].decode(errors="replace")


def _wanted() -> set[str]:
    """Which of the two settings are set, by the process or by `.env` of the desk."""
    try:
        filed = read_regular(find_desk() / ".env", _LONGEST_FILE).decode(errors="replace")
    except OSError:
        filed = ""
    names = {name for name in (CHANNELS, SECOND_PLACE) if f"{name}=" in filed.replace(" ", "")}
    if home_of_option() is None:
        names |= {name for name in (CHANNELS, SECOND_PLACE) if variable(name)}
    return names
