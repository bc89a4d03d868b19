"""Rows of `spread_training_set`.

They are made once from what was known at each gate. Training and judging read them.

Spreads and losses are in EUR/MWh.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.feature_tables import FEATURES
from spot.contracts.spread_tables import PAST_QUANTILE_COLUMNS, SPREAD_INPUTS, SPREAD_TRAINING_SET
from spot.errors import ForecastError
from spot.market.delivery import day_ahead_mtu_minutes
from spot.market.gates import gate_closure_utc
from spot.strategy.proposals.settlement_spread import empirical_quantiles
from spot.strategy.proposals.view import LEVELS
from spot.strategy.spread.inputs import SpreadPast
from spot.strategy.spread.model import SpreadModel
from spot.strategy.spread.sources import LOOKBACK_DAYS, SpreadAtGate, slots_in, spreads_after

_KEY = ("zone", "delivery_day", "delivery_start_utc")
_NAIVE_DAYS = 182
"""Past days of the naive rival: half a year, as `settlement_spread` looks back without a model."""


def spread_training_rows(
    judged_at: SpreadAtGate, *, learn_through: date, evaluation_days: Sequence[date], window_days: int
) -> pl.DataFrame:
    """Learning days as known at the gate after the last of them, evaluation days as known at `judged_at`.

    Each row's inputs are those of its own day's gate. Only days whose spreads were known are learnt from.

    Args:
        judged_at: a gate at which the spreads of the evaluation days are known, as far as they ever are.
        learn_through: newest day that is learnt from.
        evaluation_days: the days after it, never learnt from.
        window_days: how many days are learnt from at most.

    Returns:
        Rows under the contract `spread_training_set`, learning days first; perhaps none.
    """
    taught_at = judged_at.earlier(learn_through + timedelta(days=1))
    inputs, spreads = taught_at.training_rows(window_days)
    parts = [SPREAD_TRAINING_SET.empty()]
    if inputs.height:
        parts.append(_frame(inputs, spreads, None, minutes=_minutes(taught_at)))
    if evaluation_days:
        span = (judged_at.day - min(evaluation_days)).days + _NAIVE_DAYS + LOOKBACK_DAYS
        past = judged_at.past(span)
        parts += [_evaluation_rows(judged_at, past, day) for day in evaluation_days]
    return pl.concat(parts)


def learning_rows(rows: pl.DataFrame, learn_through: date) -> tuple[pl.DataFrame, Floats]:
    """Model inputs and spreads (N,) of the days that are learnt from; perhaps none."""
    part = rows.filter(pl.col("delivery_day") <= learn_through).sort(_KEY)
    return inputs_of(part), _outcomes(part)


def daily_pinball_losses(model: SpreadModel, rows: pl.DataFrame, days: Sequence[date]) -> Floats:
    """(D, 2) pinball loss of `model` and of past quantiles on `days`, EUR/MWh.

    NaN where a day has no spread or too short a past, and for the model where it refuses the day's inputs.
    """
    of_day = {
        key[0]: part for key, part in rows.sort(_KEY).partition_by("delivery_day", as_dict=True).items()
    }
    empty = rows.clear()
    losses = [_losses_of(model, of_day.get(day, empty)) for day in days]
    return np.array(losses, dtype=np.float64).reshape(-1, 2)


def pinball_loss(quantiles: Floats, truth: Floats) -> float:
    """Mean pinball loss of quantiles (P, 9) at the levels of the forecast tables.

    NaN where no truth (P,) is known.
    """
    above = truth[:, None] - quantiles
    loss = np.maximum(LEVELS * above, (LEVELS - 1.0) * above)
    return float(np.nanmean(loss)) if np.isfinite(truth).any() else np.nan


def _losses_of(model: SpreadModel, rows: pl.DataFrame) -> tuple[float, float]:
    # Summed row by row in the order in which they were made, because the order of a sum decides its last bit.
    plain = np.ascontiguousarray(rows.select(*PAST_QUANTILE_COLUMNS.values()).to_numpy())
    if not len(plain) or not np.isfinite(plain).all():
        return np.nan, np.nan
    truth = _outcomes(rows)
    try:
        ours = pinball_loss(model.predict(inputs_of(rows)), truth)
    except ForecastError:
        ours = np.nan
    return ours, pinball_loss(plain, truth)


def _evaluation_rows(moment: SpreadAtGate, past: SpreadPast, day: date) -> pl.DataFrame:
    inputs = moment.inputs(past, [day])
    plain = _plain_quantiles(past, slots_in(past, inputs), moment.zone, day)
    return _frame(inputs, spreads_after(past, inputs), plain, minutes=_minutes(moment))


def _plain_quantiles(
    past: SpreadPast, slots: "np.ndarray[tuple[int], np.dtype[np.int64]]", zone: str, day: date
) -> Floats | None:
    """(P, 9) quantiles of the spreads of the same local time that were known at the day's gate."""
    gate_us = gate_closure_utc(zone, day).timestamp() * 1e6
    rows = [
        i
        for i, known in enumerate(past.days)
        if day - timedelta(days=_NAIVE_DAYS) <= known < day and past.spread_known_us[i] <= gate_us
    ]
    before = past.spreads[rows][:, slots]
    return empirical_quantiles(before[np.isfinite(before).all(axis=1)])


def _frame(inputs: pl.DataFrame, spreads: Floats, plain: Floats | None, *, minutes: int) -> pl.DataFrame:
    """Inputs, outcome and naive rival under the contract; what is not known is null."""
    columns = {name: pl.lit(None, pl.Float64) for name in SPREAD_INPUTS if name not in inputs.columns}
    quantiles = {
        name: pl.lit(None, pl.Float64) if plain is None else pl.Series(plain[:, i])
        for i, name in enumerate(PAST_QUANTILE_COLUMNS.values())
    }
    rows = inputs.with_columns(
        resolution_minutes=pl.lit(minutes, pl.Int32),
        spread_eur_per_mwh=pl.Series(spreads, dtype=pl.Float64),
        **columns,
        **quantiles,
    )
    return rows.select(
        pl.col(name).cast(column.dtype) for name, column in SPREAD_TRAINING_SET.columns.items()
    ).with_columns(pl.col(pl.Float64).fill_nan(None))


def inputs_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Inputs as `spread_inputs` makes them.

    The columns of the features are left out where no unit has any.
    """
    has_features = any(rows[name].null_count() < rows.height for name in FEATURES)
    names = [name for name in SPREAD_INPUTS if has_features or name not in FEATURES]
    return rows.select(*_KEY, *(pl.col(name).fill_null(np.nan) for name in names))


def _outcomes(rows: pl.DataFrame) -> Floats:
    return rows["spread_eur_per_mwh"].fill_null(np.nan).to_numpy()


def _minutes(moment: SpreadAtGate) -> int:
    return day_ahead_mtu_minutes(moment.zone, moment.day)
