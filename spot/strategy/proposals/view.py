"""What a strategy sees and what it proposes: arrays over the P market time units of one delivery day."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.contracts.panel import Floats
from spot.market.zones import find_zone

LEVELS = np.array(list(QUANTILE_COLUMNS))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """A forecast that was found ready, and the past as known at the decision."""

    zone: str
    delivery_day: date
    starts_utc: tuple[datetime, ...]
    resolution_minutes: int
    quantiles: Floats
    """(P, 9) day-ahead price at `LEVELS`, EUR/MWh, ascending."""
    mean: Floats
    """(P,) mean of that distribution."""
    history: pl.DataFrame
    """Outcomes known at the decision (`build_outcomes`), any number of days, perhaps none."""
    spread_quantiles: Floats | None = None
    """(P, 9) second price minus day-ahead price from a fitted spread model; None where there is none."""
    reference: Floats | None = None
    """(P,) reference prices that the desk gives."""

    @property
    def hours(self) -> float:
        """Length of a unit."""
        return self.resolution_minutes / 60.0

    def past_days(self, column: str, n_days: int) -> Floats:
        """(S, P) values of a history column on the newest `n_days` complete days, oldest first, by local time of day."""
        return past_profiles(
            self.history,
            column,
            self.zone,
            self.starts_utc,
            resolution_minutes=self.resolution_minutes,
            n_days=n_days,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What a strategy would do before any limit. Shapes (P,); long is positive."""

    exposure_mw: Floats
    limit_price: Floats
    expected_reference: Floats
    """NaN where there is no second price."""
    edge: Floats
    """Expected gain of one MWh after costs."""
    risk: Floats
    probability: Floats
    scenarios: Floats
    """(S, P) past days' gain of one MWh long."""
    keeps_shape: bool = False
    recut: Callable[[Floats], Floats] | None = None
    """Brings orders that limits have cut to whole volume steps, no unit larger than before, where rounding one
    by one would break the plan.
    """
    is_firm: bool = False
    is_block: bool = False
    """The units of a side are one block order: filled all or none."""
    curve: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Per unit the steps (price, accumulated MW), or nothing where the market takes no curve."""
    texts: tuple[str, ...] = field(default=())
    """(P,) one sentence per unit."""


def mean_of_quantiles(quantiles: Floats) -> Floats:
    """Mean of the distribution that interpolates `LEVELS` linearly and is flat beyond its ends, shape (P,)."""
    inner = ((quantiles[:, 1:] + quantiles[:, :-1]) / 2.0) @ np.diff(LEVELS)
    mean: Floats = inner + quantiles[:, 0] * LEVELS[0] + quantiles[:, -1] * (1.0 - LEVELS[-1])
    return mean


def probability_above(quantiles: Floats, threshold: Floats) -> Floats:
    """Chance that the value exceeds `threshold` (P,), interpolated between the levels and capped at their ends."""
    below = np.array(
        [
            np.interp(x, row, LEVELS) if np.isfinite(x) else np.nan
            for row, x in zip(quantiles, threshold, strict=True)
        ]
    )
    return 1.0 - below


def past_profiles(
    history: pl.DataFrame,
    column: str,
    zone: str,
    starts_utc: tuple[datetime, ...],
    *,
    resolution_minutes: int,
    n_days: int,
) -> Floats:
    """(S, P) past values aligned to today's units by local time of day; days with gaps are left out.

    The hour that a spring day lacks takes its neighbour, the doubled hour of autumn is averaged.
    """
    n_units = len(starts_utc)
    if history.is_empty():
        return np.zeros((0, n_units))
    time_zone = find_zone(zone).market_time_zone
    newest = history.get_column("delivery_day").unique().sort().tail(n_days)
    quarter = (
        history.filter((pl.col("zone") == zone) & pl.col("delivery_day").is_in(newest.implode()))
        .with_columns(pl.int_ranges(0, pl.col("resolution_minutes") // 15, dtype=pl.Int64).alias("part"))
        .explode("part")
        .with_columns(
            local=(
                pl.col("delivery_start_utc") + pl.duration(minutes=15 * pl.col("part"))
            ).dt.convert_time_zone(time_zone)
        )
        .with_columns(
            slot=(pl.col("local").dt.hour().cast(pl.Int32) * 60 + pl.col("local").dt.minute().cast(pl.Int32))
            // resolution_minutes
        )
    )
    slots = quarter.group_by("delivery_day", "slot", maintain_order=True).agg(
        pl.when(pl.col(column).null_count() == 0).then(pl.col(column).mean()).alias("value"),
    )
    grid = slots.pivot(on="slot", index="delivery_day", values="value").sort("delivery_day")
    n_slots = 1440 // resolution_minutes
    missing = [str(i) for i in range(n_slots) if str(i) not in grid.columns]
    table = (
        grid.with_columns(pl.lit(None, pl.Float64).alias(name) for name in missing)
        .select(str(i) for i in range(n_slots))
        .to_numpy()
        .astype(np.float64)
    )
    _fill_spring_hour(table, 60 // resolution_minutes)
    today = [
        int((local.hour * 60 + local.minute) // resolution_minutes)
        for local in (start.astimezone(ZoneInfo(time_zone)) for start in starts_utc)
    ]
    profiles = table[:, today]
    return profiles[np.isfinite(profiles).all(axis=1)]


def _fill_spring_hour(table: Floats, per_hour: int) -> None:
    """Give the local hour that a spring day skips (02:00-03:00, or 01:00-02:00) the values of the hour before, in place."""
    for hour in (1, 2):
        part = slice(hour * per_hour, (hour + 1) * per_hour)
        rows = np.isnan(table[:, part]).all(axis=1)
        before = table[:, (hour - 1) * per_hour : hour * per_hour]
        table[np.ix_(rows, np.arange(part.start, part.stop))] = before[rows]
