"""A planted leak is caught; the members have none."""

from dataclasses import replace

import numpy as np
import pytest

from spot.contracts.panel import DeliveryPanel
from spot.forecast.interface import PriceForecast
from spot.forecast.leak_check import leak_check
from spot.forecast.members import load_settings_mapping, make_forecaster
from tests.spot.forecast.test_members import SMALL
from tests.support.panels import made_up_panel


@pytest.mark.parametrize("name", SMALL)
def test_members_do_not_see_the_future(name: str) -> None:
    panel = made_up_panel(100)
    model = make_forecaster(load_settings_mapping(SMALL[name])).fit(panel.first(85))
    verdict = leak_check(lambda changed: model.walk_forward(changed, 85), panel, first_row=85, rows=[88, 93])
    assert verdict.is_clean
    assert verdict.n_compared == 4 + 9


@pytest.mark.parametrize("leak", ["tomorrows_input", "own_price"])
def test_a_planted_leak_is_caught(leak: str) -> None:
    panel = made_up_panel(100)
    model = make_forecaster(load_settings_mapping(SMALL["engine"])).fit(panel.first(85))

    def leaking_walk(changed: DeliveryPanel) -> list[PriceForecast]:
        peeked = {key: values.copy() for key, values in changed.inputs.items()}
        target = peeked["load_forecast_mw"]
        if leak == "tomorrows_input":
            target[85:-1] = np.where(np.isfinite(target[86:]), target[86:], target[85:-1])
        else:
            target[85:] += 1e-3 * np.nan_to_num(changed.prices[85:])
        return model.walk_forward(replace(changed, inputs=peeked), 85)

    verdict = leak_check(leaking_walk, panel, first_row=85, rows=[90])
    assert not verdict.is_clean
    assert verdict.leaking_day == panel.days[90].astype(object)
    assert verdict.largest_difference > 0
