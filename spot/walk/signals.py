"""Signals day after day: each day decided as of its own instant, on the desk as it was then.

It is one day when live, and many in a replay or backtest. Within the walk, a day sees the signals and the P&L
of earlier days as the walk itself made them. So walking the same days again gives the same rows, whatever was
stored meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from spot.contracts.block_tables import BLOCK_ORDERS_OF_A_DAY
from spot.contracts.signal_tables import BID_CURVES, LIMIT_CONFORMANCE, RISK_EVENTS, SETTLEMENTS, SIGNALS
from spot.risk.outcomes import zone_outcomes
from spot.strategy.outbox.standing import as_sent
from spot.strategy.request import SignalDecision
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from spot.walk.inputs import Book, DecisionInstant, WalkInputs, decision_instant
from spot.walk.request import signal_requests


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkedSignals:
    """Frames under their contracts, days that were not ready with the reasons, and requests to halt zones."""

    signals: pl.DataFrame
    events: pl.DataFrame
    bid_curves: pl.DataFrame
    block_orders: pl.DataFrame
    conformance: pl.DataFrame
    not_ready: tuple[str, ...]
    halt_requests: tuple[str, ...]
    """Reasons to halt, of days whose gate is open. The caller halts the zone."""


def walk_signals(
    inputs: WalkInputs,
    days: Sequence[date],
    book: Book,
    *,
    on_day: Callable[[date], None] = lambda _: None,
) -> WalkedSignals:
    """Decide every day, strategy and role of the walk, days ascending; `on_day` is called after each day.

    A day without a valid forecast is flat, and its signals give the reason.

    Raises:
        ConfigurationError: unknown zone, or no auction on a day.
    """
    decisions: list[SignalDecision] = []
    halt_requests: list[str] = []
    halted_until = date.min
    # The P&L of a day is seen by the days after it. No day follows the last.
    outcomes = final_outcomes(inputs, first_day=days[0]) if len(days) > 1 else {}
    for day in days:
        instant = decision_instant(inputs, day, halted_until=halted_until)
        made = decide_day(inputs, instant, book)
        halting = [one for one in made if one.requests_halt and _is_champion(one)]
        if halting:
            halted_until = day + timedelta(days=1 + inputs.resume_after_days)
        if instant.is_before_gate:
            halt_requests += [_halt_request(one, day) for one in halting]
        earned = [] if day == days[-1] else _settled_day(inputs, made, outcomes, day)
        book = book.with_rows([one.frame for one in made], earned)
        decisions += made
        on_day(day)
    return _walked(decisions, halt_requests)


def decide_day(inputs: WalkInputs, instant: DecisionInstant, book: Book) -> list[SignalDecision]:
    """The decisions of one day: strategies in their order, each on the book that the earlier ones left."""
    made: list[SignalDecision] = []
    for strategy in inputs.strategies:
        before = book.with_rows([one.frame for one in made], [])
        made += [decide_signals(request) for request in signal_requests(inputs, instant, strategy, before)]
    return made


def final_outcomes(inputs: WalkInputs, *, first_day: date) -> Mapping[str, pl.DataFrame]:
    """Second price to the outcomes of all days from `first_day` on, at the newest prices."""
    return {
        against: zone_outcomes(inputs.raw, zone=inputs.zone, settled_against=against, first_day=first_day)
        for against in {strategy.settled_against for strategy in inputs.strategies}
    }


def settle_walked(inputs: WalkInputs, walked: WalkedSignals, days: Sequence[date]) -> pl.DataFrame:
    """Settlements of the walk's signals for `days` at the newest prices; days without prices have none."""
    outcomes = final_outcomes(inputs, first_day=days[0])
    orders = _Orders(walked.signals, walked.bid_curves, walked.block_orders)
    parts = _settled(inputs, orders, outcomes, days)
    return pl.concat([SETTLEMENTS.empty(), *parts])


def _settled_day(
    inputs: WalkInputs, made: Sequence[SignalDecision], outcomes: Mapping[str, pl.DataFrame], day: date
) -> list[pl.DataFrame]:
    orders = _Orders(
        pl.concat([one.frame for one in made]),
        pl.concat([one.bid_curves for one in made]),
        pl.concat([one.block_orders for one in made]),
    )
    return _settled(inputs, orders, outcomes, [day])


@dataclass(frozen=True, slots=True)
class _Orders:
    """Frames of what was decided."""

    signals: pl.DataFrame
    bid_curves: pl.DataFrame
    block_orders: pl.DataFrame


def _settled(
    inputs: WalkInputs, orders: _Orders, outcomes: Mapping[str, pl.DataFrame], days: Sequence[date]
) -> list[pl.DataFrame]:
    """Settlements of the signals for `days`, strategy by strategy."""
    wanted = pl.col("delivery_day").is_in(list(days))
    left = as_sent(orders.signals.filter(wanted), inputs.publications)
    return [
        settle_signals(
            left.filter(pl.col("strategy") == strategy.strategy),
            outcomes[strategy.settled_against].filter(wanted),
            strategy,
            bid_curves=orders.bid_curves,
            block_orders=orders.block_orders,
            reported=inputs.reported,
        )
        for strategy in inputs.strategies
    ]


def _is_champion(decision: SignalDecision) -> bool:
    return bool(decision.frame["role"][0] == "champion")


def _halt_request(decision: SignalDecision, day: date) -> str:
    strategy, limits = decision.frame.select("strategy", "limits_applied").row(0)
    return f"{strategy} on {day}: {limits}"


def _not_ready(decisions: Sequence[SignalDecision]) -> tuple[str, ...]:
    """Days on which the champion's forecast was not valid, each reason once."""
    texts = [
        f"{decision.frame['delivery_day'][0]}: {'; '.join(decision.readiness.reasons)}"
        for decision in decisions
        if _is_champion(decision) and not decision.readiness.is_ready
    ]
    return tuple(dict.fromkeys(texts))


def _walked(decisions: Sequence[SignalDecision], halt_requests: Sequence[str]) -> WalkedSignals:
    return WalkedSignals(
        signals=pl.concat([SIGNALS.empty(), *(d.frame for d in decisions)]),
        events=pl.concat([RISK_EVENTS.empty(), *(d.events for d in decisions)]).unique(
            "event_id", maintain_order=True
        ),
        bid_curves=pl.concat([BID_CURVES.empty(), *(d.bid_curves for d in decisions)]),
        block_orders=pl.concat([BLOCK_ORDERS_OF_A_DAY.empty(), *(d.block_orders for d in decisions)]),
        conformance=pl.concat([LIMIT_CONFORMANCE.empty(), *(d.conformance for d in decisions)]),
        not_ready=_not_ready(decisions),
        halt_requests=tuple(halt_requests),
    )
