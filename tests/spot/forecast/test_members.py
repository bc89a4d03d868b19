"""Every member through the one interface.

Lengths of days, resolutions, missing and absurd inputs, updates, files.
"""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from spot.contracts.panel import DeliveryPanel
from spot.errors import ConfigurationError, ForecastError, LookAheadError, ModelIntegrityError
from spot.forecast.hourly_forecaster import ForecasterSettings
from spot.forecast.interface import PriceForecaster
from spot.forecast.members import forecaster_from_files, load_settings_mapping, make_forecaster
from tests.support.panels import made_up_panel

SMALL: dict[str, dict[str, Any]] = {
    "naive": {"kind": "naive", "rule": "mixed"},
    "engine": {
        "kind": "engine",
        "windows": [{"centre_days": 14, "spread_days": 28, "spread_share": 0.5, "centring_days": 0}],
    },
    "lear": {"kind": "lear", "lear": {"windows_days": [42, 90]}, "calibration_days": 28},
    "engine_with_all": {
        "kind": "engine",
        "windows": [
            {"centre_days": 28, "spread_days": 56, "spread_share": 0.5, "centring_days": 28},
            {"centre_days": 7, "spread_days": 14, "spread_share": 0.5, "centring_days": 28},
        ],
        "hour_blocks": [1, 4],
        "gradient": {"steps": 2},
        "trees": {"iterations": 10, "depth": 3},
        "lear": {"windows_days": [56]},
        "is_aggregated": True,
        "calibration_days": 28,
    },
    "catboost": {"kind": "catboost", "iterations": 25, "depth": 4, "learning_rate": 0.3},
}
every_member = pytest.mark.parametrize("name", SMALL)


def fitted(name: str, panel: DeliveryPanel) -> Any:
    return make_forecaster(load_settings_mapping(SMALL[name])).fit(panel)


@every_member
@pytest.mark.parametrize(
    ("first_day", "target", "n_periods"),
    [
        (date(2025, 1, 6), date(2025, 3, 30), 23),
        (date(2025, 7, 1), date(2025, 10, 26), 100),
        (date(2026, 1, 5), date(2026, 3, 29), 92),
    ],
)
def test_days_of_every_length(name: str, first_day: date, target: date, n_periods: int) -> None:
    switch = date(2025, 10, 1)
    panel = made_up_panel((target - first_day).days + 1, first_day=first_day, switch_day=switch)
    model = fitted(name, panel.first(len(panel) - 3))
    forecast = model.predict(panel.known_at_gate(len(panel) - 1))
    assert isinstance(model, PriceForecaster)
    assert forecast.delivery_day == target
    assert forecast.quantiles.shape == (n_periods, 9)
    assert (np.diff(forecast.quantiles, axis=1) >= 0).all()


def test_half_hours() -> None:
    hourly = made_up_panel(80, zone="GB")
    halves = replace(
        hourly,
        n_periods=hourly.n_periods * 2,
        resolution_minutes=np.full(80, 30),
        prices=np.repeat(hourly.prices, 2, axis=1),
        inputs={name: np.repeat(values, 2, axis=1) for name, values in hourly.inputs.items()},
    )
    forecast = fitted("engine", halves.first(79)).predict(halves.known_at_gate(79))
    assert forecast.point.shape == (48,)
    assert np.abs(forecast.point - halves.prices[79]).mean() < 12


@pytest.mark.parametrize("name", ["engine", "catboost"])
def test_a_model_with_inputs_beats_last_week(name: str) -> None:
    panel = made_up_panel(160)
    members = {member: fitted(member, panel.first(120)) for member in (name, "naive")}
    error = {
        member: np.mean(
            [
                np.nanmean(
                    np.abs(
                        model.predict(panel.known_at_gate(row)).point
                        - panel.prices[row, : panel.n_periods[row]]
                    )
                )
                for row in range(120, 150)
            ]
        )
        for member, model in members.items()
    }
    assert error[name] < 0.6 * error["naive"]


def test_the_shape_inside_the_hour_is_learnt_after_the_switch() -> None:
    panel = made_up_panel(120, first_day=date(2025, 8, 1), switch_day=date(2025, 10, 1), noise=0.5)
    model = fitted("engine", panel.first(110))
    forecast = model.predict(panel.known_at_gate(110)).point.reshape(24, 4)
    actual = panel.prices[110, :96].reshape(24, 4)
    shape, truth = (day - day.mean(axis=1, keepdims=True) for day in (forecast, actual))
    assert np.abs(shape - truth).mean() < 0.5 * np.abs(truth).mean()


@every_member
def test_a_reloaded_model_forecasts_bit_for_bit_the_same(name: str) -> None:
    panel = made_up_panel(90, first_day=date(2025, 8, 1), switch_day=date(2025, 10, 1))
    model = fitted(name, panel.first(80))
    model.predict(panel.known_at_gate(84))
    twin = forecaster_from_files(model.to_files())
    for row in (85, 86):
        first, second = model.predict(panel.known_at_gate(row)), twin.predict(panel.known_at_gate(row))
        assert np.array_equal(first.quantiles, second.quantiles)
        assert np.array_equal(first.point, second.point)


@every_member
def test_prices_not_yet_known_do_not_matter(name: str) -> None:
    panel = made_up_panel(90)
    model = fitted(name, panel.first(80))
    twin = forecaster_from_files(model.to_files())
    poisoned = panel.prices.copy()
    poisoned[82:] = 3_000.0
    honest = model.predict(panel.first(83))
    assert np.array_equal(honest.quantiles, twin.predict(replace(panel, prices=poisoned).first(83)).quantiles)


@every_member
def test_a_day_already_learnt_cannot_be_forecast(name: str) -> None:
    panel = made_up_panel(80)
    model = fitted(name, panel)
    with pytest.raises(LookAheadError):
        model.predict(panel.known_at_gate(70))


@pytest.mark.parametrize(
    ("name", "hole"),
    [
        *(
            (name, hole)
            for name in ("naive", "engine", "catboost")
            for hole in ("yesterday", "one_input", "frozen_input", "scattered")
        ),
        ("lear", "one_input"),
        ("engine_with_all", "one_input"),
    ],
)
def test_missing_values_give_a_finite_forecast_that_is_not_surer(name: str, hole: str) -> None:
    panel = made_up_panel(130)
    prices, inputs = panel.prices.copy(), {key: values.copy() for key, values in panel.inputs.items()}
    row = 120
    if hole == "yesterday":
        prices[row - 1] = np.nan
    elif hole == "one_input":
        inputs["wind_forecast_mw"][row] = np.nan
    elif hole == "frozen_input":
        inputs["wind_forecast_mw"][row] = 9_000.0
    else:
        prices[30, 5], prices[60:62], inputs["load_forecast_mw"][40] = np.nan, np.nan, np.nan
    full, holed = (
        fitted(name, panel.first(110)),
        fitted(name, replace(panel, prices=prices, inputs=inputs).first(110)),
    )
    forecast = holed.predict(replace(panel, prices=prices, inputs=inputs).known_at_gate(row))
    width = np.mean(forecast.quantiles[:, 6] - forecast.quantiles[:, 2])
    usual = full.predict(panel.known_at_gate(row)).quantiles
    assert width > (0.7 if hole == "scattered" else 0.85) * np.mean(usual[:, 6] - usual[:, 2])


@pytest.mark.parametrize("name", ["engine", "catboost"])
def test_an_absurd_input_is_refused(name: str) -> None:
    panel = made_up_panel(90)
    model = fitted(name, panel.first(80))
    inputs = {key: values.copy() for key, values in panel.inputs.items()}
    inputs["load_forecast_mw"][80] *= 1_000
    with pytest.raises(ForecastError, match="load_forecast_mw"):
        model.predict(replace(panel, inputs=inputs).known_at_gate(80))


@every_member
def test_prices_that_never_vary_are_refused(name: str) -> None:
    panel = made_up_panel(80)
    with pytest.raises(ForecastError, match="do not vary"):
        fitted(name, replace(panel, prices=np.full_like(panel.prices, 50.0)))


@every_member
def test_a_short_history_is_refused(name: str) -> None:
    with pytest.raises(ForecastError, match="at least"):
        fitted(name, made_up_panel(30))


@every_member
def test_a_week_without_prices_is_refused(name: str) -> None:
    panel = made_up_panel(100)
    prices = panel.prices.copy()
    prices[82:90] = np.nan
    model = fitted(name, panel.first(80))
    with pytest.raises(ForecastError, match="days old"):
        model.predict(replace(panel, prices=prices).known_at_gate(90))


@every_member
def test_a_panel_without_inputs_works(name: str) -> None:
    panel = replace(made_up_panel(90), inputs={})
    forecast = fitted(name, panel.first(80)).predict(panel.known_at_gate(80))
    assert np.isfinite(forecast.point).all()


@pytest.mark.parametrize(
    ("hour_blocks", "complaint"),
    [
        ([4], "1 numbers for 6 windows"),
        ([1, 2, 1, 4, 1, 4], "different numbers of blocks"),
        ([5] * 6, "hour_blocks"),
        ([0] * 6, "hour_blocks"),
    ],
)
def test_blocks_of_hours_that_fit_no_bank_are_refused(hour_blocks: list[int], complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        load_settings_mapping({"kind": "engine", "hour_blocks": hour_blocks})


def test_unknown_settings_and_files_are_refused() -> None:
    with pytest.raises(ConfigurationError):
        load_settings_mapping({"kind": "oracle"})
    with pytest.raises(ConfigurationError):
        load_settings_mapping({"kind": "engine", "depth": 3})
    with pytest.raises(ConfigurationError, match="levels"):
        load_settings_mapping({"kind": "naive", "levels": [0.9, 0.5, 0.1]})
    with pytest.raises(
        ConfigurationError, match=r"kind: is missing, known are naive, lear, catboost, engine"
    ):
        load_settings_mapping({"levels": [0.5]})
    with pytest.raises(ConfigurationError, match=r"engine: trees\.depth: must be at most 12, not 99"):
        load_settings_mapping({"kind": "engine", "trees": {"depth": 99}})
    with pytest.raises(ConfigurationError, match="ForecasterSettings holds the settings of no member"):
        make_forecaster(ForecasterSettings(kind="naive"))
    with pytest.raises(ModelIntegrityError):
        forecaster_from_files({"settings.json": b"{"})
    files = dict(fitted("naive", made_up_panel(60)).to_files())
    with pytest.raises(ModelIntegrityError):
        forecaster_from_files({**files, "state.npz": files["state.npz"][:100]})
    panel = made_up_panel(80)
    trees = fitted("engine_with_all", panel).to_files()["trees.cbm"]
    files = dict(fitted("catboost", panel).to_files())
    (name,) = (name for name in files if name.endswith(".cbm"))
    with pytest.raises(ModelIntegrityError, match=r"columns other.*bank\.max.*train it anew"):
        forecaster_from_files({**files, name: trees})


@pytest.mark.parametrize("name", ["naive", "lear", "engine", "engine_with_all"])
def test_the_walk_forward_says_what_day_after_day_would_say(name: str) -> None:
    panel = made_up_panel(95)
    model = fitted(name, panel.first(88))
    walked = model.walk_forward(panel, 88)
    for row, forecast in enumerate(walked, start=88):
        alone = model.predict(panel.known_at_gate(row))
        assert forecast.delivery_day == alone.delivery_day
        assert np.abs(forecast.point - alone.point).max() < 0.05
        assert np.abs(forecast.quantiles - alone.quantiles).max() < 0.1


@pytest.mark.parametrize(
    ("is_telling", "setting", "kept"),
    [(True, "if_better", True), (False, "if_better", False), (True, "never", False), (False, "always", True)],
)
def test_neighbours_are_kept_where_they_help(is_telling: bool, setting: str, kept: bool) -> None:
    panel = made_up_panel(160, first_day=date(2025, 1, 6), noise=1.0)
    rng = np.random.default_rng(0)
    hidden = rng.normal(0, 12, len(panel))
    prices = panel.prices + hidden[:, None]
    told = hidden if is_telling else rng.normal(0, 12, len(panel))
    inputs = {
        **panel.inputs,
        "neighbour_price_FR_eur_per_mwh": np.where(
            np.isfinite(panel.prices), told[:, None] + rng.normal(0, 1, panel.prices.shape), np.nan
        ),
    }
    model = make_forecaster(load_settings_mapping({**SMALL["engine"], "neighbours": setting})).fit(
        replace(panel, prices=prices, inputs=inputs)
    )
    assert ("neighbour_price_FR_eur_per_mwh" in model.anchors.input_range) == kept


def test_a_residual_load_among_the_inputs_is_not_counted_twice() -> None:
    panel = made_up_panel(90)
    residual = panel.inputs["load_forecast_mw"] - panel.inputs["wind_forecast_mw"]
    plain = fitted("engine", panel.first(80)).predict(panel.known_at_gate(80))
    both = replace(panel, inputs={**panel.inputs, "residual_load_mw": residual})
    assert np.array_equal(fitted("engine", both.first(80)).predict(both.known_at_gate(80)).point, plain.point)


@pytest.mark.parametrize("name", ["naive", "lear", "engine", "engine_with_all", "catboost"])
def test_a_price_that_comes_late_is_still_learnt(name: str) -> None:
    panel = made_up_panel(100)
    late = panel.prices.copy()
    late[89] = np.nan
    in_time, behind = fitted(name, panel.first(88)), fitted(name, panel.first(88))
    first, second = (
        in_time.predict(panel.known_at_gate(90)),
        behind.predict(replace(panel, prices=late).known_at_gate(90)),
    )
    assert not np.array_equal(first.quantiles, second.quantiles)
    assert np.mean(second.quantiles[:, 6] - second.quantiles[:, 2]) > 1.05 * np.mean(
        first.quantiles[:, 6] - first.quantiles[:, 2]
    )
    assert np.array_equal(
        in_time.predict(panel.known_at_gate(92)).quantiles, behind.predict(panel.known_at_gate(92)).quantiles
    )


def test_a_walk_forward_over_days_that_lack_an_input_says_what_day_after_day_would_say() -> None:
    panel = made_up_panel(100)
    inputs = {key: values.copy() for key, values in panel.inputs.items()}
    inputs["wind_forecast_mw"][[90, 92]] = np.nan
    holed = replace(panel, inputs=inputs)
    model = fitted("engine", holed.first(88))
    walked = model.walk_forward(holed.first(94), 88)
    for row, forecast in enumerate(walked, start=88):
        alone = model.predict(holed.known_at_gate(row))
        assert np.abs(forecast.point - alone.point).max() < 0.5
        assert np.abs(forecast.quantiles - alone.quantiles).max() < 1.0


def test_the_engine_sees_that_the_last_evening_leads_into_the_night() -> None:
    """A shift that the last two hours announce is forecast for the night after.

    The same shift unannounced is not.
    """
    calm = made_up_panel(280, noise=1.0)
    shift = np.random.default_rng(1).normal(0, 15, len(calm) + 1)
    errors = []
    for announced in (shift, np.random.default_rng(2).permutation(shift)):
        prices = calm.prices.copy()
        prices[:, :4] += shift[:-1, None]
        prices[:, 22:24] += announced[1:, None]
        panel = replace(calm, prices=prices)
        walked = fitted("engine", panel.first(220)).walk_forward(panel, 220)
        errors.append(
            np.mean(
                [
                    np.abs(forecast.point[:4] - day[:4]).mean()
                    for forecast, day in zip(walked, prices[220:], strict=True)
                ]
            )
        )
    assert errors[0] < 0.5 * errors[1]
