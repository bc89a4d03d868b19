"""The weekly naive forecast: the price of the same local time seven days before.

Relative scores use it as the reference. It is compared quarter hour by quarter hour, so it holds across a
change of the market time unit: a longer price holds for each quarter hour in it, and the quarter hours of a
unit are averaged. Of the hour that autumn doubles, the first known price counts. The hour that spring skips
has no price, so it has no naive forecast a week later.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.contracts.panel import DeliveryPanel
from spot.market.clock import CLOCK_QUARTERS, by_quarter_hour, local_time, period_quarters

WEEK_DAYS = 7
"""The naive forecast is the price of the same weekday."""


def weekly_naive(panel: DeliveryPanel) -> Floats:
    """(D, P) the naive forecast of each period of a panel, NaN where it is not known."""
    naive = np.full_like(panel.prices, np.nan)
    quarters = [_quarters_of_day(panel, row) for row in range(len(panel))]
    for row in range(WEEK_DAYS, len(panel)):
        before = quarters[row - WEEK_DAYS]
        prices = panel.prices[row - WEEK_DAYS, : len(before)]
        known = np.flatnonzero(np.isfinite(prices))[::-1]
        week_ago = np.full(CLOCK_QUARTERS, np.nan)
        # If a slot is given twice, the last assignment stays. So the day is laid on the clock backwards.
        week_ago[before[known]] = prices[known, None]
        naive[row, : len(quarters[row])] = week_ago[quarters[row]].mean(axis=1)
    return naive


def weekly_naive_errors(panel: DeliveryPanel, days: Sequence[date]) -> Floats:
    """(D,) mean absolute error of the naive forecast of each of `days`, EUR/MWh.

    NaN for a day without a price or a naive forecast, and for one that is not in the panel.
    """
    errors = np.abs(panel.prices - weekly_naive(panel))
    rows = {day.astype(object): row for row, day in enumerate(panel.days)}
    losses = np.full(len(days), np.nan)
    for i, day in enumerate(days):
        if day in rows:
            known = errors[rows[day]][np.isfinite(errors[rows[day]])]
            losses[i] = known.mean() if len(known) else np.nan
    return losses


def weekly_naive_of(units: pl.DataFrame, prices: pl.DataFrame, *, zone: str) -> pl.DataFrame:
    """The naive forecast of market time units, as `weekly_naive` gives it for a panel.

    Args:
        units: `delivery_day`, `delivery_start_utc` and `resolution_minutes`, each unit once.
        prices: the same columns and `price_eur_per_mwh`, one row per priced period.
        zone: bidding zone of both.

    Returns:
        The columns of `units` and `naive_eur_per_mwh`, null where it is not known.
    """
    clock = local_time(zone, "quarter_utc").dt.time().alias("clock")
    week_ago = (
        by_quarter_hour(prices.sort("delivery_start_utc"))
        .select(
            pl.col("delivery_day") + pl.duration(days=WEEK_DAYS), clock, naive=pl.col("price_eur_per_mwh")
        )
        .unique(["delivery_day", "clock"], keep="first", maintain_order=True)
    )
    naive = pl.when(pl.col("naive").null_count() == 0).then(pl.col("naive").mean())
    return (
        by_quarter_hour(units)
        .with_columns(clock)
        .join(week_ago, on=["delivery_day", "clock"], how="left")
        .group_by(units.columns, maintain_order=True)
        .agg(naive_eur_per_mwh=naive)
    )


def _quarters_of_day(panel: DeliveryPanel, row: int) -> Ints:
    """(P, K) quarter-hour slots of the clock that the periods of a day cover."""
    return period_quarters(
        panel.zone,
        panel.days[row].astype(object),
        int(panel.n_periods[row]),
        int(panel.resolution_minutes[row]),
    )
