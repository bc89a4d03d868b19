"""How fast years of documents are parsed and kept."""

import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime

from benchmarks.faults.provider_suite.figure import Figure, at_most
from resources.lake.lake import Lake
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc, days_between, n_periods
from spot.market.zones import ZONES, find_zone
from spot.sources.parsed import Capture
from spot.sources.providers.entsoe import parse_entsoe
from tests.support.provider_documents import (
    Document,
    DocumentSeries,
)

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def year_document(zone: str, first_day: date, last_day: date) -> bytes:
    """Day-ahead prices of a range as one ENTSO-E document, in the market time unit of each day."""
    document = Document("A44", "A01", find_zone(zone).eic)
    for day in days_between(first_day, last_day):
        start, end = day_bounds_utc(zone, day)
        minutes = day_ahead_mtu_minutes(zone, day)
        values = [
            round(60 + 30 * ((at * 7919 + day.toordinal()) % 97) / 97 - at % 24, 2)
            for at in range(n_periods(zone, day, minutes))
        ]
        document.series.append(DocumentSeries(start, minutes, values, end=end))
    return document.render()


def throughput(*, n_zones: int) -> Iterator[Figure]:
    body = year_document("DE_LU", date(2025, 10, 1), date(2026, 9, 30))
    capture = Capture(zone="DE_LU", captured_at_utc=NOW, is_backfill=True)
    seconds = []
    clock: list[float] = []
    for _ in range(3):
        started, clock_started = time.process_time(), time.perf_counter()
        parsed = parse_entsoe(body, capture)
        seconds.append(time.process_time() - started)
        clock.append(time.perf_counter() - clock_started)
    note = f"{parsed.n_rows:,} rows, {len(body) / 1e6:.1f} MB, {min(clock):.2f} s by the clock {_load()}"
    yield at_most(
        "a year of 15-minute prices of one zone parsed, processor time", min(seconds), 1.0, "s", note
    )
    zones = [zone.name for zone in ZONES.values() if zone.is_coupled][:n_zones]
    years = [(date(year, 10, 1), date(year + 1, 9, 30)) for year in range(2016, 2026)]
    spent, clock_spent, n_rows = 0.0, 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(uri=f"{folder}/lake")
        for zone in zones:
            documents = [year_document(zone, *year) for year in years]
            started, clock_started = time.process_time(), time.perf_counter()
            for document in documents:
                rows = parse_entsoe(
                    document, Capture(zone=zone, captured_at_utc=NOW, is_backfill=True)
                ).tables["day_ahead_prices"]
                n_rows += lake.append("day_ahead_prices", rows, source="entsoe").n_new
            spent += time.process_time() - started
            clock_spent += time.perf_counter() - clock_started
    note = f"{n_rows:,} rows in {len(zones) * 10} commits, {clock_spent:.0f} s by the clock {_load()}"
    yield at_most(f"ten years of {len(zones)} zones in the ledger, processor time", spent, 60.0, "s", note)


def _load() -> str:
    """How busy the machine was.

    Processor time is the figure, since the clock also counts the waiting of a shared machine.
    """
    return f"(load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores)"
