"""The clocks: the one place that reads them. Decisions are given their instant."""

import time
from datetime import UTC, datetime
from pathlib import Path


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


def boot_seconds() -> float:
    """Seconds since the machine began, sleep included: a clock that nobody sets."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_id() -> str:
    """Which boot of the machine this is."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
