"""Thresholds of every monitor, as read from `conf/monitoring.yaml`.

A mapping in, a checked and frozen model out; no file is read here.
"""

from typing import Literal

from pydantic import Field

from spot.strict_settings import StrictSettings


class ReferenceSettings(StrictSettings):
    """Which days a monitor compares with.

    The days just before, and the same time of year in earlier years.

    Chosen by hand: twelve weeks, and ten around the same date, hold enough days for a test within a season.
    """

    recent_days: int = Field(default=84, ge=7, description="days just before the judged ones")
    season_half_width_days: int = Field(
        default=35, ge=7, description="days on each side of the same date in an earlier year"
    )
    n_earlier_years: int = Field(default=3, ge=0)
    gap_days: int = Field(
        default=14,
        ge=0,
        description=(
            "days left out before the judged ones, so that a fresh shift does not hide in its own reference"
        ),
    )
    minimum_days: int = Field(default=56, ge=14, description="a shorter reference cannot see")


class DriftSettings(StrictSettings):
    """When a change of the inputs or of the price is called drift.

    `price_threshold`, `reported_price_threshold`, `threshold_standard_deviations` and
    `reconstruction_standard_deviations` were chosen on the seeds 100 to 129 of `python -m
    benchmarks.lifecycle.drift_detection`. The rest is chosen by hand: whole weeks, because each day of the
    week has its own prices.
    """

    features: tuple[str, ...] = (
        "load_forecast_mw",
        "wind_forecast_mw",
        "solar_forecast_mw",
    )
    """Columns of `day_ahead_features` to watch, each given season and weekday. Actual values would repeat the
    same information and the same alarm.
    """
    price: str = Field(
        default="price_1d_eur_per_mwh", description="the price that is watched given what drives it"
    )
    price_drivers: tuple[str, ...] = Field(
        default=("residual_load_mw", "load_forecast_mw"),
        description="the first that the zone has explains it",
    )
    price_threshold: float = Field(
        default=3.2,
        gt=0,
        description="median shift of the price that load does not explain, in usual deviations of a day",
    )
    reported_price_threshold: float = Field(
        default=3.3,
        gt=0,
        description="distance of every other price and of the forecast, in usual deviations of a day",
    )
    price_reference_days: int = Field(
        default=84,
        ge=28,
        description="the price is compared with the days just before, because fuel prices wander",
    )
    price_gap_days: int = Field(default=7, ge=0)
    method: Literal["wasserstein", "jensen_shannon", "kolmogorov_smirnov"] = "wasserstein"
    chunk_days: int = Field(default=7, ge=3)
    threshold_standard_deviations: float = Field(
        default=6.0, gt=0, description="over the mean of the reference's own chunks"
    )
    reconstruction_standard_deviations: float = Field(default=8.0, gt=0)
    n_confirming_chunks: int = Field(
        default=1, ge=1, description="newest chunks that must all be over the threshold"
    )
    n_alerting_features: int = Field(default=1, ge=1, description="features that must be over it together")
    maximum_missing_share: float = Field(
        default=0.3, ge=0, lt=1, description="a column with more missing days cannot be judged"
    )
    reference: ReferenceSettings = ReferenceSettings()


class PerformanceSettings(StrictSettings):
    """When a forecast counts as worse than before.

    Chosen by hand: 4 deviations make an alarm by chance rare, and an interval of 80 % that holds less than
    60 % of prices misleads a trader. `benchmarks.lifecycle.drift_detection` runs with them.
    """

    chunk_days: int = Field(default=7, ge=1)
    threshold_standard_deviations: float = Field(default=4.0, gt=0)
    maximum_rmae: float = Field(
        default=1.0, gt=0, description="worse than the weekly naive forecast is an alert in itself"
    )
    minimum_coverage: float = Field(
        default=0.6, ge=0, le=1, description="of the 80 % interval, over the judged days"
    )
    minimum_reference_days: int = Field(default=42, ge=7)
    estimate_with: Literal["intervals", "dle"] = "intervals"


class DataQualitySettings(StrictSettings):
    """What counts as bad data. Bad data is never drift: it suppresses retraining.

    Chosen by hand: wide enough for real weather, narrow enough for kW in place of MW and a frozen sensor. The
    scenario `sensor_fault` of `benchmarks.lifecycle.drift_detection` tests them.
    """

    features: tuple[str, ...] = (
        "load_forecast_mw",
        "wind_forecast_mw",
        "solar_forecast_mw",
        "load_actual_mw",
        "wind_actual_mw",
        "solar_actual_mw",
        "price_1d_eur_per_mwh",
    )
    """Columns of `day_ahead_features` whose values are checked one by one."""
    judged_days: int = Field(
        default=14, ge=1, description="newest days that are judged; at least as many as drift looks at"
    )
    reference_days: int = Field(default=90, ge=7, description="days before them that say what is normal")
    maximum_missing_share: float = Field(default=0.1, ge=0, lt=1)
    frozen_hours: int = Field(
        default=6, ge=2, description="equal values in a row that are not zero and longer than ever before"
    )
    unit_factor: float = Field(
        default=8.0,
        gt=1,
        description="a median this many times the reference, or its inverse, is a unit change",
    )
    range_margin: float = Field(
        default=6.0, ge=0, description="how far beyond the usual range of a power, in widths of that range"
    )
    minimum_reference_days: int = Field(default=14, ge=1)


class RetrainingSettings(StrictSettings):
    """How often a zone is retrained, and how often a failed training is retried.

    Chosen by hand: two weeks after a retrain, a shadow can be judged. The longest training, `best`, takes
    minutes, so a run of three hours hangs.
    """

    cool_down_hours: dict[str, float] = Field(
        default={
            "schedule": 24.0,
            "drift": 336.0,
            "performance": 336.0,
            "estimated_performance": 336.0,
            "code": 24.0,
            "person": 0.0,
        }
    )
    maximum_attempts: int = Field(default=3, ge=1)
    retry_after_minutes: float = Field(default=15.0, ge=0)
    maximum_run_hours: float = Field(
        default=3.0, gt=0, description="a run that has not ended by then counts as killed"
    )


class ExplanationSettings(StrictSettings):
    """When the mix of features behind the forecast counts as shifted.

    Chosen by hand, not measured: three tenths of all attribution have moved to other features.
    """

    maximum_shift: float = Field(
        default=0.3, gt=0, le=1, description="total variation distance between shares of attribution, 0 to 1"
    )
    minimum_days: int = Field(default=7, ge=1)


class AlertSettings(StrictSettings):
    """How often an alert comes for a state that lasts.

    Tables, checks and `spotdesk status` always show the state. Chosen by hand: a week and four weeks.
    """

    quiet_days: int = Field(
        default=7,
        ge=0,
        description="a state that returns within this time counts as the same episode",
    )
    reminder_days: int = Field(
        default=28,
        ge=1,
        description="days between reminders of a state that lasts",
    )


class MonitoringSettings(StrictSettings):
    """All of `conf/monitoring.yaml`.

    Use `MonitoringSettings.model_validate(mapping)`; unknown names and impossible values raise
    `pydantic.ValidationError`.
    """

    drift: DriftSettings = DriftSettings()
    performance: PerformanceSettings = PerformanceSettings()
    data_quality: DataQualitySettings = DataQualitySettings()
    retraining: RetrainingSettings = RetrainingSettings()
    explanation: ExplanationSettings = ExplanationSettings()
    alerts: AlertSettings = AlertSettings()
