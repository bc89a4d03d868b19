"""Inputs of the spread model: spreads and prices as known at each gate, and the calendar.

There is one row per market time unit.

A past day counts from the instant at which its last price became known, and only if nine tenths of its
spreads are there. So a day that is half known at the gate does not count yet, and the row of a training day
holds what a decision at that day's own gate would have seen. `spread_inputs` makes training rows and the rows
of the coming day alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.feature_tables import FEATURES
from spot.market.clock import by_quarter_hour, clock_slots, slot_of
from spot.market.delivery import delivery_starts_utc
from spot.market.gates import gate_closure_utc

_KEY = ("zone", "delivery_start_utc")
_LEAST_SHARE = 0.9
"""Share of a day's units that need a spread. In thin markets, units without a trade have no second price.
Chosen by hand; not tuned.
"""


@dataclass(frozen=True, slots=True)
class SpreadPast:
    """Past days of one zone by local time of day. D days, S slots of `minutes`."""

    days: tuple[date, ...]
    prices: Floats
    """(D, S) day-ahead price."""
    spreads: Floats
    """(D, S) second price minus day-ahead price, NaN where one is missing."""
    spread_known_us: Floats
    """(D,) when the day's last spread became known, microseconds since 1970; infinite for a day that lacks
    more than a tenth of them.
    """
    minutes: int


def spread_past(outcomes: pl.DataFrame, *, zone: str, minutes: int) -> SpreadPast:
    """The frame of `build_outcomes` laid on local days.

    Quarters are averaged or repeated to slots of `minutes`.
    """
    slots = (
        by_quarter_hour(outcomes.filter(pl.col("zone") == zone))
        .with_columns(slot=slot_of(zone, minutes, "quarter_utc"))
        .with_columns(spread=pl.col("reference_price_eur_per_mwh") - pl.col("day_ahead_price_eur_per_mwh"))
        .group_by("delivery_day", "slot", maintain_order=True)
        .agg(
            pl.col("day_ahead_price_eur_per_mwh").mean(),
            pl.col("spread").mean(),
            known_us=pl.col("known_at_utc").dt.epoch("us").max(),
        )
    )
    days = slots["delivery_day"].unique().sort()
    row = {day: i for i, day in enumerate(days.to_list())}
    shape = (len(days), 1440 // minutes)
    prices, spreads, known = np.full(shape, np.nan), np.full(shape, np.nan), np.full(len(days), -np.inf)
    index = np.array([row[day] for day in slots["delivery_day"].to_list()], dtype=int)
    prices[index, slots["slot"].to_numpy()] = (
        slots["day_ahead_price_eur_per_mwh"].fill_null(np.nan).to_numpy()
    )
    spreads[index, slots["slot"].to_numpy()] = slots["spread"].fill_null(np.nan).to_numpy()
    np.maximum.at(known, index, slots["known_us"].to_numpy().astype(float))
    known[np.isfinite(spreads).sum(axis=1) < _LEAST_SHARE * np.isfinite(prices).sum(axis=1)] = np.inf
    known[np.isnan(spreads).all(axis=1)] = np.inf
    return SpreadPast(tuple(days.to_list()), prices, spreads, known, minutes)


def spread_inputs(
    past: SpreadPast, features: pl.DataFrame, *, zone: str, days: Sequence[date]
) -> pl.DataFrame:
    """Inputs for every unit of `days`: key columns first, then floats with NaN where nothing was known.

    `features` (`day_ahead_features`, each day as of its gate) may lack days. The price forecast is not an
    input, because a model's first training days have none.
    """
    frame = pl.concat([_of_day(past, zone, day) for day in days])
    extra = features.select(*_KEY, *(pl.col(name) for name in FEATURES)) if len(features) else None
    if extra is not None:
        frame = frame.join(extra, on=_KEY, how="left")
    return frame.with_columns(pl.col(pl.Float64).fill_null(np.nan))


def _of_day(past: SpreadPast, zone: str, day: date) -> pl.DataFrame:
    starts, gate_us = (
        delivery_starts_utc(zone, day, past.minutes),
        gate_closure_utc(zone, day).timestamp() * 1e6,
    )
    slot = clock_slots(zone, day, past.minutes)
    before = np.array([known < day for known in past.days], dtype=bool)
    known = past.spreads[before & (past.spread_known_us <= gate_us)]
    columns = {
        "slot_minutes_local": slot * float(past.minutes),
        "weekday": np.full(len(slot), float(day.isoweekday())),
        "year_sine": np.full(len(slot), np.sin(2 * np.pi * day.timetuple().tm_yday / 365.25)),
        "year_cosine": np.full(len(slot), np.cos(2 * np.pi * day.timetuple().tm_yday / 365.25)),
        **{f"spread_{name}": values[slot] for name, values in _spread_memory(known).items()},
    }
    return pl.DataFrame(
        {"zone": zone, "delivery_day": day, "delivery_start_utc": list(starts), **columns}
    ).with_columns(pl.col("delivery_start_utc").cast(pl.Datetime("us", "UTC")))


def _spread_memory(known: Floats) -> dict[str, Floats]:
    """(S,) per input: the newest day, means and widths of the last week and month.

    By slot and over the day.
    """
    n_slots = known.shape[1]
    newest = known[-1] if len(known) else np.full(n_slots, np.nan)
    return {
        "last": newest,
        "last_day_mean": np.full(n_slots, _mean(newest[None, :].ravel())),
        "week_mean": _column_means(known[-7:]),
        "month_mean": _column_means(known[-28:]),
        "quarter_mean": _column_means(known[-91:]),
        "week_day_mean": np.full(n_slots, _mean(known[-7:].ravel())),
        "month_size": _column_means(np.abs(known[-28:])),
        "month_share_up": _column_means(np.where(np.isnan(known[-28:]), np.nan, known[-28:] > 0)),
    }


def _column_means(values: Floats) -> Floats:
    count = np.isfinite(values).sum(axis=0)
    return np.where(count > 0, np.nansum(values, axis=0) / np.maximum(count, 1), np.nan)


def _mean(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else np.nan
