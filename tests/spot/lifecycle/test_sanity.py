"""Each way in which a version can be unfit is found, and a fit one passes."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar, Self

import numpy as np
import pytest

from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError, ModelIntegrityError
from spot.forecast.interface import QUANTILE_LEVELS, PriceForecast
from spot.lifecycle.sanity import SanitySettings, SanityVerdict, assess_sanity

SETTINGS = SanitySettings()
START = date(2024, 1, 1)
N_DAYS = 120
TRAINED_THROUGH = START + timedelta(days=N_DAYS - 15)


def panel() -> DeliveryPanel:
    rng = np.random.default_rng(1)
    load = (
        50_000
        + 10_000 * np.sin(np.arange(N_DAYS * 24) * 2 * np.pi / 24).reshape(N_DAYS, 24)
        + rng.normal(0, 1_000, (N_DAYS, 24))
    )
    return DeliveryPanel(
        zone="BE",
        days=np.arange(np.datetime64(START), np.datetime64(START) + N_DAYS),
        n_periods=np.full(N_DAYS, 24),
        resolution_minutes=np.full(N_DAYS, 60),
        prices=load / 1_000 + rng.normal(0, 3, (N_DAYS, 24)),
        inputs={"load_forecast_mw": load},
        holiday_fraction=np.zeros(N_DAYS),
    )


@dataclass
class Line:
    """Price = slope times load, and faults on demand."""

    name: ClassVar[str] = "line"
    slope: float = 0.001
    offset: float = 0.0
    guards: bool = True
    width: float = 5.0
    drifts_on_reload: bool = False

    def fit(self, history: DeliveryPanel) -> Self:
        return self

    def update(self, history: DeliveryPanel) -> Self:
        return self

    def predict(self, panel: DeliveryPanel) -> PriceForecast:
        load = panel.inputs["load_forecast_mw"][-1]
        if self.guards and not (np.isfinite(load).all() and load.max() < 250_000):
            raise ForecastError("the load forecast cannot be believed")
        point = np.nan_to_num(self.slope * load + self.offset, nan=1e9)
        return PriceForecast(
            zone=panel.zone,
            delivery_day=panel.last_day,
            resolution_minutes=60,
            levels=QUANTILE_LEVELS,
            quantiles=point[:, None] + self.width * np.linspace(-2, 2, 9),
            point=point,
        )

    def to_files(self) -> Mapping[str, bytes]:
        values = {
            "slope": self.slope,
            "offset": self.offset,
            "guards": self.guards,
            "width": self.width,
            "drifts_on_reload": self.drifts_on_reload,
        }
        if self.drifts_on_reload:
            values["offset"] += 1e-9
        return {"settings.json": json.dumps(values).encode()}

    @classmethod
    def from_files(cls, files: Mapping[str, bytes]) -> Self:
        if "settings.json" not in files:
            raise ModelIntegrityError("no settings")
        return cls(**json.load(io.BytesIO(files["settings.json"])))


def judge(
    model: Line,
    *,
    files: dict[str, bytes] | None = None,
    data_version: str = "training_set@4",
    trained_from: date = START,
    trained_through: date = TRAINED_THROUGH,
    on: DeliveryPanel | None = None,
) -> SanityVerdict:
    return assess_sanity(
        model.to_files() if files is None else files,
        on or panel(),
        from_files=Line.from_files,
        trained_from=trained_from,
        trained_through=trained_through,
        data_version=data_version,
        settings=SETTINGS,
    )


def failed(verdict: SanityVerdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def test_a_fit_version_passes_every_check() -> None:
    verdict = judge(Line())
    assert verdict.is_sane, verdict.reasons
    assert {check.name for check in verdict.checks} == {
        "data version",
        "training days",
        "files",
        "range",
        "variation",
        "reload",
        "inputs x1000",
        "inputs missing",
    }


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (Line(slope=1.0), "range"),
        (Line(slope=0.0, offset=50.0), "variation"),
        (Line(width=0.0), "variation"),
        (Line(drifts_on_reload=True), "reload"),
        (Line(guards=False), "inputs x1000"),
        (Line(guards=False), "inputs missing"),
    ],
)
def test_an_unfit_version_fails_by_name(model: Line, check: str) -> None:
    verdict = judge(model)
    assert check in failed(verdict)
    assert not verdict.is_sane
    assert any(reason.startswith(check) for reason in verdict.reasons)


def test_unknown_data_a_tiny_sample_foreign_and_missing_files_fail() -> None:
    assert failed(judge(Line(), data_version="")) == ["data version"]
    assert failed(judge(Line(), data_version=" ")) == ["data version"]
    assert failed(judge(Line(), trained_from=TRAINED_THROUGH - timedelta(days=20))) == ["training days"]
    assert failed(judge(Line(), files={**Line().to_files(), "model.pkl": b"x"})) == ["files"]
    assert "files" in failed(judge(Line(), files={}))
    assert failed(judge(Line(), trained_through=START + timedelta(days=N_DAYS))) == ["forecasts"]


def test_days_without_prices_do_not_count_as_learnt_from() -> None:
    empty = panel()
    prices = empty.prices.copy()
    prices[:80] = np.nan
    assert "training days" in failed(judge(Line(), on=replace(empty, prices=prices)))
