"""What if an input of a day were another: the forecast, the orders and the money that would follow.

Everything is pure: a situation is read once, and the same changes give the same answer. Nothing that comes
out of here is a signal. It has no id and breaks the contracts of the tables, so it can neither be stored nor
sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ConfigurationError
from spot.forecast.days.input_roles import input_role
from spot.forecast.hourly_forecaster import HourlyForecaster
from spot.strategy.request import SignalRequest
from spot.strategy.signals import decide_signals
from spot.walk.forecasts import ForecastAuthor, WalkedDay, forecast_frame
from spot.walk.inputs import Book, DecisionInstant, WalkInputs
from spot.walk.request import signal_requests, spread_quantiles

_ENDING = "_forecast_mw"
ORDER_COLUMNS = (
    "delivery_start_utc",
    "resolution_minutes",
    "strategy",
    "market",
    "side",
    "volume_mw",
    "limit_price_eur_per_mwh",
    "expected_price_eur_per_mwh",
    "expected_value_eur",
    "limits_applied",
    "reasons",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One input moved over the whole day."""

    name: str
    """As `Situation.names` has it, for example `wind`."""
    amount: float
    unit: Literal["%", "MW"]

    def __str__(self) -> str:
        """The form that people type: `wind=+20%`."""
        return f"{self.name}={self.amount:+g}{self.unit}"


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that the decision on one day rests on, read once. `forecaster` has absorbed the days before."""

    inputs: WalkInputs
    """Those of the desk, with the machine's own forecast of the day."""
    instant: DecisionInstant
    requests: tuple[SignalRequest, ...]
    """The machine's own requests of the day, a strategy each, on the book before any of them decides."""
    panel: DeliveryPanel
    """As known at the gate of the day, which is its last."""
    features: pl.DataFrame
    """Rows of `day_ahead_features` of the day, by delivery start."""
    forecaster: HourlyForecaster[Any]
    author: ForecastAuthor

    @property
    def day(self) -> date:
        """The delivery day."""
        return self.panel.last_day

    @property
    def names(self) -> dict[str, str]:
        """Inputs that the champion reads and that can be moved: the name that people use, and the column.

        The residual load follows from the others; prices of other auctions and of fuels stay as they are.
        """
        return {
            column.removesuffix(_ENDING): column
            for column in self.forecaster.seen_ranges
            if input_role(column) in ("demand", "supply")
            and column in self.panel.inputs
            and np.isfinite(self.panel.inputs[column][-1]).any()
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WhatIf:
    """What would follow. Frames are sorted by `delivery_start_utc`."""

    changes: tuple[Change, ...]
    forecast: pl.DataFrame
    """Columns of `day_ahead_forecasts`."""
    orders: pl.DataFrame
    """`ORDER_COLUMNS`: what would be bought and sold, after limits and trading state."""
    notes: tuple[str, ...]
    """Inputs that are beyond all that the model has learnt from."""

    @property
    def expected_eur(self) -> float:
        """Expected P&L of the orders after costs."""
        return float(self.orders["expected_value_eur"].sum())


def make_situation(
    inputs: WalkInputs,
    book: Book,
    instant: DecisionInstant,
    panel: DeliveryPanel,
    features: pl.DataFrame,
    forecaster: HourlyForecaster[Any],
    author: ForecastAuthor,
) -> Situation:
    """The situation of the last day of `panel`, see `Situation`; the forecaster absorbs the days before.

    Raises:
        ForecastError: the champion makes no forecast of the day.
    """
    own = forecast_frame([WalkedDay(panel.last_day, forecaster.predict(panel))], features, author)
    earlier = inputs.forecasts.filter(pl.col("delivery_day") < panel.last_day)
    on_paper = replace(inputs, forecasts=pl.concat([earlier, own]), is_live=False)
    return Situation(
        inputs=on_paper,
        instant=instant,
        requests=tuple(
            signal_requests(on_paper, instant, strategy, book)[0] for strategy in inputs.strategies
        ),
        panel=panel,
        features=features,
        forecaster=forecaster,
        author=author,
    )


def what_if(situation: Situation, changes: Sequence[Change]) -> WhatIf:
    """Forecast and decide the day of the situation with the changes; none gives the machine's own answer.

    Raises:
        ConfigurationError: the champion does not read such an input.
        ForecastError: an input is too far from all that was ever seen: no honest forecast can be made.
    """
    moved = _moved(situation, changes)
    panel = _with_last_row(situation.panel, moved)
    walked = WalkedDay(situation.day, situation.forecaster.predict(panel))
    features = _moved_features(situation, moved)
    forecast = forecast_frame([walked], features, situation.author)
    inputs = replace(situation.inputs, features=_day_replaced(situation.inputs.features, features))
    decided: list[pl.DataFrame] = []
    for request in situation.requests:
        asked = replace(
            request,
            forecast=forecast,
            desk_signals=pl.concat([request.desk_signals, *decided]),
            spread_quantiles=spread_quantiles(inputs, situation.instant, request.strategy),
            mode="paper",
        )
        decided.append(decide_signals(asked).frame)
    orders = pl.concat(decided).filter(pl.col("side") != "flat")
    return WhatIf(
        changes=tuple(changes),
        forecast=forecast,
        orders=orders.select(ORDER_COLUMNS).sort("delivery_start_utc", "strategy"),
        notes=_beyond_what_was_seen(situation, moved),
    )


def _moved(situation: Situation, changes: Sequence[Change]) -> dict[str, Floats]:
    """Column to its (P,) values of the day after the changes; only columns that change."""
    names, moved = situation.names, dict[str, Floats]()
    for change in changes:
        if change.name not in names:
            raise ConfigurationError(
                f"{situation.panel.zone}: the champion does not read {change.name}: it reads"
                f" {', '.join(names) or 'no input'}"
            )
        column = names[change.name]
        values = moved.get(column, situation.panel.inputs[column][-1])
        if change.unit == "%":
            values = values * (1 + change.amount / 100)
        else:
            # There is no sun at night, and a plant that stands still has no share in more wind.
            is_on = values > 0 if input_role(column) == "supply" else np.isfinite(values)
            values = np.where(is_on, values + change.amount, values)
        moved[column] = np.maximum(values, 0.0)
    residual = next((name for name in situation.panel.inputs if input_role(name) == "residual"), None)
    if moved and residual is not None:
        rise = np.zeros_like(situation.panel.inputs[residual][-1])
        for column, values in moved.items():
            sign = 1.0 if input_role(column) == "demand" else -1.0
            rise = rise + sign * (values - situation.panel.inputs[column][-1])
        moved[residual] = situation.panel.inputs[residual][-1] + rise
    return moved


def _with_last_row(panel: DeliveryPanel, moved: Mapping[str, Floats]) -> DeliveryPanel:
    inputs = dict(panel.inputs)
    for column, values in moved.items():
        inputs[column] = np.concatenate([panel.inputs[column][:-1], values[None]])
    return replace(panel, inputs=inputs)


def _moved_features(situation: Situation, moved: Mapping[str, Floats]) -> pl.DataFrame:
    """The rows of the day with the changes; changes since yesterday move along."""
    rows, n_units = situation.features, situation.features.height
    columns = []
    for column, values in moved.items():
        rise = pl.Series(values[:n_units] - situation.panel.inputs[column][-1][:n_units])
        since = column.removesuffix("_mw") + "_change_1d_mw"
        columns += [(pl.col(name) + rise).alias(name) for name in (column, since) if name in rows.columns]
    return rows.with_columns(columns)


def _day_replaced(features: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    if features.is_empty():
        return features
    others = features.filter(~pl.col("delivery_day").is_in(rows["delivery_day"].implode()))
    return pl.concat([others, rows.select(features.columns)])


def _beyond_what_was_seen(situation: Situation, moved: Mapping[str, Floats]) -> tuple[str, ...]:
    """A sentence for each input that leaves the range of the days that the model has learnt from."""
    notes = []
    for column, (low, high) in situation.forecaster.seen_ranges.items():
        if column not in moved:
            continue
        name = column.removesuffix(_ENDING).removesuffix("_mw").replace("_", " ")
        least, most = float(np.nanmin(moved[column])), float(np.nanmax(moved[column]))
        if most > high:
            notes.append(
                f"{name} reaches {most:,.0f} MW: beyond the training range, which ends at {high:,.0f}"
            )
        if least < low - 1e-9 * max(1.0, abs(low)):
            notes.append(
                f"{name} falls to {least:,.0f} MW: below the training range, which begins at {low:,.0f}"
            )
    return tuple(notes)
