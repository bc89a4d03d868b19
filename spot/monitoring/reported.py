"""Drift of every other feature and of the forecast. It is reported and never causes a retrain.

The features that can cause a retrain (`drift.features` and the price) carry all new information. The others
are lags, sums and actual values of the same series and would only repeat it. A desk still wants to see which
of them moved, and whether the forecast did: its mean and the width of its 80 % interval, given the residual
load, like the price.
"""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl

from spot.contracts.feature_tables import CALENDAR_FEATURES, EARLIER_INPUTS, FEATURES
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.monitoring.drift import DriftVerdict, days_needed, fit_drift, judge_drift, merge_verdicts
from spot.monitoring.drift_calculators import RECONSTRUCTION
from spot.monitoring.expectation import daily_inputs, is_priced, learn_expectation
from spot.monitoring.profiles import reference_days, since_data_began
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import first_judged_day
from spot.monitoring.young import first_days, young_drift

FORECAST_COLUMNS = ("forecast_mean", "forecast_width")
"""Columns of the champion's forecast, EUR/MWh: mean of the point forecast, and mean width of the 80 %
interval.
"""


def watch_reported(
    features: pl.DataFrame, forecasts: pl.DataFrame, *, last_day: date, settings: MonitoringSettings
) -> DriftVerdict:
    """The verdict on the forecast and on every feature that `monitor_inputs` does not judge.

    Args:
        features: rows of `day_ahead_features` of one zone, as many years as there are.
        forecasts: rows of `day_ahead_forecasts` of the zone's champion.
        last_day: newest delivery day to judge.
        settings: thresholds. Powers are compared with days of the same season, prices and the forecast with
            the days just before.
    """
    drift = settings.drift
    daily = _daily(features.filter(pl.col("delivery_day") <= last_day), forecasts, settings)
    watched = {*FEATURES, *EARLIER_INPUTS, *FORECAST_COLUMNS}
    names = [name for name in daily.columns if name in watched]
    first_day = first_judged_day(last_day, settings)
    judged = daily.filter(pl.col("delivery_day").is_between(first_day, last_day))
    recent = drift.reference.model_copy(
        update={
            "recent_days": drift.price_reference_days,
            "n_earlier_years": 0,
            "gap_days": drift.price_gap_days,
        }
    )
    verdicts, began = [], first_days(daily)
    for together, columns, window, limit in (
        ("all powers together", [name for name in names if not is_priced(name)], drift.reference, None),
        (
            "all prices together",
            [name for name in names if is_priced(name)],
            recent,
            drift.reported_price_threshold,
        ),
    ):
        if columns:
            reference = reference_days(
                since_data_began(daily, columns),
                first_day=first_day,
                settings=window,
                chunk_days=drift.chunk_days,
            )
            has_years = reference.height > 0 and (first_day - reference["delivery_day"][0]).days > 300
            expected = learn_expectation(reference, columns, has_earlier_years=has_years)
            verdict = young_drift(
                judge_drift(
                    fit_drift(expected.remainders(reference), drift, threshold=limit),
                    expected.remainders(judged),
                ),
                began,
                n_needed=days_needed(window, drift),
                last_day=last_day,
                settings=drift,
            )
            verdicts.append(
                replace(
                    verdict,
                    features=verdict.features.with_columns(
                        pl.col("feature").replace(RECONSTRUCTION, together)
                    ),
                )
            )
    if not verdicts:
        return judge_drift(fit_drift(daily.select("delivery_day"), drift), judged)
    return verdicts[0] if len(verdicts) == 1 else merge_verdicts(verdicts[0], verdicts[1], drift)


def _daily(features: pl.DataFrame, forecasts: pl.DataFrame, settings: MonitoringSettings) -> pl.DataFrame:
    """Daily means with weekday, season and the drivers of the day before, as `daily_inputs` makes them."""
    own = daily_inputs(features, settings.drift).drop(settings.drift.features, strict=False)
    silent = {*CALENDAR_FEATURES, *settings.drift.features}
    names = [
        name
        for name in (*FEATURES, *EARLIER_INPUTS)
        if name in features.columns and name not in silent and _is_there(features, name)
    ]
    means = features.group_by("delivery_day").agg(pl.col(name).fill_nan(None).mean() for name in names)
    low, high = QUANTILE_COLUMNS[0.1], QUANTILE_COLUMNS[0.9]
    # The row of a day holds what drove the day before, so the forecast of the day before belongs to it.
    said = forecasts.group_by("delivery_day").agg(
        pl.col("price_point_eur_per_mwh").mean().alias(FORECAST_COLUMNS[0]),
        (pl.col(high) - pl.col(low)).mean().alias(FORECAST_COLUMNS[1]),
    )
    shifted = said.with_columns(pl.col("delivery_day") + timedelta(days=1))
    joined = own.join(means, on="delivery_day", how="left").join(shifted, on="delivery_day", how="left")
    return joined.sort("delivery_day")


def _is_there(features: pl.DataFrame, name: str) -> bool:
    return features[name].fill_nan(None).null_count() < features.height
