"""How long until a gate of the desk closes: an upgrade keeps clear of it.

`python -m desk.watch.next_gate` prints whole seconds, and nothing where no zone is scheduled.
"""

import sys
from collections.abc import Iterable
from datetime import datetime

from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.market.gates import next_gate


def seconds_to_next_gate(zones: Iterable[str], now: datetime) -> int | None:
    """Seconds from `now` to the first gate of any of the zones; None where there is no zone."""
    return min((int((next_gate(zone, now)[1] - now).total_seconds()) for zone in zones), default=None)


def main() -> None:
    """Print the seconds to the first gate of the zones that the desk of this process has scheduled."""
    zones = desk_settings(read_environment()).zones
    left = seconds_to_next_gate([name for name, own in zones.items() if own.is_scheduled], utc_now())
    sys.stdout.write("" if left is None else f"{left}\n")


if __name__ == "__main__":
    main()
