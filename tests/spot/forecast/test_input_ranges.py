"""The plausible range follows the seasons and shuts out faults."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError
from spot.forecast.days.clock_grid import ClockGrid, grid_of
from spot.forecast.days.input_ranges import CONFIRMING_DAYS, InputRanges
from spot.forecast.members import forecaster_from_files, load_settings_mapping, make_forecaster
from tests.spot.forecast.test_members import SMALL, fitted
from tests.support.panels import made_up_panel

FIT_DAYS = 90


def with_sun(panel: DeliveryPanel, peaks: Floats) -> DeliveryPanel:
    """The panel with solar power that reaches `peaks` (D,) at noon."""
    hours = np.arange(panel.prices.shape[1])
    day = np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None)
    return replace(
        panel,
        inputs={
            **panel.inputs,
            "solar_forecast_mw": np.where(np.isfinite(panel.prices), peaks[:, None] * day, np.nan),
        },
    )


@pytest.fixture(scope="module")
def spring() -> DeliveryPanel:
    """Sun that has the same peak throughout the fit and six times that in the end.

    It grows by one twelfth every day.
    """
    panel = made_up_panel(FIT_DAYS + 60)
    return with_sun(panel, 1_000 * np.concatenate([np.ones(FIT_DAYS), 1 + np.arange(1, 61) / 12]))


def sun_of_days(panel: DeliveryPanel, factors: Sequence[float]) -> Iterator[ClockGrid]:
    """One-day grids whose sun reaches `factors` times that of the fit."""
    grid = grid_of(panel.first(len(factors)))
    for row, factor in enumerate(factors):
        day = grid.rows(slice(row, row + 1))
        yield replace(day, inputs={"solar_forecast_mw": np.linspace(0.0, factor, 24)[None]})


def test_more_sun_with_the_season_is_believed_and_the_same_at_once_is_not(spring: DeliveryPanel) -> None:
    model = fitted("engine", spring.first(FIT_DAYS))
    leaping = replace(
        spring,
        inputs={
            **spring.inputs,
            "solar_forecast_mw": np.vstack([spring.inputs["solar_forecast_mw"][[-1]]] * len(spring)),
        },
    )
    with pytest.raises(ForecastError, match="solar_forecast_mw reaches"):
        model.predict(leaping.known_at_gate(FIT_DAYS))
    for row in range(FIT_DAYS, len(spring)):
        assert np.isfinite(model.predict(spring.known_at_gate(row)).quantiles).all()


def test_a_reloaded_model_and_a_walk_forward_believe_the_same(spring: DeliveryPanel) -> None:
    last = len(spring) - 1
    model = fitted("engine", spring.first(FIT_DAYS))
    walked = model.walk_forward(spring, FIT_DAYS)
    model.predict(spring.known_at_gate(last - 4))
    twin = forecaster_from_files(model.to_files())
    first, second = (its.predict(spring.known_at_gate(last)) for its in (model, twin))
    assert np.array_equal(first.quantiles, second.quantiles)
    assert np.abs(walked[-1].quantiles - first.quantiles).max() < 0.1
    absurd = with_sun(
        spring, np.where(np.arange(len(spring)) < last, spring.inputs["solar_forecast_mw"][:, 12], 1e6)
    )
    refusals = []
    for refuse in (
        model.predict,
        twin.predict,
        lambda _: fitted("engine", spring.first(FIT_DAYS)).walk_forward(absurd, FIT_DAYS),
    ):
        with pytest.raises(ForecastError, match="plausible is") as refused:
            refuse(absurd.known_at_gate(last))
        refusals.append(str(refused.value))
    assert len(set(refusals)) == 1


def test_faults_of_less_than_a_week_do_not_open_the_door_for_worse_ones() -> None:
    panel = made_up_panel(60)
    ranges = InputRanges.of_fit({"solar_forecast_mw": (-2.0, 3.0)})
    for day in sun_of_days(panel, [2.9] * (CONFIRMING_DAYS - 1)):
        ranges = ranges.after(day)
    assert ranges.ranges == {"solar_forecast_mw": (-2.0, 3.0)}
    worse = next(sun_of_days(panel, [3.1]))
    with pytest.raises(ForecastError, match="plausible is -2 to 3"):
        ranges.missing_inputs(worse, worse)
    assert np.isnan(ranges.within_range(worse).inputs["solar_forecast_mw"][0, -1])
    unpriced = replace(worse, prices=np.full((1, 24), np.nan))
    assert ranges.after(unpriced) == ranges
    for day in sun_of_days(panel, [0.5] * 40):
        ranges = ranges.after(day)
    assert ranges.ranges == {"solar_forecast_mw": (-2.0, 3.0)}


def test_what_a_week_of_days_reached_belongs_to_the_range() -> None:
    panel = made_up_panel(60)
    ranges = InputRanges.of_fit({"solar_forecast_mw": (-2.0, 3.0)})
    for day in sun_of_days(panel, [2.9, 1.5, 2.0, 2.5, 2.1, 2.2, 2.3]):
        ranges = ranges.after(day)
    assert ranges.ranges["solar_forecast_mw"] == pytest.approx((-2 * 1.5, 1.5 + 2 * 1.5))


def fuelled_engine(panel: DeliveryPanel) -> Any:
    """An engine that keeps every fuel of the panel."""
    return make_forecaster(load_settings_mapping({**SMALL["engine"], "fuels": "always"})).fit(panel)


def test_a_fuel_in_a_shock_is_left_out_for_that_day_and_the_day_has_a_forecast() -> None:
    panel = made_up_panel(FIT_DAYS + 3)
    gas = 20.0 + np.sin(np.arange(len(panel)))
    gas[FIT_DAYS + 1] = 90.0
    fuelled = replace(
        panel,
        inputs={**panel.inputs, "fuel_gas_eur_per_mwh": np.repeat(gas[:, None], 24, axis=1)},
    )
    model = fuelled_engine(fuelled.first(FIT_DAYS))
    assert "fuel_gas_eur_per_mwh" in model.anchors.input_range
    bare = fuelled_engine(panel.first(FIT_DAYS))
    walked, without = (one.walk_forward(its, FIT_DAYS) for one, its in ((model, fuelled), (bare, panel)))
    assert np.array_equal(walked[1].quantiles, without[1].quantiles)
    assert not np.array_equal(walked[0].quantiles, without[0].quantiles)
    live = [model.predict(fuelled.known_at_gate(FIT_DAYS + row)) for row in range(3)]
    for one, other in zip(live, walked, strict=True):
        assert np.abs(one.quantiles - other.quantiles).max() < 0.1
