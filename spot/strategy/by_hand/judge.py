"""Whether orders that a person asks for may leave: the same forecast, state and limits as for the machine's.

Nothing is cut. What state or limits would cut is refused with their own words, and the person asks for less.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.signal_tables import LIMIT_CONFORMANCE
from spot.risk.exposure import Conditions, Orders
from spot.risk.limits import apply_limits, apply_state
from spot.risk.overrides import with_overrides
from spot.strategy.conformance import limit_conformance
from spot.strategy.desk_state import desk_uses
from spot.strategy.proposals.view import MarketView
from spot.strategy.readiness.forecast_readiness import assess_forecast_readiness
from spot.strategy.request import SignalRequest
from spot.strategy.signals import data_age_hours, forecast_rows, market_view

_SAME_MW = 1e-9
"""A difference below it is rounding: far below any volume step."""


@dataclass(frozen=True, slots=True)
class JudgedOrders:
    """Why orders may not leave, and how much of each limit they use."""

    problems: tuple[str, ...]
    """Empty where they may leave as they are."""
    conformance: pl.DataFrame
    """Contract `limit_conformance`."""
    value_at_risk_eur: float
    expected_shortfall_eur: float


def judge_orders(request: SignalRequest, exposure_mw: Floats, limit_price: Floats) -> JudgedOrders:
    """Judge the whole day of one strategy as a person wants it.

    Args:
        request: of the strategy, as of the instant at which it is asked.
        exposure_mw: (P,) long is positive.
        limit_price: (P,) EUR/MWh, read where there is an order.
    """
    verdict = assess_forecast_readiness(
        request.forecast,
        zone=request.zone,
        delivery_day=request.delivery_day,
        role=request.role,
        as_of_utc=request.as_of_utc,
    )
    if not verdict.is_ready:
        return JudgedOrders(verdict.reasons, LIMIT_CONFORMANCE.empty(), 0.0, 0.0)
    rows = forecast_rows(request)
    view = market_view(request, rows)
    wanted = _orders(request, view, exposure_mw, limit_price)
    uses = desk_uses(
        request.desk_signals, request.settlements, zone=request.zone, strategy=request.strategy.strategy,
        delivery_day=request.delivery_day, starts_utc=view.starts_utc, as_of_utc=request.as_of_utc,
    )  # fmt: skip
    conditions = Conditions(
        model_age_days=request.model_age_days,
        data_age_hours=data_age_hours(request),
        drift_status=request.drift_status,
    )
    limits, _ = with_overrides(
        request.limits.limits(request.zone, request.strategy.strategy, request.delivery_day),
        request.limits.overrides(),
        zone=request.zone,
        strategy=request.strategy.strategy,
        as_of_utc=request.as_of_utc,
    )
    stated = apply_state(wanted, request.trading_state, uses["zone"].net_mw)
    limited = apply_limits(stated.orders, limits, uses, conditions)
    events = (*stated.events, *limited.events)
    judged = limit_conformance(limited.orders, limits, uses, conditions, events=events).with_columns(
        zone=pl.lit(request.zone),
        delivery_day=pl.lit(request.delivery_day),
        strategy=pl.lit(request.strategy.strategy),
        role=pl.lit(request.role),
        model_version=pl.lit(rows["model_version"][0], pl.String),
        as_of_utc=pl.lit(request.as_of_utc),
    )
    problems = [event.detail for event in events if event.kind in ("breach", "denied", "state")]
    if not problems and np.abs(limited.orders.exposure_mw - exposure_mw).max() > _SAME_MW:
        problems.append("the limits would cut it")
    problems += _impossible(request, view, exposure_mw)
    risk = None if wanted.is_flat else wanted.risk
    return JudgedOrders(
        tuple(dict.fromkeys(problems)),
        judged.select(LIMIT_CONFORMANCE.columns.keys()).cast(LIMIT_CONFORMANCE.schema),
        0.0 if risk is None else risk.value_at_risk_eur,
        0.0 if risk is None else risk.expected_shortfall_eur,
    )


def _orders(request: SignalRequest, view: MarketView, exposure_mw: Floats, limit_price: Floats) -> Orders:
    """The orders with the scenarios and costs of the strategy's own plan."""
    proposal = request.strategy.propose(view)
    return Orders(
        exposure_mw=exposure_mw,
        limit_price=limit_price,
        expected_price=view.mean,
        hours=view.hours,
        scenarios=proposal.scenarios,
        are_paths=proposal.are_paths,
        costs_eur_per_mwh=proposal.costs_eur_per_mwh,
    )


def _impossible(request: SignalRequest, view: MarketView, exposure_mw: Floats) -> list[str]:
    """Volumes between two steps, and what the asset cannot do."""
    step = request.strategy.volume_step_mw
    steps = exposure_mw / step
    problems = []
    if np.abs(steps - np.rint(steps)).max() > _STEP_SHARE:
        problems.append(f"volumes are whole steps of {step:g} MW")
    why = request.strategy.why_impossible(exposure_mw, view.hours)
    return [*problems, *([why] if why else [])]


_STEP_SHARE = 1e-6
"""Share of a volume step that counts as none. Chosen by hand: far below what anybody types."""
