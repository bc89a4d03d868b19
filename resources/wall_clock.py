"""The wall clock: the only place that reads it. Decisions get their instant as an argument."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)
