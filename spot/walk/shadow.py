"""Challengers of the spread model in shadow: each makes the day's decision again, on paper.

A challenger decides on the champion's price forecast and on the desk's real book, at the same instant and
within the same limits. So its decision depends on no other challenger, and a range of days gives the same
rows as its days one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import polars as pl

from spot.contracts.spread_tables import SPREAD_FORECASTS, SPREAD_QUANTILE_COLUMNS, SPREAD_SHADOW_SIGNALS
from spot.market.delivery import day_ahead_mtu_minutes, delivery_starts_utc
from spot.strategy.interface import Strategy
from spot.strategy.request import SignalRequest
from spot.strategy.signals import decide_signals
from spot.strategy.spread.sources import SpreadSource
from spot.walk.inputs import Book, DecisionInstant, WalkInputs, decision_instant
from spot.walk.request import signal_requests

Challengers = Mapping[str, Sequence[SpreadSource]]
"""Strategy to its challengers of the spread model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedShadow:
    """Frames under their contracts."""

    forecasts: pl.DataFrame
    """Contract `spread_forecasts`: each challenger, and the model that serves beside it."""
    signals: pl.DataFrame
    """Contract `spread_shadow_signals`."""


def walk_shadow(
    inputs: WalkInputs, days: Sequence[date], book: Book, challengers: Challengers
) -> WalkedShadow:
    """Each challenger's forecast of each day, and the orders that it would make.

    Days without one give nothing.

    `book` holds the desk's own signals and P&L, those of the walked days too, so later days see those of
    earlier ones. A challenger that lacks the inputs of a day makes no forecast of it.
    """
    forecasts, signals = [SPREAD_FORECASTS.empty()], [SPREAD_SHADOW_SIGNALS.empty()]
    own = replace(inputs, forecasts=inputs.forecasts.filter(pl.col("role") == "champion"), is_live=False)
    for day in days:
        instant = decision_instant(own, day, halted_until=date.min)
        for number, strategy in enumerate(own.strategies):
            rivals = [one for one in challengers.get(strategy.strategy, ()) if one.version(day) is not None]
            if not rivals:
                continue
            before = _before(book, own, number, day)
            forecasts.append(_forecast(_request(own, instant, strategy, before), "champion"))
            for rival in rivals:
                shadowed = replace(own, spread_sources={strategy.strategy: rival})
                request = _request(shadowed, instant, strategy, before)
                if request.spread_quantiles is not None:
                    forecasts.append(_forecast(request, "challenger"))
                    signals.append(decide_signals(_on_paper(request)).frame)
    return WalkedShadow(forecasts=pl.concat(forecasts), signals=pl.concat(signals))


def _request(inputs: WalkInputs, instant: DecisionInstant, strategy: Strategy, before: Book) -> SignalRequest:
    """The champion's own request: the first of them."""
    return signal_requests(inputs, instant, strategy, before)[0]


def _on_paper(request: SignalRequest) -> SignalRequest:
    forecast = request.forecast.with_columns(role=pl.lit("challenger"))
    return replace(request, role="challenger", mode="paper", forecast=forecast)


def _before(book: Book, inputs: WalkInputs, number: int, day: date) -> Book:
    """The book before the strategy decided.

    Of this day and zone it has only the orders of strategies before it.
    """
    later = [strategy.strategy for strategy in inputs.strategies[number:]]
    is_later = (
        (pl.col("zone") == inputs.zone) & (pl.col("delivery_day") == day) & pl.col("strategy").is_in(later)
    )
    return Book(signals=book.signals.filter(~is_later), settlements=book.settlements)


def _forecast(request: SignalRequest, role: str) -> pl.DataFrame:
    """Quantiles of the day's spreads; no row where there is none."""
    if request.spread_quantiles is None:
        return SPREAD_FORECASTS.empty()
    minutes = day_ahead_mtu_minutes(request.zone, request.delivery_day)
    starts = delivery_starts_utc(request.zone, request.delivery_day, minutes)
    columns = {
        name: request.spread_quantiles[:, i] for i, name in enumerate(SPREAD_QUANTILE_COLUMNS.values())
    }
    rows = pl.DataFrame({"delivery_start_utc": list(starts), **columns}).with_columns(
        zone=pl.lit(request.zone),
        delivery_day=pl.lit(request.delivery_day),
        resolution_minutes=pl.lit(minutes),
        role=pl.lit(role),
        strategy=pl.lit(request.strategy.strategy),
        model_version=pl.lit(request.strategy_model_version),
        settled_against=pl.lit(request.strategy.settled_against),
        as_of_utc=pl.lit(request.as_of_utc),
    )
    return rows.select(pl.col(name).cast(column.dtype) for name, column in SPREAD_FORECASTS.columns.items())
