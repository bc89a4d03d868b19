"""Whether a zone has begun. What no run has made yet is too young to be judged, which is no fault."""

from datetime import date, timedelta

from resources.lake.lake import Lake

_LOOK_BACK = timedelta(days=400)
"""Chosen by hand: a year and some more. Rows of a zone that paused for longer count as those of a new one."""


def has_begun(lake: Lake, table: str, zone: str, *, by: date) -> bool:
    """Whether the table has rows of the zone for a delivery day up to `by`."""
    newest = lake.newest_day(table, zone)
    if newest is None or newest <= by:
        return newest is not None
    return not lake.read(table, zones=[zone], first_day=by - _LOOK_BACK, last_day=by).is_empty()
