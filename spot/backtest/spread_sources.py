"""Where the replay takes the distribution of the spread from: a fitted model that is refitted as time goes on, or a naive rule to beat."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

import numpy as np
import polars as pl

from spot.contracts.panel import Floats
from spot.errors import ForecastError
from spot.market.delivery import day_ahead_mtu_minutes
from spot.risk.outcomes import zone_outcomes
from spot.strategy.spread_model import CatBoostSpread, SpreadModel
from spot.strategy.spread_past import SpreadPast, spread_inputs, spread_past
from spot.strategy.view import LEVELS

NaiveRule = Literal["always_buy", "always_sell", "last_week"]
NAIVE_RULES: tuple[NaiveRule, ...] = ("always_buy", "always_sell", "last_week")


@dataclass(frozen=True, slots=True)
class SpreadMoment:
    """One gate, and the tables from which what was known then can be cut."""

    zone: str
    day: date
    gate_utc: datetime
    raw: Mapping[str, pl.DataFrame]
    forecasts: pl.DataFrame
    features: pl.DataFrame
    settled_against: str

    def past(self, n_days: int) -> SpreadPast:
        """Spreads of the newest `n_days` days as known at the gate."""
        first = self.day - timedelta(days=n_days)
        outcomes = zone_outcomes(self.raw, zone=self.zone, settled_against=self.settled_against, as_of_utc=self.gate_utc, first_day=first)
        return spread_past(outcomes, zone=self.zone, minutes=day_ahead_mtu_minutes(self.zone, self.day))

    def inputs(self, past: SpreadPast, days: list[date]) -> pl.DataFrame:
        """Model inputs of `days`; forecasts and features are those made at each day's own gate."""
        chosen = pl.col("delivery_day").is_in(days) & (pl.col("zone") == self.zone)
        return spread_inputs(past, self.forecasts.filter(chosen), self.features.filter(chosen), zone=self.zone, days=days)


class SpreadSource(Protocol):
    """Gives quantiles of a day's spreads, or None where nothing can be said."""

    def quantiles(self, moment: SpreadMoment) -> Floats | None:
        """(P, 9) at the levels of the forecast tables."""
        ...


class FittedSpread:
    """A model that learns from the days known at the gate and is refitted every `refit_days` and when the market time unit changes."""

    def __init__(
        self, make_model: Callable[[], SpreadModel] = CatBoostSpread, *, window_days: int = 365, refit_days: int = 28, min_days: int = 60
    ) -> None:
        self._make_model, self._window_days, self._refit_days, self._min_days = make_model, window_days, refit_days, min_days
        self._model: SpreadModel | None = None
        self._fitted_on: date | None = None
        self._minutes = 0

    def quantiles(self, moment: SpreadMoment) -> Floats | None:
        """None until `min_days` days with spreads are known."""
        past = moment.past(self._window_days + 91)
        is_old = self._fitted_on is None or moment.day >= self._fitted_on + timedelta(days=self._refit_days) or past.minutes != self._minutes
        if is_old:
            self._fit(moment, past)
        return self._model.predict(moment.inputs(past, [moment.day])) if self._model is not None else None

    def _fit(self, moment: SpreadMoment, past: SpreadPast) -> None:
        gate_us = moment.gate_utc.timestamp() * 1e6
        first = moment.day - timedelta(days=self._window_days)
        rows = [i for i, day in enumerate(past.days) if first <= day < moment.day and past.spread_known_us[i] <= gate_us]
        self._model = None
        if len(rows) < self._min_days:
            return
        inputs = moment.inputs(past, [past.days[i] for i in rows])
        slot = (inputs["slot_minutes_local"].to_numpy() / past.minutes).astype(int)
        index = np.searchsorted(np.array(past.days, dtype="datetime64[D]"), inputs["delivery_day"].to_numpy())
        try:
            self._model = self._make_model().fit(inputs, past.spreads[index, slot])
        except ForecastError:
            return
        self._fitted_on, self._minutes = moment.day, past.minutes


@dataclass(frozen=True, slots=True)
class NaiveSpread:
    """Rules that need no model: always buy, always sell, or the mean sign of the last known week at the same local time."""

    rule: NaiveRule
    size_eur_per_mwh: float = 1000.0

    def quantiles(self, moment: SpreadMoment) -> Floats | None:
        """A certain spread of the rule's sign, so that the full size is traded."""
        inputs = moment.inputs(moment.past(40), [moment.day])
        if self.rule == "last_week":
            sign = np.nan_to_num(np.sign(inputs["spread_week_mean"].to_numpy()))
        else:
            sign = np.full(inputs.height, 1.0 if self.rule == "always_buy" else -1.0)
        return np.repeat((sign * self.size_eur_per_mwh)[:, None], len(LEVELS), axis=1)
