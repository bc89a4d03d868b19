"""A desk that may send the orders of a zone."""

from datetime import UTC, datetime
from pathlib import Path

from resources.home.marker import new_marker
from resources.trading.leases import LeaseStore

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


def make_live_desk(home: Path, zone: str) -> str:
    """Mark the folder as a desk and give it the lease of the zone; returns the folder as text."""
    new_marker(home, kind="desk", now=LONG_AGO)
    LeaseStore(home).give(zone, by="Ann", reason="the only desk", now=LONG_AGO)
    return str(home)
