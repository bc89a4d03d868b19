"""Whether two sources agree on the prices of a day: one alone cannot tell that its values are shifted."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from spot.contracts.vintages import newest_vintage
from spot.market.delivery import n_periods

_TOLERANCE_EUR_PER_MWH = 0.011
"""Prices are published to the cent."""


def clock_changes(zone: str, days: Sequence[date]) -> tuple[date, ...]:
    """Days of 23 or 25 hours, on which sources shift or lose an hour."""
    return tuple(day for day in days if n_periods(zone, day, 60) != 24)


def alone(zone: str, day: date, source: str) -> str:
    """What is said of a clock-change day that one source only has."""
    return f"{day} in {zone} has a clock change: {source} alone cannot tell whether its values are shifted"


def disagreements(rows: pl.DataFrame, zone: str) -> tuple[str, ...]:
    """For each day and pair of sources that disagree: in how many prices, and both values of the first.

    Args:
        rows: rows of `day_ahead_prices` of the zone, all vintages; the newest of each source is compared.
        zone: bidding zone, for the words.
    """
    newest = newest_vintage(rows, by=["source", "delivery_start_utc"]).select(
        "delivery_day", "delivery_start_utc", "source", "price_eur_per_mwh"
    )
    names = newest["source"].unique().sort().to_list()
    found = []
    for at, first in enumerate(names):
        for second in names[at + 1 :]:
            both = newest.filter(pl.col("source") == first).join(
                newest.filter(pl.col("source") == second), on=["delivery_day", "delivery_start_utc"]
            )
            apart = (pl.col("price_eur_per_mwh") - pl.col("price_eur_per_mwh_right")).abs()
            other = both.filter(apart > _TOLERANCE_EUR_PER_MWH).sort("delivery_start_utc")
            for part in other.partition_by("delivery_day", maintain_order=True):
                day, start, _, here, _, there = part.row(0)
                n_compared = both.filter(pl.col("delivery_day") == day).height
                found.append(
                    f"{first} and {second} disagree on {part.height} of {n_compared} prices of {day}"
                    f" in {zone}, first at {start:%H:%M} UTC: {here:g} and {there:g} EUR/MWh"
                )
    return tuple(found)
