"""The process that follows a change of the trading state: `python -m desk.trading.after_stop`.

The change comes on standard input. The first line of standard output is what the second place says. Then the
alert goes out, whether anybody still waits or not; what is slow to import is imported only there.
"""

import json
import signal
import sys
import time
from pathlib import Path

from desk.trading.tell import SECOND_PLACE
from resources.home.find import chosen_home, find_desk, home_of_option
from resources.settings.env_file import settings_of
from resources.trading.second_place import AWS_VARIABLES, LEASE_SECONDS, SecondPlace
from resources.trading.state_files import StateRecord, read_record
from resources.wall_clock import utc_now
from spot.errors import SourceUnavailableError
from spot.risk.state import TradingState

_LONGEST_SECONDS = 180.0
_TRY_SECONDS = 60.0
"""How long the second place is tried where it does not answer."""


def main() -> None:
    """Write the second place, then tell the channels."""
    signal.setitimer(signal.ITIMER_REAL, _LONGEST_SECONDS)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    told = json.loads(sys.stdin.read())
    given = told["record"]
    record = StateRecord(**{**given, "state": TradingState(given["state"])})
    with chosen_home(Path(told["home"]) if told["home"] else None):
        home = find_desk()
        _say(_write_second_place(home, record))
        _tell_channels(record)


def _write_second_place(home: Path, record: StateRecord) -> str:
    is_named = home_of_option() is not None
    uri = settings_of(home, (SECOND_PLACE,), is_named=is_named).get(SECOND_PLACE)
    if uri is None:
        return "none"
    place = SecondPlace(uri, settings_of(home, AWS_VARIABLES))
    deadline = time.monotonic() + _TRY_SECONDS
    while True:
        try:
            written = place.write(_newest(home / "trading_state", record))
        except SourceUnavailableError as error:
            _say(f"NOT reached, and tried for {_TRY_SECONDS:g} s more: {error}")
            if time.monotonic() > deadline:
                return "NOT reached"
            time.sleep(2.0)
        else:
            until = f"; senders on other hosts follow within {LEASE_SECONDS:g} s"
            return f"{written.scope} {written.state}{until}"


def _newest(folder: Path, record: StateRecord) -> StateRecord:
    """What holds here by now: a change that came while the place was tried is not undone there."""
    here = read_record(folder, record.scope)
    return here if here.since_utc > record.since_utc else record


def _say(line: str) -> None:
    try:
        sys.stdout.write(f"{' '.join(line.split())}\n")
        sys.stdout.flush()
    except OSError:  # nobody waits any more
        return


def _tell_channels(record: StateRecord) -> None:
    from resources.settings.environment import read_environment

    environment = read_environment()
    if not environment.webhook_url.get_secret_value():
        return
    from resources.trading.alerts import EVERY_ZONE, Alerts
    from resources.wiring import make_lake

    severity = {TradingState.HALTED: "critical", TradingState.REDUCING: "warning"}.get(record.state, "info")
    Alerts(lake=make_lake(environment), asks_environment=True).send_even_without_lake(
        "trading_state_changed",
        f"{record.scope} is {record.state}: {record.reason} (by {record.actor or 'nobody'})",
        zone=EVERY_ZONE if record.scope == "desk" else record.scope.removeprefix("zone-"),
        severity=severity,  # type: ignore[arg-type]  # one of the three
        now=utc_now(),
    )


if __name__ == "__main__":
    main()
