"""What a strategy sees and what it proposes: arrays over the P market time units of one delivery day.

Prices are in EUR/MWh, powers in MW. History columns keep their unit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS, QUANTILE_COLUMNS
from spot.market.clock import by_quarter_hour, skipped_slots, slot_of, slots_of
from spot.strategy.blocks.groups import BlockGroup

LEVELS = np.array(list(QUANTILE_COLUMNS))


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketView:
    """A forecast that passed its checks, and the past as known at the decision."""

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
    past_forecasts: pl.DataFrame = field(default_factory=DAY_AHEAD_FORECASTS.empty)
    """Forecasts of earlier days as of their gates, one row per unit, perhaps none."""
    spread_quantiles: Floats | None = None
    """(P, 9) second price minus day-ahead price from a fitted spread model; None where there is none."""
    reference: Floats | None = None
    """(P,) reference prices that the desk gives."""

    @property
    def hours(self) -> float:
        """Length of a unit."""
        return self.resolution_minutes / 60.0

    def past_days(self, column: str, n_days: int) -> Floats:
        """(S, P) values of a history column on the newest `n_days` complete days, oldest first.

        By local time of day.
        """
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
    """What a strategy would do before any limit. Shapes are (P,); long is positive."""

    exposure_mw: Floats
    limit_price: Floats
    expected_reference: Floats
    """NaN where there is no second price."""
    edge: Floats
    """Expected gain of one MWh after costs."""
    risk: Floats
    probability: Floats
    scenarios: Floats
    """(S, P) gain of one MWh long on past days, or on paths of this day. With fewer than 30 of them, value at
    risk cannot be measured, and a limit on it denies the position (`spot.risk.value_at_risk`).
    """
    are_paths: bool = False
    """Whether the scenarios are equally likely paths of this day, and not past days in their order."""
    costs_eur_per_mwh: tuple[float, float] = (0.0, 0.0)
    """Costs of one MWh bought and of one MWh sold that the paths leave out."""
    keeps_shape: bool = False
    recut: Callable[[Floats], Floats] | None = None
    """Rounds orders (P,) that limits have cut to whole volume steps, none larger than before. It is given
    where rounding each unit on its own would break the plan.
    """
    is_firm: bool = False
    is_block: bool = False
    """Whether the units of a side are one block order, filled as a whole or not at all."""
    groups: Callable[[Floats, float], tuple[BlockGroup, ...]] | None = None
    """The exclusive groups of a plan (P,) with at most so much power in a unit, MW. Given where the plan is
    sent as block orders among which the auction chooses.
    """
    price_step_eur_per_mwh: float = 0.01
    """Step of the limit prices of block orders."""
    curve: tuple[tuple[tuple[float, float], ...], ...] = ()
    """Per unit the steps (price, accumulated MW); nothing where the market takes no curve."""
    texts: tuple[str, ...] = field(default=())
    """(P,) one sentence per unit."""


def mean_of_quantiles(quantiles: Floats) -> Floats:
    """Mean of the distribution that interpolates `LEVELS` linearly, shape (P,).

    It is flat beyond its ends.
    """
    inner = ((quantiles[:, 1:] + quantiles[:, :-1]) / 2.0) @ np.diff(LEVELS)
    mean: Floats = inner + quantiles[:, 0] * LEVELS[0] + quantiles[:, -1] * (1.0 - LEVELS[-1])
    return mean


def probability_above(quantiles: Floats, threshold: Floats) -> Floats:
    """Probability that the value exceeds `threshold` (P,).

    It is interpolated between the levels and capped at their ends.
    """
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
    """(S, P) past values on today's units by local time of day. Days with gaps are left out.

    The hour that spring skips takes the values of the hour before it. The hour that autumn doubles is
    averaged.
    """
    return dated_profiles(
        history, column, zone, starts_utc, resolution_minutes=resolution_minutes, n_days=n_days
    )[1]


def dated_profiles(
    history: pl.DataFrame,
    column: str,
    zone: str,
    starts_utc: tuple[datetime, ...],
    *,
    resolution_minutes: int,
    n_days: int,
) -> tuple[list[date], Floats]:
    """The S days of `past_profiles`, ascending, and its values (S, P)."""
    n_units = len(starts_utc)
    if history.is_empty():
        return [], np.zeros((0, n_units))
    newest = history.get_column("delivery_day").unique().sort().tail(n_days)
    own = history.filter((pl.col("zone") == zone) & pl.col("delivery_day").is_in(newest.implode()))
    slots = (
        by_quarter_hour(own)
        .with_columns(slot=slot_of(zone, resolution_minutes, "quarter_utc"))
        .group_by("delivery_day", "slot", maintain_order=True)
        .agg(pl.when(pl.col(column).null_count() == 0).then(pl.col(column).mean()).alias("value"))
    )
    days = slots.get_column("delivery_day").unique().sort()
    table = np.full((len(days), 1440 // resolution_minutes), np.nan)
    rows = np.searchsorted(days.to_numpy(), slots["delivery_day"].to_numpy())
    table[rows, slots["slot"].to_numpy()] = slots["value"].fill_null(np.nan).to_numpy()
    for row, day in enumerate(days.to_list()):
        skipped = skipped_slots(zone, day, resolution_minutes)
        table[row, skipped] = table[row, skipped - 60 // resolution_minutes]
    profiles: Floats = table[:, slots_of(zone, starts_utc, resolution_minutes)]
    whole = np.flatnonzero(np.isfinite(profiles).all(axis=1))
    return [days[row] for row in whole.tolist()], profiles[whole]
