"""Whether a zone can trade a coming day.

It checks everything that could prevent it, in the order in which it would stop the day. It is pure.

The signals check all of it again when they are made. This is the answer before that, and afterwards the
outcome of the day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from spot.market.delivery import n_periods
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import Limit, LimitBook
from spot.strategy.readiness.forecast_readiness import assess_forecast_readiness


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingModel:
    """The version that serves the day."""

    version: str
    trained_through: date


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeabilityFacts:
    """Facts about one zone and day at `now`. Tables hold rows of that zone and day, perhaps none."""

    zone: str
    source: str
    """The source in the zone's settings. Models and data of another source do not count."""
    delivery_day: date
    now: datetime
    stops: tuple[str, ...]
    """Halts and reductions of desk and zone, each with its remedy; empty where both are ACTIVE."""
    limits: LimitBook
    strategies: tuple[str, ...]
    """The kinds of `settings.strategy` that the zone runs."""
    unread_strategies: tuple[str, ...] = ()
    """Why strategies of the zone are not among them: their files are missing or cannot be read."""
    model: ServingModel | None
    essential_data_utc: datetime | None
    """As `spot.strategy.readiness.data_age` measures it now; None where the ledger holds no price."""
    forecasts_at_utc: datetime | None
    """When the schedule makes the forecast; None where the zone has none."""
    forecasts: pl.DataFrame
    signals: pl.DataFrame
    events: pl.DataFrame
    """`risk_events`"""
    publications: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Tradeability:
    """The answer, and why."""

    can_trade: bool
    reasons: tuple[str, ...]
    """What prevents trading, most important first; where nothing does, what is traded."""
    model_age_days: int | None
    data_age_hours: float | None


def assess_tradeability(facts: TradeabilityFacts) -> Tradeability:
    """Whether orders of the day can be sent, or were sent, and every reason against it."""
    gate = gate_closure_utc(facts.zone, facts.delivery_day)
    signals, forecasts = (
        rows.filter(pl.col("role") == "champion") for rows in (facts.signals, facts.forecasts)
    )
    model_age = None if facts.model is None else (facts.delivery_day - facts.model.trained_through).days
    data_age = (
        None
        if facts.essential_data_utc is None
        else (facts.now - facts.essential_data_utc).total_seconds() / 3600.0
    )
    traded = tuple(_traded(facts, signals))
    if facts.now >= gate:
        sent = facts.publications.filter(pl.col("status") == "sent", pl.col("n_orders") > 0)
        reasons = (
            traded
            if sent.height
            else (
                f"the gate closed at {gate:%d %b %H:%M} UTC and no order was sent",
                *_why_unsent(facts, signals),
            )
        )
        return Tradeability(
            can_trade=sent.height > 0, reasons=reasons, model_age_days=model_age, data_age_hours=data_age
        )
    standing = (
        *facts.stops,
        *facts.unread_strategies,
        *_of_limits(facts),
        *_of_model(facts, model_age),
        *_of_data(facts, data_age),
    )
    missing = tuple(_of_chain(facts, forecasts, signals, gate))
    if not standing and missing:
        missing = (*missing, "nothing else prevents trading")
    reasons = (*standing, *missing, *(_why_flat(facts, signals) if not missing and not traded else ()))
    return Tradeability(
        can_trade=not reasons, reasons=reasons or traded, model_age_days=model_age, data_age_hours=data_age
    )


def _of_limits(facts: TradeabilityFacts) -> Iterator[str]:
    if facts.limits.document is None:
        yield facts.limits.problem or "the limits cannot be read"
        return
    unusable = {
        f"{limit.scope} {limit.kind}"
        for name in facts.strategies
        for limit in facts.limits.limits(facts.zone, name, facts.delivery_day)
        if limit.value is None
    }
    if unusable:
        yield (
            "limits that are missing or not a number deny:"
            f" {', '.join(sorted(unusable)[:3])}{' and more' if len(unusable) > 3 else ''}"
        )


def _of_model(facts: TradeabilityFacts, age_days: int | None) -> Iterator[str]:
    retrain = f"`spotdesk retrain --zone {facts.zone} --by NAME --reason ...`"
    if facts.model is None or age_days is None:
        what = f"no champion on data of {facts.source}, the source in zones.yaml"
        yield f"{what}: {retrain} makes a version, `spotdesk models --zone {facts.zone}` shows what there is"
        return
    allowed = _tightest(facts, "max_model_age_days")
    if allowed is not None and age_days > allowed:
        yield (
            f"champion {facts.model.version} is {age_days} days old, max_model_age_days allows {allowed:g}:"
            f" {retrain}"
        )


def _of_data(facts: TradeabilityFacts, age_hours: float | None) -> Iterator[str]:
    if facts.essential_data_utc is None or age_hours is None:
        yield (
            f"no data of {facts.source}: `spotdesk backfill`, `spotdesk ingest` or `spotdesk run` brings some"
        )
        return
    allowed = _tightest(facts, "max_data_age_hours")
    if allowed is not None and age_hours > allowed:
        newest = f"{facts.essential_data_utc:%Y-%m-%d %H:%M} UTC"
        yield (
            f"data too old: no new day of prices or of load forecasts since {newest}, {age_hours:,.0f} h ago,"
            f" max_data_age_hours allows {allowed:g}"
        )


def _of_chain(
    facts: TradeabilityFacts, forecasts: pl.DataFrame, signals: pl.DataFrame, gate: datetime
) -> Iterator[str]:
    """Reasons from a forecast or signals that are missing or not ready."""
    if forecasts.is_empty():
        makes = "make it with `spotdesk run`, because no schedule serves the zone"
        if facts.forecasts_at_utc is not None:
            makes = (
                "the schedule of a running `spotdesk dev` makes it at"
                f" {facts.forecasts_at_utc:%d %b %H:%M} UTC"
            )
        yield f"no forecast yet: {makes}, and the gate closes at {gate:%d %b %H:%M} UTC"
        return
    verdict = assess_forecast_readiness(
        forecasts, zone=facts.zone, delivery_day=facts.delivery_day, as_of_utc=facts.now
    )
    yield from (f"the forecast is not ready: {reason}" for reason in verdict.reasons)
    for name in facts.strategies:
        own = signals.filter(pl.col("strategy") == name)
        minutes = int(own["resolution_minutes"][0]) if own.height else None
        if own.height < n_periods(facts.zone, facts.delivery_day, minutes):
            yield f"no signal of {name} yet"


def _why_unsent(facts: TradeabilityFacts, signals: pl.DataFrame) -> tuple[str, ...]:
    """After the gate: missing signals, flat strategies, or orders that were not sent."""
    if signals.is_empty():
        return ("no signal was made",)
    unsent = (
        (
            "signals with orders were not sent: table publications says why, a replay after the gate sends"
            " nothing"
        ),
    )
    return _why_flat(facts, signals) + (unsent if (signals["side"] != "flat").any() else ())


def _why_flat(facts: TradeabilityFacts, signals: pl.DataFrame) -> tuple[str, ...]:
    """Why each strategy with signals has no order: limits first, else its own words."""
    return tuple(
        line
        for name in facts.strategies
        if (line := _flat_line(facts, signals.filter(pl.col("strategy") == name), name))
    )


def _flat_line(facts: TradeabilityFacts, own: pl.DataFrame, name: str) -> str:
    if own.is_empty() or (own["side"] != "flat").any():
        return ""
    stopping = facts.events.filter(
        pl.col("role") == "champion", pl.col("strategy") == name, pl.col("action").is_in(["block", "halt"])
    )
    limits = stopping["limit_name"].unique(maintain_order=True).to_list()
    return (
        f"{name} is flat: {', '.join(limits)} blocked it"
        if limits
        else f"{name} is flat: {own['reasons'].mode().sort()[0].removeprefix('flat: ')}"
    )


def _traded(facts: TradeabilityFacts, signals: pl.DataFrame) -> Iterator[str]:
    """One line per strategy if at least one has an order; else none."""
    if signals.filter(pl.col("side") != "flat").is_empty():
        return
    for name in facts.strategies:
        own = signals.filter(pl.col("strategy") == name)
        orders = own.filter(pl.col("side") != "flat")
        mwh = float((orders["volume_mw"] * orders["resolution_minutes"] / 60.0).sum())
        yield (
            f"{name}: {orders.height} orders, {mwh:,.1f} MWh"
            if orders.height
            else _flat_line(facts, own, name) or f"{name} made no signal"
        )


def _tightest(facts: TradeabilityFacts, kind: str) -> float | None:
    """The lowest limit of a kind over scopes and strategies, with overrides that are valid now.

    None where there is no number.
    """
    values = [
        _with_override(facts, limit, name)
        for name in facts.strategies
        for limit in facts.limits.limits(facts.zone, name, facts.delivery_day)
        if limit.kind == kind and limit.value is not None
    ]
    return min(values, default=None)


def _with_override(facts: TradeabilityFacts, limit: Limit, strategy: str) -> float:
    """The limit's number, or that of the last override that changes it now."""
    moves = [
        override.value
        for override in facts.limits.overrides()
        if override.concerns(limit, facts.zone, strategy)
        and not override.problem
        and override.expires_utc
        and override.expires_utc > facts.now
    ]
    return next((value for value in reversed(moves) if value is not None), float(limit.value or 0.0))
