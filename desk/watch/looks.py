"""The looks at the desk that need no table: the daemon's signs of life, the disk, the clock."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from desk.watch.incidents import Finding
from resources.home.daemon_state import last_sign, last_tick, read_code_problem
from resources.trading.clock_watch import ClockWatch

SILENT_SECONDS = 75
"""Without a sign of the daemon for so long it counts as gone; it gives one every 30 seconds."""
NO_TICK_SECONDS = 300
"""Without a tick of any schedule or sensor for so long it counts as stuck; several tick every minute."""
MINIMUM_FREE_MB = 2_000
"""Chosen by hand: about twenty days of a desk with a few zones, and room for a compaction."""
_ROOM_AGAIN = 1.25
"""The disk has room again above this multiple of the limit, so that an alarm does not come and go."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What one look at the desk in `home` finds wrong."""

    home: Path
    since: datetime
    """When the watch began: a daemon gets as long to give its first sign."""
    silent_seconds: float = SILENT_SECONDS
    minimum_free_mb: float = MINIMUM_FREE_MB

    def findings(self, now: datetime, open_kinds: frozenset[str]) -> Iterator[Finding]:
        """Everything that is wrong; `open_kinds` are the kinds that were wrong before."""
        yield from self._daemon(now)
        yield from self._disk("disk_nearly_full" in open_kinds)
        problem = ClockWatch(self.home / "trading_state").glance()
        if problem:
            yield Finding(
                "clock_not_believed", f"nothing leaves: the clock of the machine is not trusted, {problem}"
            )

    def _daemon(self, now: datetime) -> Iterator[Finding]:
        dagster_home = self.home / "dagster"
        sign, tick = last_sign(dagster_home), last_tick(dagster_home)
        if _is_old(sign, self.since, now, self.silent_seconds):
            since = f"since {sign:%Y-%m-%d %H:%M:%S} UTC" if sign else "and has given none so far"
            yield Finding(
                "ticks_stopped",
                f"the daemon gives no sign of life {since}: no schedule and no sensor runs, and nothing is"
                " decided or sent. Start it with: spotdesk dev",
            )
        elif _is_old(tick, self.since, now, NO_TICK_SECONDS):
            since = f"since {tick:%Y-%m-%d %H:%M:%S} UTC" if tick else "so far"
            problem = read_code_problem(dagster_home)
            cause = f": the code does not load: {problem.cause}" if problem else ""
            yield Finding(
                "ticks_stopped", f"the daemon lives, but no schedule and no sensor ran {since}{cause}"
            )

    def _disk(self, was_full: bool) -> Iterator[Finding]:
        limit = self.minimum_free_mb * (_ROOM_AGAIN if was_full else 1.0)
        try:
            free = shutil.disk_usage(self.home).free / 1e6
        except OSError as error:
            yield Finding("disk_nearly_full", f"the folder of the desk cannot be read: {error}")
            return
        if free < limit:
            yield Finding(
                "disk_nearly_full",
                f"{free:,.0f} MB are free on the disk of the desk, fewer than {self.minimum_free_mb:,.0f}",
            )


def _is_old(instant: datetime | None, since: datetime, now: datetime, seconds: float) -> bool:
    """Whether the newest sign, and the start of the watch, both lie further back than that."""
    newest = since if instant is None else max(instant, since)
    return now - newest > timedelta(seconds=seconds)
