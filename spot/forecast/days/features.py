"""One feature vector per delivery day, in named groups.

The groups are lagged prices, inputs, residual load, calendar, level and range.

Row t of every group uses prices of days before t and inputs up to t, nothing else. Each group is divided by
the root of its width, so a kernel weight means the same for a group of 24 hours and for a single number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from spot.arrays import Bools, Floats, Singles
from spot.forecast.days.anchors import Anchors
from spot.forecast.days.clock_grid import ClockGrid
from spot.forecast.days.filling import fill_from_the_past, fill_gaps_within_days
from spot.forecast.days.input_roles import earlier_prices, input_role, own_series, residual_load
from spot.forecast.days.normalisation import RollingLevels, mixed_spread, rolling_levels, transform
from spot.market.clock import weekdays

PRICE_LAGS = (1, 2, 3, 7, 14)
"""Days before the delivery day whose prices are features: those of the literature on LEAR (Lago et al.,
2021), and a fortnight.
"""
INPUT_LAGS = (0, 1, 7)
"""Days before the delivery day whose inputs are features: those of the literature (Lago et al., 2021)."""
EVENING, EVENING_HOURS = "pe", 2
"""The group of yesterday's last hours: the newest prices before the coming day."""
WARM_UP_DAYS = 14
"""Rows without a full set of lags. Models never learn from them."""


@dataclass(frozen=True, slots=True)
class NormalisationWindow:
    """Days of the centre, days of the spread, share of the recent spread, days of centring.

    Inputs are centred over the last number of days; 0 stands for the whole history.
    """

    centre_days: int
    spread_days: int
    spread_share: float
    centring_days: int


Scope = NormalisationWindow | int | None
"""What a feature group depends on: a whole normalisation window, only the days over which inputs are centred,
or neither.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledHistory:
    """A grid and its causally filled arrays, from which features are made.

    Rows after the last price are allowed.
    """

    grid: ClockGrid
    prices: Floats
    """(D, 24) without NaN."""
    inputs: Mapping[str, Floats]
    """Name to (D, 24) without NaN."""
    is_known: Bools
    """(D,) whether the day's price is known except for short gaps. Models learn only from such days."""

    def __len__(self) -> int:
        return len(self.prices)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFeatures:
    """Feature groups and the levels that normalise the target, for n days."""

    groups: Mapping[str, Singles]
    """Group name to (n, width)."""
    scopes: Mapping[str, Scope]
    """Group name to its scope. Windows with the same scope have the same features."""
    centre: Floats
    spread: Floats
    rows: Singles
    """(n,) number of each day in its history."""

    def stacked(self, names: tuple[str, ...]) -> Singles:
        """The named groups side by side, `(n, columns)`."""
        return np.concatenate([self.groups[name] for name in names], axis=1)


def filled_history(grid: ClockGrid) -> FilledHistory:
    """All days of a grid, filled from their own past."""
    nothing = np.empty((0, grid.prices.shape[1]))
    inputs = {name: fill_from_the_past(array, nothing) for name, array in grid.inputs.items()}
    return FilledHistory(
        grid=grid, prices=fill_from_the_past(grid.prices, nothing), inputs=inputs, is_known=_known_days(grid)
    )


def extended_history(history: FilledHistory, later: ClockGrid) -> FilledHistory:
    """`history` followed by the days of `later`. Values filled before stay as they were."""
    inputs = {
        name: np.concatenate([array, fill_from_the_past(later.inputs[name], array)])
        for name, array in history.inputs.items()
    }
    prices = np.concatenate([history.prices, fill_from_the_past(later.prices, history.prices)])
    is_known = np.concatenate([history.is_known, _known_days(later)])
    return FilledHistory(grid=history.grid.joined(later), prices=prices, inputs=inputs, is_known=is_known)


def expected_day(history: FilledHistory) -> FilledHistory:
    """`history` and the day after it, as far as that is known.

    The new day has no price. Its other values are those of the day before.
    """
    last = history.grid.rows(slice(len(history) - 1, len(history)))
    blank = np.full_like(last.prices, np.nan)
    return extended_history(
        history,
        replace(last, days=last.days + 1, prices=blank, deviations=np.full_like(last.deviations, np.nan)),
    )


def first_days(history: FilledHistory, n_days: int) -> FilledHistory:
    """The oldest `n_days` days of a history."""
    part = slice(0, n_days)
    inputs = {name: array[part] for name, array in history.inputs.items()}
    return FilledHistory(
        grid=history.grid.rows(part),
        prices=history.prices[part],
        inputs=inputs,
        is_known=history.is_known[part],
    )


def _known_days(grid: ClockGrid) -> Bools:
    return np.asarray(np.isfinite(fill_gaps_within_days(grid.prices)).all(axis=1))


class FeatureBuilder:
    """Features of some rows of a history for any number of normalisation windows.

    Features that the windows share are made once.
    """

    def __init__(self, history: FilledHistory, anchors: Anchors, rows: slice) -> None:
        self._history, self._anchors, self._rows = history, anchors, rows
        self._levels: dict[int, RollingLevels] = {}
        self._inputs: dict[int, dict[str, Singles]] = {}
        self._static = _singles({**self._calendar(), **self._residual()})

    def levels(self, window: int) -> RollingLevels:
        """Levels over the `window` days before each row."""
        if window not in self._levels:
            self._levels[window] = rolling_levels(self._history.prices, window, self._rows)
        return self._levels[window]

    def normalisation(self, window: NormalisationWindow) -> tuple[Floats, Floats]:
        """Centre and spread (n,) of each row."""
        spread = self.levels(window.spread_days).spread
        return self.levels(window.centre_days).centre, mixed_spread(
            spread, self._anchors.price_spread, window.spread_share
        )

    def build(self, window: NormalisationWindow) -> DayFeatures:
        """All groups for one normalisation window."""
        centre, spread = self.normalisation(window)
        by_scope: dict[Scope, dict[str, Singles]] = {
            None: self._static,
            window.centring_days: self._input_groups(window.centring_days),
            window: _singles(self._price_groups(centre, spread)),
        }
        return DayFeatures(
            groups={name: group for groups in by_scope.values() for name, group in groups.items()},
            scopes={name: scope for scope, groups in by_scope.items() for name in groups},
            centre=centre,
            spread=spread,
            rows=np.arange(*self._rows.indices(len(self._history))[:2], dtype=np.float32),
        )

    def _price_groups(self, centre: Floats, spread: Floats) -> dict[str, Floats]:
        groups = {
            f"p{lag}": _scaled(transform(self._lagged(self._history.prices, lag), centre, spread))
            for lag in PRICE_LAGS
        }
        groups[EVENING] = _scaled(
            transform(self._lagged(self._history.prices, 1)[:, -EVENING_HOURS:], centre, spread)
        )
        groups["lev"] = _scaled(self._level(centre, spread))
        week, month = self.levels(7).mean, self.levels(28).mean
        groups["lev2"] = _scaled(
            np.stack(
                [(week - month) / spread, (month - self._anchors.price_centre) / self._anchors.price_spread],
                axis=1,
            )
        )
        groups["mm"] = _scaled(transform(self._ranges(), centre, spread))
        return groups | self._earlier_groups(centre, spread)

    def _earlier_groups(self, centre: Floats, spread: Floats) -> dict[str, Floats]:
        """Prices of earlier auctions for the day itself, in the units of the zone's own price."""
        groups: dict[str, Floats] = {}
        for name, values in earlier_prices(self._history.inputs).items():
            today, before = (_scaled(transform(self._lagged(values, lag), centre, spread)) for lag in (0, 1))
            groups |= {f"{name}@0": today, f"{name}@1": before, f"{name}-1": today - before}
        return groups

    def _level(self, centre: Floats, spread: Floats) -> Floats:
        scale = self._anchors.price_spread
        return np.stack([np.log(spread / scale), (centre - self._anchors.price_centre) / scale], axis=1)

    def _lagged(self, values: Floats, lag: int) -> Floats:
        """(n, ...) the rows `lag` days earlier.

        Where they would lie before the first day, it is the first day.
        """
        start, stop, _ = self._rows.indices(len(self._history))
        return np.asarray(values[np.maximum(np.arange(start, stop) - lag, 0)])

    def _ranges(self) -> Floats:
        """(n, 4) lowest and highest price of yesterday and of the last week."""
        lagged = np.stack([self._lagged(self._history.prices, lag) for lag in range(1, 8)])
        low, high = lagged.min(axis=2), lagged.max(axis=2)
        return np.stack([low[0], high[0], low.min(axis=0), high.max(axis=0)], axis=1)

    def _calendar(self) -> dict[str, Floats]:
        grid, start, stop = self._history.grid, *self._rows.indices(len(self._history))[:2]
        days = grid.days[start:stop]
        weekday = weekdays(days)
        year = (days - days.astype("datetime64[Y]")).astype(np.int64) / 365.25 * 2 * np.pi
        holiday = grid.holiday_fraction
        row = np.arange(start, stop)
        before = [np.where(row >= lag, holiday[np.maximum(row - lag, 0)], 0.0) for lag in (0, 1, 7)]
        return {
            "dow": (weekday[:, None] == np.arange(7)).astype(np.float64),
            "hol": np.stack([before[0], 0.5 * before[1]], axis=1),
            "hol7": before[2][:, None],
            "sea": np.stack([np.sin(year), np.cos(year)], axis=1) / np.sqrt(2),
            "trend": ((days - self._anchors.first_day).astype(np.int64) / 365.0)[:, None],
        }

    def _residual(self) -> dict[str, Floats]:
        residual = residual_load(self._history.inputs)
        if residual is None:
            return {}
        scaled = (residual - self._anchors.residual_mean) / self._anchors.residual_spread
        return {f"r{lag}": _scaled(self._lagged(scaled, lag)) for lag in (0, 1)}

    def _input_groups(self, centring_days: int) -> dict[str, Singles]:
        if centring_days not in self._inputs:
            self._inputs[centring_days] = _singles(self._make_input_groups(centring_days))
        return self._inputs[centring_days]

    def _make_input_groups(self, centring_days: int) -> dict[str, Floats]:
        groups: dict[str, Floats] = {}
        for name, values in own_series(self._history.inputs).items():
            if input_role(name) == "earlier_price":
                continue
            centre = self._input_centre(values, self._anchors.input_mean[name], centring_days)
            scale = self._anchors.input_spread[name]
            lagged = {
                lag: _scaled((self._lagged(values, lag) - self._lagged(centre, lag)[:, None]) / scale)
                for lag in INPUT_LAGS
            }
            groups |= {f"{name}@{lag}": array for lag, array in lagged.items()}
            groups |= {f"{name}-{lag}": lagged[0] - lagged[lag] for lag in (1, 7)}
        return groups

    def _input_centre(self, values: Floats, mean: float, centring_days: int) -> Floats:
        """(D,) mean of an input over the days up to and including each, or of the whole history."""
        if centring_days == 0:
            return np.full(len(values), mean)
        total = np.concatenate([[0.0], np.cumsum(values.mean(axis=1))])
        last = np.arange(1, len(values) + 1)
        first = np.maximum(last - 1 - centring_days, 0)
        return np.asarray((total[last] - total[first]) / (last - first))


def _scaled(values: Floats) -> Floats:
    """Divide by the root of the width."""
    return np.asarray(values / np.sqrt(values.shape[1]))


def _singles(groups: Mapping[str, Floats]) -> dict[str, Singles]:
    return {name: np.asarray(group, dtype=np.float32, order="C") for name, group in groups.items()}
