"""Whether a model version is fit to be judged at all: range, spread, absurd inputs, reload, known data.

None of it needs an outcome. A version that fails is rejected however small its error was. That error was
measured on days like the training days, and the fault shows on other days.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from pydantic import Field

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError, ModelIntegrityError, SpotdeskError
from spot.forecast.days.bounded import bounded_json
from spot.forecast.interface import PriceForecast, PriceForecaster
from spot.market.price_limits import day_ahead_price_limits
from spot.strict_settings import StrictSettings

ALLOWED_ENDINGS = (".json", ".npz", ".cbm", ".safetensors")


class SanitySettings(StrictSettings):
    """Limits of the sanity checks, part of `conf/promotion.yaml`.

    Chosen by hand: wide enough for every honest version, since a version that fails is never judged by its
    error. `python -m benchmarks.lifecycle.promotion` runs with them.
    """

    n_days: int = Field(default=7, ge=2, description="newest days of the panel that are forecast")
    minimum_training_days: int = Field(default=60, ge=1)
    range_widths: float = Field(
        default=4.0, gt=0, description="allowed distance from recent prices, in widths of their 1-99 % range"
    )
    minimum_variation: float = Field(
        default=0.05,
        ge=0,
        description="spread of the point forecasts over that of recent prices; less is a constant",
    )
    scale_factor: float = Field(default=1000.0, gt=1)


@dataclass(frozen=True, slots=True)
class SanityCheck:
    """One check: whether it passed, and what was seen."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class SanityVerdict:
    """All checks of one version."""

    checks: tuple[SanityCheck, ...]

    @property
    def is_sane(self) -> bool:
        """Whether every check passed; no check at all is not sane."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed, in words."""
        return tuple(f"{check.name}: {check.detail}" for check in self.checks if not check.passed)


def assess_sanity(
    files: Mapping[str, bytes],
    panel: DeliveryPanel,
    *,
    from_files: Callable[[Mapping[str, bytes]], PriceForecaster],
    trained_from: date,
    trained_through: date,
    data_version: str,
    settings: SanitySettings,
) -> SanityVerdict:
    """Check a version as stored.

    Args:
        files: the version's files; every check runs on what they hold and not on an object in memory.
        panel: days of the zone up to the newest with an outcome; the last `n_days` that the version never saw
            are forecast.
        from_files: `spot.forecast.members.forecaster_from_files`.
        trained_from: first day that it learnt from.
        trained_through: newest day that it learnt from.
        data_version: of the tables it learnt from.
        settings: limits.
    """
    n_trained = int(
        np.isfinite(
            panel.prices[
                (panel.days >= np.datetime64(trained_from)) & (panel.days <= np.datetime64(trained_through))
            ]
        )
        .any(axis=1)
        .sum()
    )
    checks = [known_data(data_version), enough_days(n_trained, settings), native_files(files)]
    rows = np.flatnonzero(panel.days > np.datetime64(trained_through))[-settings.n_days :].tolist()
    if len(rows) < 2:
        return SanityVerdict(
            (
                *checks,
                SanityCheck(
                    "forecasts", passed=False, detail=f"{len(rows)} days that the version never saw, 2 needed"
                ),
            )
        )
    try:
        forecaster = from_files(files)
        forecasts = [forecaster.predict(panel.known_at_gate(row)) for row in rows]
    except SpotdeskError as error:
        return SanityVerdict(
            (*checks, SanityCheck("forecasts", passed=False, detail=f"{type(error).__name__}: {error}"))
        )
    newest = panel.known_at_gate(rows[-1])
    checks += [
        _range(forecasts, panel, settings),
        _variation(forecasts, panel, settings),
        _reload(files, from_files, newest, forecasts[-1]),
        _absurd("inputs x1000", from_files(files), _scaled(newest, settings.scale_factor), panel, settings),
        _absurd("inputs missing", from_files(files), _scaled(newest, float("nan")), panel, settings),
    ]
    return SanityVerdict(tuple(checks))


def known_data(data_version: str) -> SanityCheck:
    """Whether the version says which data it learnt from."""
    passed = bool(data_version.strip())
    return SanityCheck(
        "data version",
        passed=passed,
        detail=data_version if passed else "the data it learnt from is not known",
    )


def enough_days(n_training_days: int, settings: SanitySettings) -> SanityCheck:
    """Whether it learnt from as many days as are asked for."""
    passed = n_training_days >= settings.minimum_training_days
    return SanityCheck(
        "training days",
        passed=passed,
        detail=f"{n_training_days} days, {settings.minimum_training_days} needed",
    )


def native_files(files: Mapping[str, bytes]) -> SanityCheck:
    """Whether its files are of kinds that a reader can trust, and readable JSON where they say so."""
    foreign = sorted(name for name in files if not name.endswith(ALLOWED_ENDINGS))
    broken = sorted(
        name for name, content in files.items() if name.endswith(".json") and not _is_json(content)
    )
    passed = bool(files) and not foreign and not broken
    return SanityCheck(
        "files", passed=passed, detail="" if passed else f"none, foreign {foreign} or unreadable {broken}"
    )


def _is_json(content: bytes) -> bool:
    try:
        bounded_json(content, "of a version")
    except ModelIntegrityError:
        return False
    return True


def _bounds(panel: DeliveryPanel, settings: SanitySettings) -> tuple[float, float]:
    """Prices that a sane forecast may give: near those of the last year, and inside the market's limits."""
    recent = panel.prices[-365:]
    low, high = np.nanquantile(recent, [0.01, 0.99])
    margin = settings.range_widths * max(float(high - low), 10.0)
    limits = day_ahead_price_limits(panel.last_day, panel.zone)
    return max(float(low) - margin, limits.minimum_eur_per_mwh), min(
        float(high) + margin, limits.maximum_eur_per_mwh
    )


def _is_within(forecast: PriceForecast, bounds: tuple[float, float]) -> bool:
    values = np.concatenate([forecast.quantiles.ravel(), forecast.point])
    return bool((values >= bounds[0]).all() and (values <= bounds[1]).all())


def _range(forecasts: list[PriceForecast], panel: DeliveryPanel, settings: SanitySettings) -> SanityCheck:
    bounds = _bounds(panel, settings)
    outside = [str(forecast.delivery_day) for forecast in forecasts if not _is_within(forecast, bounds)]
    ordered = all((np.diff(forecast.quantiles, axis=1) >= 0).all() for forecast in forecasts)
    stated = np.concatenate(
        [np.concatenate([forecast.quantiles.ravel(), forecast.point]) for forecast in forecasts]
    )
    far = (
        f"{stated.min():.0f} to {stated.max():.0f} EUR/MWh stated, {bounds[0]:.0f} to {bounds[1]:.0f}"
        f" plausible, beyond it on {', '.join(outside)}"
    )
    faults = [far] if outside else []
    faults += [] if ordered else ["quantiles cross"]
    return SanityCheck("range", passed=not faults, detail="; ".join(faults))


def _variation(forecasts: list[PriceForecast], panel: DeliveryPanel, settings: SanitySettings) -> SanityCheck:
    points = np.concatenate([forecast.point for forecast in forecasts])
    share = float(points.std() / max(float(np.nanstd(panel.prices[-len(forecasts) :])), 1e-9))
    width = min(
        float((forecast.quantiles[:, -1] - forecast.quantiles[:, 0]).mean()) for forecast in forecasts
    )
    passed = share >= settings.minimum_variation and width > 0
    return SanityCheck(
        "variation",
        passed=passed,
        detail=(
            f"spread of the forecasts is {share:.2f} of that of the prices, mean width {width:.2f} EUR/MWh"
        ),
    )


def _reload(
    files: Mapping[str, bytes],
    from_files: Callable[[Mapping[str, bytes]], PriceForecaster],
    panel: DeliveryPanel,
    expected: PriceForecast,
) -> SanityCheck:
    """A version that is written and read again must give the same forecast, bit for bit."""
    again = from_files(from_files(files).to_files()).predict(panel)
    same = _same_bits(again.quantiles, expected.quantiles) and _same_bits(again.point, expected.point)
    return SanityCheck(
        "reload", passed=same, detail="" if same else "a reloaded version forecasts other numbers"
    )


def _same_bits(a: Floats, b: Floats) -> bool:
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def _scaled(panel: DeliveryPanel, factor: float) -> DeliveryPanel:
    """The panel with every input of its last day multiplied."""
    inputs = {}
    for name, array in panel.inputs.items():
        spoilt = array.copy()
        spoilt[-1] = spoilt[-1] * factor
        inputs[name] = spoilt
    return replace(panel, inputs=inputs)


def _absurd(
    name: str,
    forecaster: PriceForecaster,
    panel: DeliveryPanel,
    history: DeliveryPanel,
    settings: SanitySettings,
) -> SanityCheck:
    """An absurd input must be refused, or answered with plausible prices."""
    if not panel.inputs:
        return SanityCheck(name, passed=True, detail="the model has no inputs beside prices")
    try:
        forecast = forecaster.predict(panel)
    except ForecastError as error:
        return SanityCheck(name, passed=True, detail=f"refused: {error}")
    bounds = _bounds(history, settings)
    passed = _is_within(forecast, bounds)
    return SanityCheck(
        name,
        passed=passed,
        detail="" if passed else f"forecasts outside {bounds[0]:.0f} to {bounds[1]:.0f} EUR/MWh",
    )
