"""Can we trade tomorrow: every obstacle is named.

And what is traded where there is none.
"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS
from spot.contracts.signal_tables import PUBLICATIONS, RISK_EVENTS, SIGNALS
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import parse_limit_book, unreadable_book
from spot.strategy.proposals.storage import Storage
from spot.strategy.readiness.tradeability import ServingModel, TradeabilityFacts, assess_tradeability
from spot.strategy.signals import decide_signals
from tests.support.sample_market import ZONE, make_book, make_forecast, make_request

DAY = date(2025, 6, 3)
GATE = gate_closure_utc(ZONE, DAY)
BEFORE = GATE - timedelta(minutes=30)


def make_facts(**changes: object) -> TradeabilityFacts:
    """A zone whose battery has orders for the day, half an hour before the gate."""
    forecasts = make_forecast(DAY).with_columns(as_of_utc=pl.lit(BEFORE))
    decision = decide_signals(make_request(DAY, Storage(), forecast=forecasts, as_of_utc=BEFORE))
    fields: dict[str, Any] = {
        "zone": ZONE,
        "source": "smard",
        "delivery_day": DAY,
        "now": BEFORE,
        "stops": (),
        "limits": make_book(max_model_age_days=120.0, max_data_age_hours=48.0),
        "strategies": ("storage",),
        "model": ServingModel(version="7", trained_through=DAY - timedelta(days=30)),
        "essential_data_utc": BEFORE - timedelta(hours=2),
        "forecasts_at_utc": GATE - timedelta(minutes=45),
        "forecasts": forecasts,
        "signals": decision.frame,
        "events": decision.events,
        "publications": PUBLICATIONS.empty(),
    }
    return TradeabilityFacts(**{**fields, **changes})


def test_with_everything_in_order_it_says_what_is_traded() -> None:
    tradeability = assess_tradeability(make_facts())
    assert tradeability.can_trade
    assert tradeability.reasons[0].startswith("storage: ")
    assert "orders" in tradeability.reasons[0]
    assert (tradeability.model_age_days, tradeability.data_age_hours) == (30, 2.0)


@pytest.mark.parametrize(
    ("changes", "first_words"),
    [
        ({"stops": ("SK HALTED, odd prices: `spotdesk resume --zone SK`",)}, "SK HALTED, odd prices"),
        ({"limits": unreadable_book("no such file")}, "no such file"),
        ({"limits": make_book(max_gross_mw=None)}, "limits that are missing"),
        ({"model": None}, "no champion on data of smard"),
        (
            {"model": ServingModel(version="7", trained_through=DAY - timedelta(days=146))},
            "champion 7 is 146 days old, max_model_age_days allows 120",
        ),
        ({"essential_data_utc": None}, "no data of smard"),
        ({"essential_data_utc": BEFORE - timedelta(hours=100)}, "data too old"),
        ({"forecasts": DAY_AHEAD_FORECASTS.empty()}, "no forecast yet"),
        ({"forecasts": make_forecast(DAY).slice(1)}, "the forecast is not ready: 23 market time units"),
        ({"signals": SIGNALS.empty()}, "no signal of storage yet"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_thing_in_the_way_is_named(changes: dict[str, Any], first_words: str) -> None:
    tradeability = assess_tradeability(make_facts(**changes))
    assert not tradeability.can_trade
    assert tradeability.reasons[0].startswith(first_words), tradeability.reasons


def test_before_the_forecast_is_due_nothing_else_stands_in_the_way() -> None:
    reasons = assess_tradeability(
        make_facts(forecasts=DAY_AHEAD_FORECASTS.empty(), signals=SIGNALS.empty())
    ).reasons
    assert len(reasons) == 2
    assert reasons[1] == "nothing else prevents trading"
    assert f"{GATE - timedelta(minutes=45):%H:%M} UTC" in reasons[0]


def test_a_day_that_a_limit_blocked_names_the_limit() -> None:
    book = make_book(max_model_age_days={"limit": 120.0, "action": "block"})
    blocked = decide_signals(make_request(DAY, Storage(), limits=book, model_age_days=146.0))
    tradeability = assess_tradeability(make_facts(signals=blocked.frame, events=blocked.events))
    assert not tradeability.can_trade
    assert tradeability.reasons == ("storage is flat: max_model_age_days blocked it",)


def test_an_override_moves_the_limit_for_its_time() -> None:
    document = dict(make_book(max_model_age_days=120.0).document or {})
    override = {
        "scope": "desk",
        "kind": "max_model_age_days",
        "limit": 200,
        "name": "Ann",
        "reason": "holiday",
    }
    moved = [
        {**override, "scope": scope, "zone": ZONE, "strategy": "storage"}
        for scope in ("desk", "zone", "strategy")
    ]
    old = ServingModel(version="7", trained_through=DAY - timedelta(days=146))
    for expires, can_trade in ((BEFORE + timedelta(hours=1), True), (BEFORE - timedelta(hours=1), False)):
        book = parse_limit_book(
            {**document, "overrides": [{**one, "expires_utc": expires.isoformat()} for one in moved]}
        )
        assert assess_tradeability(make_facts(limits=book, model=old)).can_trade is can_trade


def test_after_the_gate_it_counts_what_has_left() -> None:
    late = make_facts(now=GATE + timedelta(hours=1))
    unsent = assess_tradeability(late)
    assert not unsent.can_trade
    assert unsent.reasons[0].endswith("and no order was sent")
    assert "were not sent" in unsent.reasons[1]
    sent = pl.DataFrame(
        {
            "publication_id": "a",
            "channel": "file",
            "attempt": 1,
            "zone": ZONE,
            "delivery_day": DAY,
            "strategy": "storage",
            "n_signals": 24,
            "n_orders": 8,
            "mode": "paper",
            "status": "sent",
            "detail": "",
            "payload_sha256": "",
            "receipt": "",
            "recorded_at_utc": BEFORE,
            "desk_id": "",
            "lease": None,
        },
        schema=PUBLICATIONS.schema,
    )
    done = assess_tradeability(replace(late, publications=sent))
    assert done.can_trade
    assert done.reasons[0].startswith("storage: ")
    silent = assess_tradeability(replace(late, signals=SIGNALS.empty(), events=RISK_EVENTS.empty()))
    assert silent.reasons[1] == "no signal was made"
