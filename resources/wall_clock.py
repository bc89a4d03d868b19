"""The wall clock: the one place that reads it. Decisions are given their instant."""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)
