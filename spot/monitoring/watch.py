"""The monitors of one zone, from its tables to the verdicts on data quality, drift and performance.

Bad data comes first. What it finds is hidden from the other monitors, and its verdict suppresses retraining.
Assets, sensors and benchmarks call the same functions, so what is measured is what runs.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from spot.contracts.days import first_day, last_day_or_none
from spot.contracts.vintages import newest_vintage
from spot.market.clock import by_quarter_hour
from spot.monitoring.data_quality import (
    DataQualityVerdict,
    assess_data_quality,
    without_faulty,
    without_implausible_days,
)
from spot.monitoring.drift import (
    DriftVerdict,
    days_needed,
    fit_drift,
    judge_drift,
    merge_verdicts,
    nothing_to_watch,
)
from spot.monitoring.drift_calculators import RECONSTRUCTION, FittedDrift
from spot.monitoring.expectation import Expectation, daily_inputs, learn_expectation
from spot.monitoring.performance import (
    PerformanceVerdict,
    assess_performance,
    estimate_performance,
    reference_days_needed,
)
from spot.monitoring.price_shift import PRICE_COLUMN, FittedPrice, fit_price, hourly_prices, judge_price
from spot.monitoring.profiles import reference_days, since_data_began
from spot.monitoring.settings import DriftSettings, MonitoringSettings, PerformanceSettings
from spot.monitoring.young import first_days, young_drift, young_performance, young_quality, youth
from spot.scores.naive import weekly_naive_of

_KEYS = ("delivery_day", "delivery_start_utc")
REFERENCE_FORECAST_DAYS = 182
"""Days of forecasts that the newest are compared with: half a year. Chosen by hand; not tuned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureWatch:
    """Verdicts on the newest inputs of a zone."""

    quality: DataQualityVerdict
    drift: DriftVerdict

    @property
    def asks_for_retrain(self) -> bool:
        """Whether drift was found in good data."""
        return self.drift.status == "alert" and not self.quality.suppresses_retraining


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceWatch:
    """Verdicts on the newest forecasts of a zone: of those with outcomes, and of those still without."""

    realised: PerformanceVerdict
    estimated: PerformanceVerdict


@dataclass(frozen=True, slots=True)
class FittedWatch:
    """References of one zone as of one day: what is expected of a day, and the usual distance from it."""

    inputs: Expectation
    inputs_fit: FittedDrift
    price: FittedPrice
    """Blind where the zone has no price. It says so and never answers "no drift"."""


def monitor_inputs(
    features: pl.DataFrame, *, last_day: date, settings: MonitoringSettings, fitted: FittedWatch | None = None
) -> FeatureWatch:
    """Judge the inputs of the days up to `last_day`.

    Args:
        features: rows of `day_ahead_features` of one zone, as many years as there are. A column that the zone
            never had is not watched.
        last_day: newest delivery day to judge; days after it are ignored.
        settings: thresholds.
        fitted: references of an earlier day (`fit_watch`), to save their cost; fitted anew by default.
    """
    wide = _watched(features, settings).filter(pl.col("delivery_day") <= last_day)
    quality = judge_quality(wide, last_day=last_day, settings=settings)
    sound = without_implausible_days(without_faulty(wide, quality.faulty))
    fitted = fitted or fit_watch(sound, last_day=last_day, settings=settings)
    is_judged = pl.col("delivery_day") >= first_judged_day(last_day, settings)
    judge = judge_drift if set(settings.drift.features) & set(wide.columns) else nothing_to_watch
    drift = judge(
        fitted.inputs_fit, fitted.inputs.remainders(daily_inputs(sound, settings.drift).filter(is_judged))
    )
    price = judge_price(fitted.price, hourly_prices(sound, settings.drift).filter(is_judged), settings.drift)
    drift = _allow_young(drift, price, sound, last_day=last_day, settings=settings.drift)
    return FeatureWatch(quality=quality, drift=drift)


def _allow_young(
    inputs: DriftVerdict, price: DriftVerdict, sound: pl.DataFrame, *, last_day: date, settings: DriftSettings
) -> DriftVerdict:
    """Both verdicts combined, with inputs and prices that began recently marked as too young."""
    daily, priced = daily_inputs(sound, settings), hourly_prices(sound, settings)["delivery_day"].min()
    needed = days_needed(settings.reference, settings)
    inputs = young_drift(inputs, first_days(daily), n_needed=needed, last_day=last_day, settings=settings)
    if not set(settings.features) & set(daily.columns) and daily.height:
        # Nothing to watch is said of whole windows of days, so the zone is young for one window only.
        began = {RECONSTRUCTION: first_day(daily)}
        needed = settings.chunk_days
        inputs = young_drift(inputs, began, n_needed=needed, last_day=last_day, settings=settings)
    needed = settings.reference.minimum_days + settings.price_gap_days + settings.chunk_days
    began = {PRICE_COLUMN: priced} if isinstance(priced, date) else {}
    price = young_drift(price, began, n_needed=needed, last_day=last_day, settings=settings)
    return merge_verdicts(inputs, price, settings)


def judge_quality(wide: pl.DataFrame, *, last_day: date, settings: MonitoringSettings) -> DataQualityVerdict:
    """Data quality of the newest `judged_days` of a wide frame against the `reference_days` before them."""
    watched = wide.select(*_KEYS, *(name for name in settings.data_quality.features if name in wide.columns))
    is_judged = pl.col("delivery_day") > last_day - timedelta(days=settings.data_quality.judged_days)
    since = last_day - timedelta(
        days=settings.data_quality.judged_days + settings.data_quality.reference_days
    )
    verdict = assess_data_quality(
        watched.filter(~is_judged, pl.col("delivery_day") > since),
        watched.filter(is_judged),
        settings.data_quality,
    )
    return young_quality(verdict, first_days(watched), last_day=last_day, settings=settings.data_quality)


def fit_watch(sound: pl.DataFrame, *, last_day: date, settings: MonitoringSettings) -> FittedWatch:
    """The references for judging `last_day`.

    Inputs are compared with days of the same season, the price with the days just before. `sound` holds rows
    of `day_ahead_features` without bad values.
    """
    drift = settings.drift
    daily, hours = daily_inputs(sound, drift), hourly_prices(sound, drift)
    first_day = first_judged_day(last_day, settings)
    names = [name for name in drift.features if name in daily.columns]
    past = since_data_began(daily, names)
    season = reference_days(past, first_day=first_day, settings=drift.reference, chunk_days=drift.chunk_days)
    has_years = season.height > 0 and (first_day - season["delivery_day"][0]).days > 300
    inputs = learn_expectation(season, names, has_earlier_years=has_years)
    end = first_day - timedelta(days=drift.price_gap_days)
    recent = hours.filter(
        pl.col("delivery_day") < end,
        pl.col("delivery_day") >= end - timedelta(days=drift.price_reference_days),
    )
    return FittedWatch(inputs, fit_drift(inputs.remainders(season), drift), fit_price(recent, drift))


def first_judged_day(last_day: date, settings: MonitoringSettings) -> date:
    """First day of the window that the drift verdict of `last_day` reads."""
    return last_day - timedelta(days=settings.drift.chunk_days * settings.drift.n_confirming_chunks - 1)


def monitor_performance(
    forecasts: pl.DataFrame, prices: pl.DataFrame, *, zone: str, last_day: date, settings: MonitoringSettings
) -> PerformanceWatch:
    """Judge the forecasts of one role up to `last_day`.

    Args:
        forecasts: rows of `day_ahead_forecasts` of one zone and role; those of days after `last_day` only say
            that forecasts begin later.
        prices: rows of the raw table `day_ahead_prices`, all vintages.
        zone: bidding zone.
        last_day: newest delivery day to judge.
        settings: thresholds.
    """
    scored = scored_forecasts(forecasts, prices, zone=zone).filter(pl.col("delivery_day") <= last_day)
    outcomes = scored.drop_nulls("price_eur_per_mwh")
    chunk = timedelta(days=settings.performance.chunk_days)
    cut = (last_day_or_none(outcomes) or last_day) - chunk
    is_reference = pl.col("delivery_day").is_between(cut - timedelta(days=REFERENCE_FORECAST_DAYS), cut)
    # Outcomes that stopped coming more than a chunk ago say nothing of today. An old week is not judged as
    # the newest.
    is_judged = (pl.col("delivery_day") > cut) & pl.lit(cut + chunk >= last_day - chunk)
    realised = assess_performance(
        outcomes.filter(is_reference), outcomes.filter(is_judged), settings.performance
    )
    newest = scored.filter(pl.col("delivery_day") > last_day - chunk)
    estimated = estimate_performance(outcomes.filter(is_reference), newest, settings.performance)
    known_through = last_day_or_none(outcomes) or last_day
    reason = _youth_of(forecasts, last_day, known_through, settings.performance)
    return PerformanceWatch(
        realised=young_performance(realised, reason), estimated=young_performance(estimated, reason)
    )


def _youth_of(
    forecasts: pl.DataFrame, last_day: date, known_through: date, settings: PerformanceSettings
) -> str:
    """Why forecasts, whose outcomes are known up to a day, cannot be judged yet.

    Empty where they can be judged, or have stopped.
    """
    newest = last_day_or_none(forecasts)
    if newest is None or newest <= last_day - timedelta(days=settings.chunk_days):
        return ""
    n_needed = reference_days_needed(settings) + settings.chunk_days
    return youth("the forecasts", began=first_day(forecasts), n_needed=n_needed, last_day=known_through)


def scored_forecasts(forecasts: pl.DataFrame, prices: pl.DataFrame, *, zone: str) -> pl.DataFrame:
    """Forecast rows with `price_eur_per_mwh`, the outcome, and `naive_eur_per_mwh`.

    The naive forecast is the price of the same local time seven days before. A price of a longer period holds
    for every market time unit in it. Shorter ones are averaged over the unit. A unit without all its prices
    has no outcome.
    """
    newest = newest_vintage(prices, by=["delivery_start_utc"]).sort("delivery_start_utc")
    outcome = _outcomes_of_units(
        forecasts.select("delivery_start_utc", "resolution_minutes").unique(), newest
    )
    of_unit = ["delivery_start_utc", "resolution_minutes"]
    naive = weekly_naive_of(forecasts.select("delivery_day", *of_unit).unique(), newest, zone=zone)
    return (
        forecasts.join(outcome, on=of_unit, how="left")
        .join(naive, on=["delivery_day", *of_unit], how="left")
        .sort("delivery_start_utc")
    )


def _outcomes_of_units(units: pl.DataFrame, prices: pl.DataFrame) -> pl.DataFrame:
    """`price_eur_per_mwh` of each unit, quarter hour by quarter hour; null where one of them has no price."""
    priced = by_quarter_hour(
        prices.select("delivery_start_utc", "resolution_minutes", "price_eur_per_mwh")
    ).select("quarter_utc", "price_eur_per_mwh")
    return (
        by_quarter_hour(units)
        .join(priced, on="quarter_utc", how="left")
        .group_by("delivery_start_utc", "resolution_minutes")
        .agg(pl.when(pl.col("price_eur_per_mwh").null_count() == 0).then(pl.col("price_eur_per_mwh").mean()))
    )


def _watched(features: pl.DataFrame, settings: MonitoringSettings) -> pl.DataFrame:
    drift = settings.drift
    wanted = dict.fromkeys(
        (
            *drift.features,
            drift.price,
            *drift.price_drivers,
            *settings.data_quality.features,
            "holiday_fraction",
        )
    )
    names = [
        name
        for name in wanted
        if name in features.columns and features[name].fill_nan(None).null_count() < features.height
    ]
    return features.select(*_KEYS, *names).sort("delivery_start_utc")
