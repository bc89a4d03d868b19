"""The one place that builds the request for a decision, for live trading, replay and backtest alike.

Prices are in EUR/MWh, powers in MW.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from spot.arrays import Floats
from spot.contracts.words import NAIVE_VERSION, Role
from spot.market.delivery import day_ahead_mtu_minutes, delivery_starts_utc
from spot.risk.outcomes import reference_curve, zone_outcomes
from spot.strategy.interface import Strategy
from spot.strategy.readiness.data_age import essential_data_utc
from spot.strategy.request import SignalRequest
from spot.strategy.spread.sources import SpreadAtGate
from spot.walk.inputs import HISTORY_DAYS, Book, DecisionInstant, WalkInputs, history_days


def signal_requests(
    inputs: WalkInputs, instant: DecisionInstant, strategy: Strategy, book: Book
) -> list[SignalRequest]:
    """The requests of one strategy for one day: the champion's first, then one for each challenger.

    `book` is the desk as it is before the strategy decides.
    """
    day, as_of = instant.day, instant.as_of_utc
    history = zone_outcomes(
        inputs.raw,
        zone=inputs.zone,
        settled_against=strategy.settled_against,
        as_of_utc=as_of,
        first_day=day - timedelta(days=history_days(inputs.strategies)),
    )
    past = _past_forecasts(inputs, instant)
    quantiles = spread_quantiles(inputs, instant, strategy)
    seen = book.seen_by(inputs.zone, instant)
    return [
        SignalRequest(
            zone=inputs.zone,
            delivery_day=day,
            strategy=strategy,
            forecast=inputs.forecasts.filter(
                pl.col("delivery_day") == day,
                pl.col("role") == role,
                pl.col("model_version").eq_missing(version),
            ),
            as_of_utc=as_of,
            limits=inputs.limits,
            trading_state=instant.trading_state,
            history=history,
            past_forecasts=past,
            desk_signals=seen.signals,
            settlements=seen.settlements,
            spread_quantiles=quantiles,
            strategy_model_version=(
                None if quantiles is None else inputs.spread_sources[strategy.strategy].version(day)
            ),
            reference=_desk_price(inputs, instant, strategy),
            model_age_days=_model_age_days(inputs, version, day),
            essential_data_utc=essential_data_utc(inputs.raw, zone=inputs.zone, as_of_utc=as_of),
            drift_status=inputs.drift_status.get(day),
            size_share=_size_share(inputs, version, day),
            role=role,
            mode="live" if instant.is_live and role == "champion" else "paper",
        )
        for role, version in _authors(inputs.forecasts, day)
    ]


def _past_forecasts(inputs: WalkInputs, instant: DecisionInstant) -> pl.DataFrame:
    """The champion's forecasts of earlier days, one row per unit, made by the instant."""
    is_past = pl.col("delivery_day").is_between(
        instant.day - timedelta(days=HISTORY_DAYS), instant.day, closed="left"
    )
    return (
        inputs.forecasts.filter(
            is_past, pl.col("role") == "champion", pl.col("as_of_utc") <= instant.as_of_utc
        )
        .sort("delivery_start_utc", "as_of_utc", "model_version")
        .unique("delivery_start_utc", keep="last", maintain_order=True)
    )


def _authors(forecasts: pl.DataFrame, day: date) -> Sequence[tuple[Role, str | None]]:
    """Role and version of every model that forecast the day.

    The champion is always there, even without a forecast.
    """
    rows = (
        forecasts.filter(pl.col("delivery_day") == day)
        .select("role", "model_version")
        .unique()
        .sort("role", "model_version")
        .rows()
    )
    champion = next((version for role, version in rows if role == "champion"), None)
    return [("champion", champion), *((role, version) for role, version in rows if role != "champion")]


def _model_age_days(inputs: WalkInputs, version: str | None, day: date) -> float | None:
    if version == NAIVE_VERSION:
        return 1.0  # it repeats a day of the week before, and learns its intervals until the day before
    trained = None if version is None else inputs.trained_through.get(version)
    return inputs.assumed_model_age_days if trained is None else float((day - trained).days)


def _size_share(inputs: WalkInputs, version: str | None, day: date) -> float:
    """Of the orders of a version that is a canary on the day."""
    is_canary = version is not None and day < inputs.canaries.get(version, date.min)
    return inputs.canary_share if is_canary else 1.0


def spread_quantiles(inputs: WalkInputs, instant: DecisionInstant, strategy: Strategy) -> Floats | None:
    """(P, 9) quantiles of the spread, where the strategy has a source that covers the day."""
    source = inputs.spread_sources.get(strategy.strategy)
    if source is None:
        return None
    against = strategy.settled_against
    return source.quantiles(
        SpreadAtGate(inputs.zone, instant.day, instant.as_of_utc, inputs.raw, inputs.features, against)
    )


def _desk_price(inputs: WalkInputs, instant: DecisionInstant, strategy: Strategy) -> Floats | None:
    """(P,) the curve that the strategy closes at, as the desk gave it by then; None where there is none."""
    if not strategy.closes_at_desk_price:
        return None
    minutes = day_ahead_mtu_minutes(inputs.zone, instant.day)
    return reference_curve(
        inputs.raw,
        zone=inputs.zone,
        starts_utc=delivery_starts_utc(inputs.zone, instant.day, minutes),
        minutes=minutes,
        as_of_utc=instant.as_of_utc,
    )
