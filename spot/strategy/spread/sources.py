"""Sources of the distribution of the spread for a decision.

They are a serving model, a model that is refitted during a replay, or a naive rule to compare with.

Spreads and quantiles are in EUR/MWh.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Protocol

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.errors import ForecastError
from spot.market.delivery import day_ahead_mtu_minutes
from spot.market.gates import gate_closure_utc
from spot.risk.outcomes import zone_outcomes
from spot.strategy.interface import NaiveRule
from spot.strategy.proposals.view import LEVELS
from spot.strategy.spread.inputs import SpreadPast, spread_inputs, spread_past
from spot.strategy.spread.model import CatBoostSpread, SpreadModel

LOOKBACK_DAYS = 91
"""Days that the inputs of one day look back on."""
_SERVING_DAYS = LOOKBACK_DAYS + 29


@dataclass(frozen=True, slots=True)
class SpreadAtGate:
    """One gate, and the tables from which everything known at it can be selected."""

    zone: str
    day: date
    gate_utc: datetime
    raw: Mapping[str, pl.DataFrame]
    features: pl.DataFrame
    """`day_ahead_features`, each day as of its own gate."""
    settled_against: str

    def earlier(self, day: date) -> "SpreadAtGate":
        """The gate of an earlier day, on the same tables."""
        return replace(self, day=day, gate_utc=min(self.gate_utc, gate_closure_utc(self.zone, day)))

    def past(self, n_days: int) -> SpreadPast:
        """Spreads of the newest `n_days` days as known at the gate."""
        first = self.day - timedelta(days=n_days)
        outcomes = zone_outcomes(
            self.raw,
            zone=self.zone,
            settled_against=self.settled_against,
            as_of_utc=self.gate_utc,
            first_day=first,
        )
        return spread_past(outcomes, zone=self.zone, minutes=day_ahead_mtu_minutes(self.zone, self.day))

    def inputs(self, past: SpreadPast, days: Sequence[date]) -> pl.DataFrame:
        """Model inputs of `days`, each as of its own gate."""
        chosen = pl.col("delivery_day").is_in(list(days)) & (pl.col("zone") == self.zone)
        return spread_inputs(past, self.features.filter(chosen), zone=self.zone, days=days)

    def serving_row(self) -> pl.DataFrame:
        """Model inputs of the day itself."""
        return self.inputs(self.past(_SERVING_DAYS), [self.day])

    def training_rows(self, window_days: int) -> tuple[pl.DataFrame, Floats]:
        """Inputs and spreads (N,) of the newest `window_days` days whose spreads were known at the gate.

        Perhaps none.
        """
        past, first = self.past(window_days + LOOKBACK_DAYS), self.day - timedelta(days=window_days)
        known = past.spread_known_us <= self.gate_utc.timestamp() * 1e6
        days = [
            day
            for day, is_known in zip(past.days, known, strict=True)
            if first <= day < self.day and is_known
        ]
        if not days:
            return pl.DataFrame(), np.zeros(0)
        inputs = self.inputs(past, days)
        return inputs, spreads_after(past, inputs)


class SpreadSource(Protocol):
    """Gives quantiles of a day's spreads, or None where it cannot."""

    def quantiles(self, at_gate: SpreadAtGate) -> Floats | None:
        """(P, 9) at the levels of the forecast tables."""
        ...

    def version(self, day: date, /) -> str | None:
        """The version that serves the day; None where none does."""
        ...


@dataclass(frozen=True, slots=True)
class ServedSpread:
    """Fitted models, each for the days that it serves."""

    models: Mapping[date, tuple[str, SpreadModel]]
    """Delivery day to registered version and model; a day without one has no entry."""
    damage: Mapping[date, str] = field(default_factory=dict)
    """Delivery day to why the model that serves it cannot be read. Such a day is flat."""

    def version(self, day: date, /) -> str | None:
        """The version that serves the day; None where none does."""
        return self.models[day][0] if day in self.models else None

    def quantiles(self, at_gate: SpreadAtGate) -> Floats | None:
        """Quantiles in EUR/MWh, `(P, Q)`.

        None where no model serves the day or one of its inputs is missing. Then there is no position.
        """
        if at_gate.day not in self.models:
            return None
        try:
            return self.models[at_gate.day][1].predict(at_gate.serving_row())
        except ForecastError:
            return None


class FittedSpread:
    """A model that learns from the days known at the gate.

    It is refitted every `refit_days` and when the market time unit changes.
    """

    def __init__(
        self,
        make_model: Callable[[], SpreadModel] = CatBoostSpread,
        *,
        window_days: int = 365,
        refit_days: int = 28,
        min_days: int = 60,
    ) -> None:
        self._make_model, self._window_days, self._refit_days, self._min_days = (
            make_model,
            window_days,
            refit_days,
            min_days,
        )
        self._model: SpreadModel | None = None
        self._fitted_on: date | None = None
        self._minutes = 0

    def quantiles(self, at_gate: SpreadAtGate) -> Floats | None:
        """Quantiles in EUR/MWh, `(P, Q)`; None until `min_days` days with spreads are known."""
        minutes = day_ahead_mtu_minutes(at_gate.zone, at_gate.day)
        if (
            self._fitted_on is None
            or at_gate.day >= self._fitted_on + timedelta(days=self._refit_days)
            or minutes != self._minutes
        ):
            self._fit(at_gate, minutes)
        return (
            None
            if self._model is None
            else ServedSpread({at_gate.day: ("refitted", self._model)}).quantiles(at_gate)
        )

    def version(self, _: date, /) -> str | None:
        """The day on which the serving model was fitted; None before the first."""
        return None if self._model is None else f"refitted-{self._fitted_on}"

    def _fit(self, at_gate: SpreadAtGate, minutes: int) -> None:
        inputs, spreads = at_gate.training_rows(self._window_days)
        self._model = None
        if inputs.is_empty() or inputs["delivery_day"].n_unique() < self._min_days:
            return
        try:
            self._model = self._make_model().fit(inputs, spreads)
        except ForecastError:
            return
        self._fitted_on, self._minutes = at_gate.day, minutes


@dataclass(frozen=True, slots=True)
class NaiveSpread:
    """Rules that need no model.

    Always buy, always sell, or the mean sign of the last known week at the same local time.
    """

    rule: NaiveRule
    size_eur_per_mwh: float = 1000.0
    """Chosen by hand: far above any cost, so that the naive rule always trades its full size."""

    def quantiles(self, at_gate: SpreadAtGate) -> Floats | None:
        """Quantiles in EUR/MWh, `(P, Q)`: all have the sign of the rule, so that the full size is traded."""
        inputs = at_gate.inputs(at_gate.past(40), [at_gate.day])
        if self.rule == "last_week":
            sign = np.nan_to_num(np.sign(inputs["spread_week_mean"].to_numpy()))
        else:
            sign = np.full(inputs.height, 1.0 if self.rule == "always_buy" else -1.0)
        return np.repeat((sign * self.size_eur_per_mwh)[:, None], len(LEVELS), axis=1)

    def version(self, _: date, /) -> str:
        """The name of the rule."""
        return self.rule


def slots_in(past: SpreadPast, inputs: pl.DataFrame) -> Ints:
    """(N,) slot of the local day of each row of inputs."""
    return (inputs["slot_minutes_local"].to_numpy() / past.minutes).astype(np.int64)


def spreads_after(past: SpreadPast, inputs: pl.DataFrame) -> Floats:
    """(N,) the spread that followed each row of inputs; NaN on a day that `past` does not have."""
    days = np.array(past.days, dtype="datetime64[D]")
    asked = inputs["delivery_day"].to_numpy()
    if not len(days):
        return np.full(len(asked), np.nan)
    index = np.minimum(np.searchsorted(days, asked), len(days) - 1)
    spreads: Floats = past.spreads[index, slots_in(past, inputs)]
    return np.where(days[index] == asked, spreads, np.nan)
