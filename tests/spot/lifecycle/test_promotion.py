"""A version serves only on evidence: better in error, not worse in money, at looks that are paid for."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from benchmarks.planted.equal_models import World, is_ever_promoted
from spot.errors import ContractError
from spot.lifecycle.bootstrap import block_bootstrap
from spot.lifecycle.decision_record import (
    DecisionContext,
    decision_row,
    explain_decision,
    manual_decision_row,
)
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.promotion import PromotionVerdict, decide_promotion
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.sanity import SanityCheck, SanityVerdict
from tests.support.narrow import some

SETTINGS = PromotionSettings()
SANE = SanityVerdict((SanityCheck("range", passed=True, detail=""),))
INSANE = SanityVerdict((SanityCheck("range", passed=False, detail="a price of 1e9"),))


def losses(
    n_days: int, ratio: float = 1.0, *, seed: int = 1, noise: float = 0.15
) -> tuple[np.ndarray, np.ndarray]:
    """Champion and candidate losses of days that hang together.

    The candidate's mean is `ratio` of the champion's.
    """
    rng = np.random.default_rng(seed)
    level = np.empty(n_days)
    state = 0.0
    for day in range(n_days):
        state = 0.6 * state + rng.normal(0, 0.25)
        level[day] = 6 * np.exp(state)
    return level * np.exp(rng.normal(0, noise, n_days)), ratio * level * np.exp(rng.normal(0, noise, n_days))


def shadow(n_days: int, ratio: float, *, seed: int = 1, pnl_shift: float = 0.0) -> PromotionVerdict:
    champion, challenger = losses(n_days, ratio, seed=seed)
    rng = np.random.default_rng(seed + 1)
    pnl = rng.normal(1000, 600, n_days)
    evidence = Evidence(
        candidate_losses=challenger,
        champion_losses=champion,
        champion_pnl_eur=pnl,
        candidate_pnl_eur=pnl + pnl_shift + rng.normal(0, 200, n_days),
    )
    return decide_promotion(evidence, stage="challenger", settings=SETTINGS, sanity=None)


def walk_forward(
    n_days: int = 28,
    ratio: float = 1.0,
    *,
    sanity: SanityVerdict | None = SANE,
    settings: PromotionSettings = SETTINGS,
    **more: Any,
) -> PromotionVerdict:
    champion, candidate = losses(n_days, ratio)
    return decide_promotion(
        Evidence(candidate_losses=candidate, champion_losses=champion, **more),
        stage="candidate",
        settings=settings,
        sanity=sanity,
    )


def test_a_candidate_that_is_not_worse_becomes_challenger_and_no_more() -> None:
    assert walk_forward().action == "to_challenger"
    assert walk_forward(ratio=0.5).action == "to_challenger"


def test_a_worse_insane_or_untested_candidate_is_rejected() -> None:
    assert walk_forward(ratio=1.5).action == "reject"
    assert walk_forward(ratio=0.5, sanity=INSANE).reasons == ("range: a price of 1e9",)
    assert walk_forward(ratio=0.5, sanity=None).action == "reject"
    assert walk_forward(ratio=0.5, sanity=SanityVerdict(())).action == "reject"
    assert walk_forward(n_days=11, ratio=0.5).action == "reject"


def test_a_candidate_that_fails_on_days_is_rejected() -> None:
    champion, candidate = losses(28, 0.5)
    candidate[:6] = np.nan
    verdict = decide_promotion(
        Evidence(candidate_losses=candidate, champion_losses=champion),
        stage="candidate",
        settings=SETTINGS,
        sanity=SANE,
    )
    assert verdict.reasons == ("no forecast on 6 days",)


def test_without_shadow_only_a_significantly_better_candidate_serves() -> None:
    direct = SETTINGS.model_copy(update={"requires_shadow": False})
    assert walk_forward(ratio=0.7, settings=direct).action == "promote"
    assert walk_forward(ratio=0.99, settings=direct).action == "to_challenger"


def test_the_first_champion_must_beat_the_naive_forecast() -> None:
    naive, candidate = losses(28, 0.7)
    first = Evidence(candidate_losses=candidate, champion_losses=None, naive_losses=naive)
    assert decide_promotion(first, stage="candidate", settings=SETTINGS, sanity=SANE).action == "promote"
    bad = Evidence(candidate_losses=naive * 1.2, champion_losses=None, naive_losses=naive)
    assert decide_promotion(bad, stage="candidate", settings=SETTINGS, sanity=SANE).action == "reject"
    blind = Evidence(candidate_losses=candidate, champion_losses=None)
    assert decide_promotion(blind, stage="candidate", settings=SETTINGS, sanity=SANE).action == "reject"


def test_a_better_challenger_is_promoted_and_never_before_the_minimum() -> None:
    assert shadow(13, 0.6).action == "keep_challenger"
    assert shadow(13, 0.6).next_look_after_days == 14
    verdict = shadow(56, 0.85)
    assert verdict.action == "promote"
    assert some(verdict.p_value("error_better")) < SETTINGS.error_level / len(SETTINGS.looks)
    assert verdict.n_days in SETTINGS.looks


def test_the_verdict_does_not_depend_on_how_often_or_when_it_is_asked() -> None:
    late = shadow(56, 0.85)
    for n_days in range(late.n_days, 56):
        champion, challenger = losses(56, 0.85)
        rng = np.random.default_rng(2)
        pnl = rng.normal(1000, 600, 56)
        other = pnl + rng.normal(0, 200, 56)
        evidence = Evidence(
            candidate_losses=challenger[:n_days],
            champion_losses=champion[:n_days],
            champion_pnl_eur=pnl[:n_days],
            candidate_pnl_eur=other[:n_days],
        )
        again = decide_promotion(evidence, stage="challenger", settings=SETTINGS, sanity=None)
        assert (again.action, again.n_days, again.tests) == (late.action, late.n_days, late.tests)


def test_an_equal_challenger_expires_and_a_worse_one_is_rejected() -> None:
    actions = [shadow(56, 1.0, seed=seed).action for seed in range(60)]
    assert actions.count("promote") <= 60 * SETTINGS.error_level
    assert actions.count("expire") >= 55
    assert shadow(56, 1.4).action == "reject"


def test_better_in_error_and_worse_in_money_is_not_promoted() -> None:
    assert shadow(56, 0.8).action == "promote"
    assert shadow(56, 0.8, pnl_shift=-400.0).action == "expire"


@pytest.mark.parametrize(("must_be", "action"), [("not_worse", "promote"), ("better", "expire")])
def test_two_that_traded_the_same_are_not_told_apart_in_money(must_be: str, action: str) -> None:
    champion, challenger = losses(56, 0.8)
    pnl = np.random.default_rng(3).normal(1000, 600, 56)
    settings = SETTINGS.model_copy(update={"money_must_be": must_be})
    rounded = pnl + np.tile([1e-9, -1e-9], 28)  # the same trades, added up in another order
    evidence = Evidence(
        candidate_losses=challenger, champion_losses=champion, champion_pnl_eur=pnl, candidate_pnl_eur=rounded
    )
    verdict = decide_promotion(evidence, stage="challenger", settings=settings, sanity=None)
    assert verdict.action == action
    text = explain_decision(decision_row(verdict, CONTEXT, settings).row(0, named=True))
    assert "cannot tell in money: both traded the same" in text
    assert "not worse in money" not in text


def test_no_money_is_no_promotion() -> None:
    champion, challenger = losses(56, 0.7)
    evidence = Evidence(candidate_losses=challenger, champion_losses=champion)
    assert decide_promotion(evidence, stage="challenger", settings=SETTINGS, sanity=None).action == "expire"


def test_a_challenger_that_is_silent_on_days_is_rejected() -> None:
    champion, challenger = losses(28, 0.6)
    challenger[[2, 5, 9]] = np.nan
    evidence = Evidence(
        candidate_losses=challenger,
        champion_losses=champion,
        candidate_pnl_eur=champion,
        champion_pnl_eur=champion,
    )
    assert decide_promotion(evidence, stage="challenger", settings=SETTINGS, sanity=None).action == "reject"


def test_a_second_person_signs_where_the_zone_asks_for_it() -> None:
    settings = SETTINGS.model_copy(update={"sign_off_zones": ("BE",)})
    champion, challenger = losses(28, 0.7)
    evidence = Evidence(
        candidate_losses=challenger,
        champion_losses=champion,
        candidate_pnl_eur=champion,
        champion_pnl_eur=champion,
    )
    verdict = [
        decide_promotion(
            evidence, stage="challenger", settings=settings, sanity=None, zone=zone, signed_off_by=name
        ).action
        for zone, name in (("BE", None), ("BE", "K. Trader"), ("FR", None))
    ]
    assert verdict == ["await_sign_off", "promote", "promote"]


def test_a_challenger_that_nobody_signs_expires_and_until_then_the_verdict_is_the_same() -> None:
    settings = SETTINGS.model_copy(update={"sign_off_zones": ("BE",)})
    champion, challenger = losses(100, 0.6)
    actions = {}
    for n_days in (14, 15, 41, 42, 43, 99):
        evidence = Evidence(
            candidate_losses=challenger[:n_days],
            champion_losses=champion[:n_days],
            candidate_pnl_eur=champion[:n_days],
            champion_pnl_eur=champion[:n_days],
        )
        verdict = decide_promotion(evidence, stage="challenger", settings=settings, sanity=None, zone="BE")
        actions[n_days] = (verdict.action, verdict.n_days)
    assert {actions[n] for n in (14, 15, 41)} == {("await_sign_off", 14)}
    assert {actions[n] for n in (42, 43, 99)} == {("expire", 14)}


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.7])
def test_an_equal_challenger_is_rarely_promoted_however_long_differences_last(memory: float) -> None:
    world = World(noise=0.15, memory=memory)
    n = sum(is_ever_promoted(world, 1.0, 1_000 + i, SETTINGS, step=14) for i in range(120))
    assert n <= 12  # 5 % allowed: more than 12 of 120 would happen once in a hundred


def test_arrays_of_other_days_stop() -> None:
    with pytest.raises(ContractError, match="same days"):
        decide_promotion(
            Evidence(candidate_losses=np.ones(20), champion_losses=np.ones(21)),
            stage="candidate",
            settings=SETTINGS,
            sanity=SANE,
        )
    with pytest.raises(ContractError, match="against a champion"):
        decide_promotion(
            Evidence(candidate_losses=np.ones(20), champion_losses=None),
            stage="challenger",
            settings=SETTINGS,
            sanity=None,
        )


def test_bootstrap_intervals_cover_and_its_p_values_are_honest() -> None:
    rng = np.random.default_rng(4)
    results = [
        block_bootstrap(rng.normal(10, 30, 56), above=10.0, n_resamples=400, seed=i) for i in range(200)
    ]
    assert 0.80 < np.mean([r.low <= 10 <= r.high for r in results]) < 0.97
    assert np.mean([r.p_not_above < 0.1 for r in results]) < 0.17
    assert block_bootstrap(rng.normal(10, 5, 56)).p_not_above < 0.01
    assert block_bootstrap(rng.normal(-10, 5, 56)).p_not_below < 0.01
    with pytest.raises(ContractError):
        block_bootstrap(np.ones(13))


CONTEXT = DecisionContext(
    zone="BE",
    decided_at_utc=datetime(2026, 1, 5, 13, tzinfo=UTC),
    candidate_version="7",
    champion_version="6",
    cause="BE-drift-00001",
    candidate_data_version="training_set@12",
    code_commit="abc",
    first_day=date(2025, 11, 1),
    last_day=date(2025, 12, 26),
)


def test_the_record_says_all_and_is_the_same_row_when_asked_again() -> None:
    verdict = shadow(56, 0.85)
    row = decision_row(verdict, CONTEXT, SETTINGS)
    later = DecisionContext(
        **{name: getattr(CONTEXT, name) for name in CONTEXT.__slots__}
        | {"decided_at_utc": datetime(2026, 1, 6, tzinfo=UTC)}
    )
    assert decision_row(verdict, later, SETTINGS)["decision_id"].equals(row["decision_id"])
    text = explain_decision(row.row(0, named=True))
    known = (
        "promote of version 7",
        "champion then: 6",
        "BE-drift-00001",
        "error_better after",
        "money_worse after",
        "training_set@12",
    )
    for word in (*known, "EUR/MWh, p=", "EUR per day, p=", "limits: minimum_walk_forward_days 14"):
        assert word in text
    first = next(number for number, line in enumerate(text.splitlines()) if line.startswith("  limits: "))
    limits = text.splitlines()[
        first : text.splitlines().index(
            next(line for line in text.splitlines() if line.startswith("  data: "))
        )
    ]
    assert len(limits) > 1
    assert all(len(line) < 100 and line.startswith("    ") for line in limits[1:])
    assert all(
        len(pair.split(" ")) == 2
        for line in limits
        for pair in line.removeprefix("  limits: ").strip().rstrip(",").split(", ")
    )
    rejected = decision_row(walk_forward(sanity=INSANE), CONTEXT, SETTINGS)
    assert "range: FAILED (a price of 1e9)" in explain_decision(rejected.row(0, named=True))


def test_a_persons_decision_is_its_own_row_each_time() -> None:
    def action(hour: int) -> str:
        context = DecisionContext(
            zone="BE",
            decided_at_utc=datetime(2026, 1, 5, hour, tzinfo=UTC),
            candidate_version="5",
            champion_version="7",
            cause="person",
            candidate_data_version="x",
            code_commit="abc",
            decided_by="K. Trader",
        )
        return str(manual_decision_row("rollback", context, reason="strange prices").item(0, "decision_id"))

    assert action(9) == action(9) != action(10)
