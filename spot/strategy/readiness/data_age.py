"""How old the data behind a decision is.

It is the age of the essential feed with the oldest data, not that of whatever came in last.

Essential are the auction's own prices, without which no forecast is worth anything, and the load forecast of
a zone that has one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import polars as pl

from spot.contracts.days import last_day

ESSENTIAL_FEEDS = {"day_ahead_prices": "day_ahead", "load_forecasts": "load"}
"""Raw table to series."""
GIVEN_UP_DAYS = 14
"""Chosen by hand: longer than any fault of a provider lasts, and long after its alert."""
_MOST_OF_A_DAY_MINUTES = 12 * 60
"""Half of a day, as the docstring below says: a cut document makes no day, a missing hour unmakes none."""


def essential_data_utc(raw: Mapping[str, pl.DataFrame], *, zone: str, as_of_utc: datetime) -> datetime | None:
    """When the newest day of the essential feed with the oldest data became known, as of an instant.

    None without any price.

    A day counts with at least half of its hours, from when the last of them was first published. A correction
    of an old day makes no feed younger. At the gate of day D the prices of D-1, published at 13:00 on D-2,
    are 23 hours old; one missing auction makes 47, two make 71. A zone without load forecasts for
    `GIVEN_UP_DAYS` counts as one that has none, else it would never trade again. `raw` holds raw tables under
    contract, any zones and vintages.
    """
    newest = []
    for table, series in ESSENTIAL_FEEDS.items():
        known = _known(raw.get(table, pl.DataFrame()), zone, series, as_of_utc)
        is_gone = known.is_empty() or last_day(known) < as_of_utc.date() - timedelta(days=GIVEN_UP_DAYS)
        if is_gone and table != "day_ahead_prices":
            continue
        found = _newest_day_utc(known) if known.height else None
        if found is None:
            return None
        newest.append(found)
    return min(newest)


def _known(frame: pl.DataFrame, zone: str, series: str, as_of_utc: datetime) -> pl.DataFrame:
    if frame.is_empty():
        return frame
    return frame.filter(
        pl.col("zone") == zone, pl.col("series") == series, pl.col("available_at_utc") <= as_of_utc
    )


def _newest_day_utc(known: pl.DataFrame) -> datetime | None:
    """First publication of the newest day that is mostly there. The search looks back a few days only."""
    recent = known.filter(pl.col("delivery_day") > pl.col("delivery_day").max() - timedelta(days=7))
    units = recent.group_by("delivery_day", "delivery_start_utc").agg(
        pl.col("available_at_utc").min(), pl.col("resolution_minutes").first()
    )
    days = units.group_by("delivery_day").agg(
        pl.col("available_at_utc").max(), pl.col("resolution_minutes").sum()
    )
    whole = days.filter(pl.col("resolution_minutes") >= _MOST_OF_A_DAY_MINUTES).sort("delivery_day")
    return whole["available_at_utc"][-1] if whole.height else None
