"""`spotdesk watch`: a small process of its own that alarms when the desk itself cannot.

It shares nothing with the daemon: it reads files and SQLite databases of the desk and sends through the alert
channels. It imports Dagster only where a deployment keeps Dagster's records in Postgres.
"""

import hashlib
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from desk.watch.gates import GateWatch
from desk.watch.incidents import Finding, Incidents
from desk.watch.looks import MINIMUM_FREE_MB, SILENT_SECONDS, Looks
from desk.watch.presence import note_look, only_watch, open_incidents
from resources.home.find import find_desk, home_of_option
from resources.settings.env_file import check_env_file, settings_of
from resources.trading.channels import CHANNELS_VARIABLE, is_channel, post_alert
from resources.wall_clock import utc_now
from spot.contracts.words import Severity

_CHANNEL_SECONDS = 10.0
"""Longest wait for one channel. Chosen by hand: the watch must look again soon, and keeps what was not sent.
"""


def watch(
    *,
    every: Annotated[float, typer.Option("--every", min=1, max=60, help="Seconds between looks.")] = 10,
    silent_seconds: Annotated[
        float, typer.Option(min=40, max=3600, help="A daemon without a sign of life for so long is gone.")
    ] = SILENT_SECONDS,
    minimum_free_mb: Annotated[
        float, typer.Option(min=0, max=1e12, help="The disk is nearly full below so many free megabytes.")
    ] = MINIMUM_FREE_MB,
) -> None:
    """Alarm from outside the daemon: ticks that stop, gates without signals, a full disk, a wrong clock.

    Run it as a service of its own beside `spotdesk dev`, best under another supervisor. It sends to the
    channels of SPOTDESK_WEBHOOK_URL: each incident once, and once when it is over. Stop with Ctrl-C.

    Exit code 2: another watch of this desk runs, or there is no desk.
    """
    home = find_desk()
    check_env_file(home / ".env")
    with only_watch(home):
        is_over = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: is_over.set())
        _say_channels(home)
        looks = Looks(home, utc_now(), silent_seconds, minimum_free_mb)
        _look_until(is_over, home, looks, every)


def _look_until(is_over: threading.Event, home: Path, looks: Looks, every_seconds: float) -> None:
    gates = GateWatch()
    incidents = Incidents(lambda *said: _tell(home, *said), open_incidents(home))
    try:
        while not is_over.is_set():
            now = utc_now()
            found = [*looks.findings(now, incidents.kinds), *gates.findings(now)]
            incidents.update(found, now)
            problem = note_look(home, now, incidents.documents())
            if problem:
                _say(f"the result of the look could not be stored: {problem}")
            is_over.wait(every_seconds)
    finally:
        gates.end()


def _tell(home: Path, finding: Finding, message: str, severity: Severity) -> bool:
    """Send one message; whether a channel took it, or there is none but this output."""
    now = utc_now()
    row = {
        "alert_id": hashlib.sha256(f"watch|{finding.key}|{message}".encode()).hexdigest()[:16],
        "raised_at_utc": now,
        "zone": finding.zone,
        "kind": finding.kind,
        "severity": severity,
        "message": message,
    }
    _say(f"[{severity}] {finding.zone} {finding.kind}: {message}")
    addresses = _channels(home)
    failed = post_alert(addresses, row, timeout_seconds=_CHANNEL_SECONDS)
    for n, why in failed.items():
        _say(f"channel {n} did not take it ({why})")
    return not addresses.split() or len(failed) < len(addresses.split())


def _channels(home: Path) -> str:
    is_named = home_of_option() is not None
    return settings_of(home, (CHANNELS_VARIABLE,), is_named=is_named).get(CHANNELS_VARIABLE, "")


def _say_channels(home: Path) -> None:
    """Say where alarms go. What sending needs is imported here and not when the alarm sounds."""
    addresses = _channels(home).split()
    for n, address in enumerate(addresses, start=1):
        if not is_channel(address):
            _say(f"alert channel {n} is no address that an alarm can be sent to: see `spotdesk doctor`")
    where = f"alarms go to {len(addresses)} channel{'' if len(addresses) == 1 else 's'}"
    _say(
        f"watching {home}; "
        + (where if addresses else f"alarms are only printed here: {CHANNELS_VARIABLE} is not set")
    )


def _say(line: str) -> None:
    sys.stdout.write(f"{utc_now():%Y-%m-%d %H:%M:%S} UTC {line}\n")
    sys.stdout.flush()
