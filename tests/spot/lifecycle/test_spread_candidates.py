"""The first model of the spread serves when nothing speaks against it; a later one goes into the shadow."""

import numpy as np
import pytest

from spot.arrays import Floats
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.promotion import PromotionVerdict
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.sanity import SanityCheck, SanityVerdict
from spot.lifecycle.spread_candidates import decide_spread_candidate

SETTINGS = PromotionSettings()
SANE = SanityVerdict((SanityCheck("files", passed=True, detail=""),))
INSANE = SanityVerdict((SanityCheck("range", passed=False, detail="1e9"),))
NOISE = np.random.default_rng(4).normal(0.0, 0.1, 14)
PAST = 5.0 + NOISE


def judge(
    losses: Floats,
    champion: Floats | None = None,
    settings: PromotionSettings = SETTINGS,
    *,
    sanity: SanityVerdict | None = SANE,
    zone: str = "",
) -> PromotionVerdict:
    evidence = Evidence(candidate_losses=losses, champion_losses=champion, naive_losses=PAST)
    return decide_spread_candidate(evidence, settings, sanity=sanity, zone=zone)


def test_the_first_serves_and_a_later_one_that_is_as_good_goes_into_the_shadow() -> None:
    first = judge(PAST - 0.5)
    assert (first.action, first.tests, first.n_days) == ("promote", (), 14)
    later = judge(PAST - 0.5, PAST - 0.5 + NOISE[::-1])
    assert (later.action, later.next_look_after_days) == ("to_challenger", 14)
    assert not any(test.is_significant for test in later.tests)


def test_even_a_much_better_one_serves_at_once_only_where_no_shadow_is_asked_for() -> None:
    better = PAST - 2.0
    assert judge(better, PAST).action == "to_challenger"
    assert judge(better, PAST, PromotionSettings(requires_shadow=False)).action == "promote"
    assert judge(PAST, PAST + NOISE[::-1], PromotionSettings(requires_shadow=False)).action == "to_challenger"


@pytest.mark.parametrize(
    ("losses", "champion", "words"),
    [
        (PAST * 1.2, None, "more than 1.1 times"),
        (PAST * 1000.0, PAST, "more than 1.1 times"),
        (PAST + 0.3, PAST - 0.5 + NOISE[::-1], "significantly worse than the model that serves"),
        (np.full(14, np.nan), PAST, "cannot be judged"),
    ],
)
def test_a_poisoned_worse_or_unjudged_one_is_rejected(
    losses: Floats, champion: Floats | None, words: str
) -> None:
    verdict = judge(losses, champion)
    assert verdict.action == "reject"
    assert words in verdict.reasons[0]


@pytest.mark.parametrize(("sanity", "words"), [(None, "no sanity checks"), (INSANE, "range: 1e9")])
def test_one_that_is_not_sane_is_rejected_however_small_its_loss(
    sanity: SanityVerdict | None, words: str
) -> None:
    verdict = judge(PAST - 2.0, sanity=sanity)
    assert verdict.action == "reject"
    assert words in verdict.reasons[0]


def test_days_that_the_serving_model_learnt_from_say_nothing_about_it() -> None:
    learnt = np.where(np.arange(14) < 10, np.nan, 0.001)
    assert judge(PAST, learnt).action == "to_challenger"


def test_a_second_person_signs_a_first_one_where_the_zone_asks_for_it() -> None:
    settings = PromotionSettings(sign_off_zones=("BE",))
    assert judge(PAST, None, settings, zone="BE").action == "await_sign_off"
    assert judge(PAST * 2, None, settings, zone="BE").action == "reject"
    assert judge(PAST, PAST + NOISE[::-1], settings, zone="BE").action == "to_challenger"
