"""The delivery panel refuses arrays that do not fit, and cuts exactly what is known at a gate."""

from datetime import date
from typing import Any

import numpy as np
import pytest

from spot.contracts.panel import DeliveryPanel
from spot.errors import ContractError

GOOD: dict[str, Any] = {
    "zone": "DE_LU",
    "days": np.arange(np.datetime64("2024-06-01"), np.datetime64("2024-06-06")),
    "n_periods": np.full(5, 24),
    "resolution_minutes": np.full(5, 60),
    "prices": np.arange(120.0).reshape(5, 24),
    "inputs": {"load_forecast_mw": np.arange(120.0).reshape(5, 24) + 1000},
    "holiday_fraction": np.zeros(5),
}


def panel(**changes: Any) -> DeliveryPanel:
    return DeliveryPanel(**(GOOD | changes))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"days": GOOD["days"][:4]}, "days has shape"),
        ({"n_periods": np.full(4, 24)}, "n_periods has shape"),
        ({"resolution_minutes": np.full((5, 1), 60)}, "resolution_minutes has shape"),
        ({"holiday_fraction": np.zeros(6)}, "holiday_fraction has shape"),
        ({"inputs": {"load_forecast_mw": np.zeros((5, 23))}}, "input load_forecast_mw has shape"),
        ({"days": GOOD["days"][[0, 1, 2, 4, 3]]}, "not contiguous"),
        ({"n_periods": np.array([24, 24, 25, 24, 24])}, "n_periods outside"),
        ({"n_periods": np.array([24, 24, 0, 24, 24])}, "n_periods outside"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        panel(**change)


@pytest.mark.parametrize("row", range(5))
def test_at_the_gate_of_a_day_its_price_and_all_later_rows_are_gone(row: int) -> None:
    known = panel().known_at_gate(row)
    assert len(known) == row + 1
    assert known.last_day == date(2024, 6, 1 + row)
    assert np.isnan(known.prices[row]).all()
    np.testing.assert_array_equal(known.prices[:row], GOOD["prices"][:row])
    np.testing.assert_array_equal(
        known.inputs["load_forecast_mw"], GOOD["inputs"]["load_forecast_mw"][: row + 1]
    )


def test_cutting_does_not_touch_the_whole() -> None:
    whole = panel()
    whole.known_at_gate(2)
    assert np.isfinite(whole.prices).all()


def test_parts_of_a_panel() -> None:
    part = panel().rows(slice(1, 3))
    assert part.days.tolist() == [date(2024, 6, 2), date(2024, 6, 3)]
    np.testing.assert_array_equal(part.prices, GOOD["prices"][1:3])
    assert len(panel().first(2)) == 2
