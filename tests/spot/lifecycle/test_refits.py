"""A refitted model of the spread serves only when days that neither saw do not speak against it."""

import numpy as np
import pytest

from spot.lifecycle.promotion import PromotionSettings
from spot.lifecycle.refits import decide_refit

SETTINGS = PromotionSettings()
NOISE = np.random.default_rng(4).normal(0.0, 0.1, 14)
PAST = 5.0 + NOISE


def test_a_refit_that_is_as_good_serves_whether_or_not_one_served_before() -> None:
    first = decide_refit(PAST - 0.5, PAST, None, SETTINGS)
    assert (first.action, first.tests, first.n_days) == ("promote", (), 14)
    next_one = decide_refit(PAST - 0.5, PAST, PAST - 0.5 + NOISE[::-1], SETTINGS)
    assert next_one.action == "promote"
    assert not next_one.tests[0].is_significant


@pytest.mark.parametrize(
    ("losses", "champion", "words"),
    [
        (PAST * 1.2, None, "more than 1.1 times"),
        (PAST * 1000.0, PAST, "more than 1.1 times"),
        (PAST + 0.3, PAST - 0.5 + NOISE[::-1], "significantly worse than the model that serves"),
        (np.full(14, np.nan), PAST, "cannot be judged"),
    ],
)
def test_a_poisoned_worse_or_unjudged_refit_does_not_serve(losses, champion, words: str) -> None:
    verdict = decide_refit(losses, PAST, champion, SETTINGS)
    assert verdict.action == "reject"
    assert words in verdict.reasons[0]


def test_days_that_the_serving_model_learnt_from_say_nothing_about_it() -> None:
    learnt = np.where(np.arange(14) < 10, np.nan, 0.001)
    assert decide_refit(PAST, PAST, learnt, SETTINGS).action == "promote"


def test_a_second_person_signs_where_the_zone_asks_for_it() -> None:
    settings = PromotionSettings(sign_off_zones=("BE",))
    assert decide_refit(PAST, PAST, None, settings, zone="BE").action == "await_sign_off"
    assert decide_refit(PAST * 2, PAST, None, settings, zone="BE").action == "reject"
