"""The features that carry a forecast are found, and a shift of the mix is seen."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.monitoring.explanation import PAST_PRICES, assess_explanations, feature_shares
from spot.monitoring.settings import ExplanationSettings

SETTINGS = ExplanationSettings()


def panel(n_days: int = 60) -> DeliveryPanel:
    rng = np.random.default_rng(3)
    return DeliveryPanel(
        zone="BE",
        days=np.arange(np.datetime64("2024-01-01"), np.datetime64("2024-01-01") + n_days),
        n_periods=np.full(n_days, 24),
        resolution_minutes=np.full(n_days, 60),
        prices=rng.normal(50, 10, (n_days, 24)),
        inputs={
            "load_forecast_mw": rng.normal(0, 1, (n_days, 24)),
            "wind_forecast_mw": rng.normal(0, 1, (n_days, 24)),
        },
        holiday_fraction=np.zeros(n_days),
    )


def linear(load: float, wind: float, price: float) -> Callable[..., Any]:
    def predict(known: DeliveryPanel) -> Floats:
        yesterday = known.prices[-2]
        return np.asarray(
            load * known.inputs["load_forecast_mw"][-1]
            + wind * known.inputs["wind_forecast_mw"][-1]
            + price * yesterday / 10
        )

    return predict


def test_shares_follow_the_weights_of_a_linear_model() -> None:
    shares = feature_shares(linear(3.0, 1.0, 0.0), panel(), range(20, 60))
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["load_forecast_mw"] == pytest.approx(0.75, abs=0.05)
    assert shares[PAST_PRICES] == 0.0
    assert feature_shares(linear(0.0, 0.0, 2.0), panel(), range(20, 60))[PAST_PRICES] == 1.0


def test_a_shift_of_the_mix_is_an_alert_that_names_the_feature() -> None:
    rows = range(20, 60)
    before, after = (
        feature_shares(linear(*weights), panel(), rows) for weights in ((3.0, 1.0, 1.0), (1.0, 3.0, 1.0))
    )
    assert assess_explanations(before, before, n_days=40, settings=SETTINGS).status == "ok"
    verdict = assess_explanations(before, after, n_days=40, settings=SETTINGS)
    assert verdict.status == "alert"
    assert verdict.shift == pytest.approx(0.4, abs=0.05)
    assert "load_forecast_mw" in verdict.reasons[0] or "wind_forecast_mw" in verdict.reasons[0]


def test_an_input_that_vanished_is_part_of_the_shift() -> None:
    verdict = assess_explanations({"load": 0.5, "wind": 0.5}, {"load": 1.0}, n_days=40, settings=SETTINGS)
    assert (verdict.status, verdict.shift) == ("alert", 0.5)


def test_blindness_is_said() -> None:
    shares = {"load": 1.0}
    assert assess_explanations({}, shares, n_days=40, settings=SETTINGS).status == "cannot_see"
    assert assess_explanations(shares, {}, n_days=40, settings=SETTINGS).status == "cannot_see"
    assert assess_explanations(shares, shares, n_days=2, settings=SETTINGS).status == "cannot_see"
    assert feature_shares(lambda _: None, panel(), range(20, 60)) == {}
    assert feature_shares(linear(1.0, 1.0, 1.0), panel(), range(5)) == {}
