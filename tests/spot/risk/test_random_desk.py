"""Random sequences of events on a desk: whatever happens, nothing above a limit is published."""

from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from spot.contracts.words import LimitAction
from spot.risk.exposure import Conditions
from spot.risk.limit_book import LIMIT_KINDS
from spot.risk.state import TradingState
from tests.support.random_desk import N_UNITS, STRATEGIES, ZONES, RandomDesk, generous_limits

_MW = st.one_of(
    st.floats(-60, 60), st.floats(-6e4, 6e4), st.sampled_from([0.0, float("nan"), float("inf"), 1e300])
)
_VALUE = st.one_of(st.none(), st.floats(0, 500), st.just(float("nan")))


class DeskMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = RandomDesk(limits=generous_limits())
        self.breaches: list[str] = []

    @rule(
        zone=st.sampled_from(ZONES),
        strategy=st.sampled_from(STRATEGIES),
        exposure=st.lists(_MW, min_size=N_UNITS, max_size=N_UNITS),
        price=st.floats(-500, 4000),
        limit_price=st.one_of(st.floats(-1e4, 1e4), st.just(float("inf")), st.just(float("nan"))),
        keeps_shape=st.booleans(),
    )
    def propose(
        self,
        zone: str,
        strategy: str,
        exposure: list[float],
        price: float,
        limit_price: float,
        keeps_shape: bool,
    ) -> None:
        self.breaches += self.desk.propose(
            zone, strategy, np.array(exposure), price=price, limit_price=limit_price, keeps_shape=keeps_shape
        )

    @rule(
        key=st.sampled_from(sorted(generous_limits())),
        value=_VALUE,
        action=st.sampled_from(["reduce", "block", "halt"]),
    )
    def change_a_limit(self, key: tuple[str, str, str], value: float | None, action: LimitAction) -> None:
        self.desk.limits[key] = (value, action)

    @rule()
    def restore_the_limits(self) -> None:
        self.desk.limits = generous_limits()

    @rule(scope=st.sampled_from(["desk", *ZONES]), state=st.sampled_from(list(TradingState)))
    def set_state(self, scope: str, state: TradingState) -> None:
        self.desk.states[scope] = state

    @rule(
        age=st.one_of(st.none(), st.floats(0, 90)),
        data=st.one_of(st.none(), st.floats(0, 48)),
        drift=st.sampled_from(["ok", "not_assessed", "alert", "cannot_see", None, "?"]),
    )
    def change_conditions(self, age: float | None, data: float | None, drift: Any) -> None:
        self.desk.conditions = Conditions(model_age_days=age, data_age_hours=data, drift_status=drift)

    @rule(pnl=st.floats(-800, 800))
    def next_day(self, pnl: float) -> None:
        self.desk.new_day(pnl)

    @invariant()
    def nothing_above_a_limit_was_published(self) -> None:
        assert self.breaches == []


DeskMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
TestRandomDesk = DeskMachine.TestCase


def test_the_judge_sees_a_breach_of_every_kind() -> None:
    """A judge that finds nothing would prove nothing.

    Limits are tightened after publication, and each must be reported.
    """
    for kind in LIMIT_KINDS:
        desk = RandomDesk(limits=generous_limits())
        desk.new_day(-100.0)
        assert (
            desk.propose(
                "SK",
                "storage",
                np.array([5.0, -4.0, 3.0, 0.0]),
                price=50.0,
                limit_price=60.0,
                keeps_shape=False,
            )
            == []
        )
        assert desk.n_published == 1
        tight = 500.0 if kind == "min_price_eur_per_mwh" else 0.0
        desk.limits = {
            key: ((tight, "block") if key[2] == kind else value) for key, value in desk.limits.items()
        }
        if kind == "max_drift_level":
            desk.conditions = Conditions(model_age_days=1.0, data_age_hours=1.0, drift_status="alert")
        assert any(
            kind in text for text in desk._judge("SK", "storage", TradingState.ACTIVE, [0.0] * N_UNITS)
        ), kind
    assert desk._judge("SK", "storage", TradingState.HALTED, [0.0] * N_UNITS)
