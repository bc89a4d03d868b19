"""The facts of the desk as they were read last: a thread reads them, so that a page waits for nothing."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from desk.figures.alerts import Alert
from desk.figures.money import Rivals
from desk.figures.opened import OpenedDesk
from desk.figures.zone import ZoneFacts, read_zone
from desk.trading.zone_status import clock_line, second_place_line
from resources.wall_clock import utc_now

_LOG = logging.getLogger("spotdesk.screen")
SECONDS_BETWEEN_READS = 15.0
"""Chosen by hand: what the desk wrote is on the screen within a quarter of a minute. What the person does is
read at once.
"""
STALE_AFTER = timedelta(seconds=90)
"""Facts of this age are called old on the page."""
_PAUSE_SHARE = 4.0
"""Pause after a read, as a multiple of what it took: a large desk is read less often."""
_ALERT_DAYS = 7
"""Chosen by hand: an alert that nobody looked at for a week is for `spotdesk alerts`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The facts of every zone at one instant."""

    number: int
    read_utc: datetime
    zones: tuple[ZoneFacts, ...]
    alerts: tuple[Alert, ...]
    outside: tuple[str, ...]
    """What stops the desk from outside: a clock that is not trusted, the second place."""


@dataclass(slots=True)
class Snapshots:
    """The newest snapshot, made anew every some seconds and after each action."""

    open_desk: Callable[[], OpenedDesk]
    clock: Callable[[], datetime] = utc_now
    newest: Snapshot | None = None
    problem: str = ""
    """Why the newest read failed; empty where it did not."""
    _wanted: threading.Event = field(default_factory=threading.Event)
    _is_over: threading.Event = field(default_factory=threading.Event)
    _rivals: dict[str, tuple[tuple[date, date], Rivals]] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Read in a thread of its own until the block ends."""
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            self._wanted.set()

    def want(self) -> None:
        """Read now: something has changed."""
        self._wanted.set()

    def read(self) -> Snapshot:
        """Read everything once, and keep it as the newest."""
        opened, now = self.open_desk(), self.clock()
        zones = tuple(
            read_zone(opened, zone, now, self._known_rivals(opened, zone)) for zone in opened.zones()
        )
        self.newest = Snapshot(
            number=1 if self.newest is None else self.newest.number + 1,
            read_utc=now,
            zones=zones,
            alerts=tuple(opened.alerts(since=now - timedelta(days=_ALERT_DAYS))),
            outside=(*clock_line(opened.environment), *second_place_line(opened.environment)),
        )
        self.problem = ""
        return self.newest

    def walk_rivals(self) -> bool:
        """Walk the naive rivals of zones with a newly settled day; whether there was one."""
        opened, found = self.open_desk(), False
        for zone in opened.zones():
            span = opened.settled_span(zone)
            if span is not None and self._rivals.get(zone, (None, {}))[0] != span:
                rivals, why = opened.rivals(zone)
                if why:
                    _LOG.warning("%s: %s", zone, why)
                self._rivals[zone] = (span, rivals)
                found = True
        return found

    def _known_rivals(self, opened: OpenedDesk, zone: str) -> Rivals:
        span, rivals = self._rivals.get(zone, (None, {}))
        return rivals if span is not None and span == opened.settled_span(zone) else {}

    def _run(self) -> None:
        while not self._is_over.is_set():
            self._wanted.clear()
            started = time.monotonic()
            try:
                self.read()
                if self.walk_rivals():
                    self.read()
            except Exception as error:  # noqa: BLE001 - whatever goes wrong, the page says so and the next read is made
                _LOG.exception("the facts of the desk could not be read")
                self.problem = f"{type(error).__name__}: {error}"
            took = time.monotonic() - started
            self._wanted.wait(max(SECONDS_BETWEEN_READS, _PAUSE_SHARE * took))
