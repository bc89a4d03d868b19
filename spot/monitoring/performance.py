"""Realised performance of forecasts, and an estimate until outcomes are known.

Realised MAE runs through NannyML's performance calculator (threshold from the reference's own chunks).
Pinball loss, coverage and rMAE, which NannyML does not have, are scored here. The estimate needs no outcome:
it is the absolute error that the quantiles themselves imply, times the ratio of real to implied error in the
reference. NannyML's DLE, which learns the same from features at far greater cost, can be chosen instead.

A scored frame has one row per market time unit: `delivery_day`, `delivery_start_utc`, the quantile columns of
`day_ahead_forecasts`, `price_point_eur_per_mwh`, `price_eur_per_mwh` (null while unknown) and, for rMAE,
`naive_eur_per_mwh` (the price seven days before).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.contracts.words import Status
from spot.monitoring.settings import PerformanceSettings

METRIC_SCHEMA: dict[str, Any] = {
    "metric": pl.String,
    "basis": pl.String,
    "value": pl.Float64,
    "threshold": pl.Float64,
    "status": pl.String,
    "reason": pl.String,
}
_POINT, _ACTUAL, _NAIVE = "price_point_eur_per_mwh", "price_eur_per_mwh", "naive_eur_per_mwh"


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformanceVerdict:
    """Whether the forecasts are as good as they were in the reference."""

    status: Status
    reasons: tuple[str, ...]
    metrics: pl.DataFrame
    """One row per metric under `METRIC_SCHEMA`; `basis` is `realised` or `estimated`."""
    first_day: date | None
    last_day: date | None


def daily_scores(scored: pl.DataFrame) -> pl.DataFrame:
    """MAE, pinball loss, coverage of the 80 % interval and naive MAE per delivery day; EUR/MWh.

    Days with an outcome, ascending.
    """
    known = scored.with_columns(pl.col(_ACTUAL).fill_nan(None)).drop_nulls(_ACTUAL)
    losses = []
    for level, name in QUANTILE_COLUMNS.items():
        miss = pl.col(_ACTUAL) - pl.col(name)
        losses.append(pl.max_horizontal(level * miss, (level - 1.0) * miss))
    low, high = QUANTILE_COLUMNS[0.1], QUANTILE_COLUMNS[0.9]
    naive = (
        _mean_in_order((pl.col(_NAIVE).fill_nan(None) - pl.col(_ACTUAL)).abs())
        if _NAIVE in scored.columns
        else pl.lit(None, dtype=pl.Float64)
    )
    return (
        known.group_by("delivery_day", maintain_order=True)
        .agg(
            _mean_in_order((pl.col(_ACTUAL) - pl.col(_POINT)).abs()).alias("mae"),
            _mean_in_order(pl.sum_horizontal(losses) / len(losses)).alias("pinball"),
            pl.col(_ACTUAL).is_between(low, high).mean().alias("coverage"),
            naive.alias("naive_mae"),
        )
        .sort("delivery_day")
    )


def assess_performance(
    reference: pl.DataFrame, analysis: pl.DataFrame, settings: PerformanceSettings
) -> PerformanceVerdict:
    """Judge the newest `chunk_days` days that have outcomes against the scored frames of the reference."""
    past, newest = daily_scores(reference), daily_scores(analysis).tail(settings.chunk_days)
    blind = _blindness(past.height, newest.height, settings)
    if blind:
        return _verdict([_metric("mae", "realised", None, None, "cannot_see", blind)], newest)
    errors = _with_days(reference, past["delivery_day"])
    threshold = _nannyml_mae_threshold(errors, settings)
    rows = [_upper("mae", _mean(newest["mae"]), threshold)]
    pinball = _chunk_means(past["pinball"].to_numpy(), settings.chunk_days)
    limit = float(pinball.mean() + settings.threshold_standard_deviations * pinball.std(ddof=1))
    rows.append(_upper("pinball", _mean(newest["pinball"]), limit))
    coverage = _mean(newest["coverage"])
    is_low = coverage < settings.minimum_coverage
    text = (
        f"coverage of the 80 % interval {coverage:.0%} under {settings.minimum_coverage:.0%}"
        if is_low
        else ""
    )
    rows.append(
        _metric(
            "coverage", "realised", coverage, settings.minimum_coverage, "alert" if is_low else "ok", text
        )
    )
    return _verdict([*rows, _rmae(newest, settings)], newest)


def _rmae(newest: pl.DataFrame, settings: PerformanceSettings) -> dict[str, Any]:
    """Error over that of the weekly naive, on the days that have one."""
    both = newest.drop_nulls("naive_mae")
    if both.is_empty():
        return _metric(
            "rmae", "realised", None, None, "cannot_see", "cannot see rmae: no price of the week before"
        )
    if _mean(both["naive_mae"]) == 0:
        return _metric(
            "rmae", "realised", None, None, "cannot_see", "cannot see rmae: the weekly naive made no error"
        )
    return _upper("rmae", _mean(both["mae"]) / _mean(both["naive_mae"]), settings.maximum_rmae)


def estimate_performance(
    reference: pl.DataFrame, analysis: pl.DataFrame, settings: PerformanceSettings
) -> PerformanceVerdict:
    """Judge forecasts whose outcomes are not known yet.

    The expected MAE of `analysis` is compared with the chunks of `reference`, which has outcomes.
    """
    past = daily_scores(reference)
    days = (
        analysis["delivery_day"].unique().sort().tail(settings.chunk_days)
        if analysis.height
        else pl.Series("delivery_day", [], pl.Date)
    )
    newest = pl.DataFrame({"delivery_day": days})
    blind = _blindness(past.height, days.len(), settings)
    if blind:
        return _verdict([_metric("mae", "estimated", None, None, "cannot_see", blind)], newest)
    history, judged = _with_days(reference, past["delivery_day"]), _with_days(analysis, days)
    estimate = (
        _dle_estimate(history, judged)
        if settings.estimate_with == "dle"
        else _interval_estimate(history, judged)
    )
    chunks = _chunk_means(past["mae"].to_numpy(), settings.chunk_days)
    limit = float(chunks.mean() + settings.threshold_standard_deviations * chunks.std(ddof=1))
    return _verdict([_upper("mae", estimate, limit, basis="estimated")], newest)


def expected_absolute_error(frame: pl.DataFrame) -> Floats:
    """(rows,) EUR/MWh: mean of |price - point|.

    The price is drawn from the forecast's own piecewise linear quantiles.
    """
    levels = np.array(list(QUANTILE_COLUMNS))
    quantiles = frame.select(QUANTILE_COLUMNS.values()).to_numpy()
    grid = np.linspace(0.01, 0.99, 99)
    position = np.clip(np.searchsorted(levels, grid) - 1, 0, len(levels) - 2)
    weight = np.clip((grid - levels[position]) / (levels[position + 1] - levels[position]), 0.0, 1.0)
    draws = quantiles[:, position] * (1 - weight) + quantiles[:, position + 1] * weight
    return np.asarray(np.abs(draws - frame[_POINT].to_numpy()[:, None]).mean(axis=1))


def _interval_estimate(history: pl.DataFrame, judged: pl.DataFrame) -> float:
    realised = np.abs(history[_ACTUAL].to_numpy() - history[_POINT].to_numpy())
    correction = realised.mean() / max(expected_absolute_error(history).mean(), 1e-9)
    return float(correction * expected_absolute_error(judged).mean())


def _dle_estimate(history: pl.DataFrame, judged: pl.DataFrame) -> float:
    """NannyML's direct loss estimation from the forecast's point, width of the 80 % interval and hour."""
    from nannyml import DLE

    features = ["width", "hour"]
    shape = [
        pl.col(_POINT).alias("point"),
        (pl.col(QUANTILE_COLUMNS[0.9]) - pl.col(QUANTILE_COLUMNS[0.1])).alias("width"),
        pl.col("delivery_start_utc").dt.hour().cast(pl.Float64).alias("hour"),
    ]
    estimator = DLE(
        feature_column_names=features,
        y_pred="point",
        y_true="actual",
        metrics=["mae"],
        chunk_number=6,
        tune_hyperparameters=False,
    )
    estimator.fit(history.select(*shape, pl.col(_ACTUAL).alias("actual")).to_pandas())
    result = estimator.estimate(judged.select(shape).to_pandas()).filter(period="analysis").to_df()
    return float(result[("mae", "value")].mean())


def _nannyml_mae_threshold(errors: pl.DataFrame, settings: PerformanceSettings) -> float:
    from nannyml import PerformanceCalculator
    from nannyml.thresholds import StandardDeviationThreshold

    # One row per day, so that a chunk is the same number of days whatever the market time unit. |actual - 0|
    # is that day's MAE.
    daily = (
        errors.group_by("delivery_day", maintain_order=True)
        .agg(_mean_in_order((pl.col(_ACTUAL) - pl.col(_POINT)).abs()).alias("error"))
        .sort("delivery_day")
    )
    frame = daily.select(actual="error", point=pl.lit(0.0)).to_pandas()
    limit = StandardDeviationThreshold(
        std_lower_multiplier=None, std_upper_multiplier=settings.threshold_standard_deviations
    )
    calculator = PerformanceCalculator(
        y_true="actual",
        y_pred="point",
        problem_type="regression",
        metrics=["mae"],
        chunk_size=settings.chunk_days,
        thresholds={"mae": limit},
    )
    calculator.fit(frame)
    result = calculator.calculate(frame).to_df()
    return float(result[("mae", "upper_threshold")].iloc[-1])


def reference_days_needed(settings: PerformanceSettings) -> int:
    """Days with outcomes that a reference needs. A single chunk has no spread from which to take a limit."""
    return max(settings.minimum_reference_days, 2 * settings.chunk_days)


def _blindness(n_reference: int, n_judged: int, settings: PerformanceSettings) -> str:
    if n_judged == 0:
        return "cannot see: no rows to judge"
    n_needed = reference_days_needed(settings)
    if n_reference < n_needed:
        return f"cannot see: reference of {n_reference} days with outcomes, {n_needed} needed"
    return ""


def _with_days(frame: pl.DataFrame, days: pl.Series) -> pl.DataFrame:
    return (
        frame.filter(pl.col("delivery_day").is_in(days.to_list()))
        .drop_nulls([_POINT])
        .sort("delivery_start_utc")
    )


def _mean_in_order(values: pl.Expr) -> pl.Expr:
    """Mean of a group, added up in the order of delivery.

    Polars may split a group between threads; the sum then ends in another last bit from run to run.
    """
    return values.sort_by("delivery_start_utc").mean()


def _chunk_means(values: np.ndarray[Any, Any], size: int) -> Floats:
    whole = values[len(values) % size :]
    return np.asarray(whole.reshape(-1, size).mean(axis=1), dtype=np.float64)


def _mean(series: pl.Series) -> float:
    return float(series.mean())  # type: ignore[arg-type]


def _upper(metric: str, value: float, threshold: float, *, basis: str = "realised") -> dict[str, Any]:
    if not np.isfinite(value) or not np.isfinite(threshold):
        return _metric(
            metric,
            basis,
            None,
            None,
            "cannot_see",
            f"cannot see {basis} {metric}: {value:g} against {threshold:g} is no number to judge",
        )
    is_alert = value > threshold
    text = f"{basis} {metric} {value:.4g} over {threshold:.4g}" if is_alert else ""
    return _metric(metric, basis, value, threshold, "alert" if is_alert else "ok", text)


def _metric(
    metric: str, basis: str, value: float | None, threshold: float | None, status: str, reason: str
) -> dict[str, Any]:
    return {
        "metric": metric,
        "basis": basis,
        "value": value,
        "threshold": threshold,
        "status": status,
        "reason": reason,
    }


def _verdict(rows: list[dict[str, Any]], newest: pl.DataFrame) -> PerformanceVerdict:
    metrics = pl.DataFrame(rows, schema=METRIC_SCHEMA)
    statuses = set(metrics["status"].to_list())
    status: Status = "alert" if "alert" in statuses else ("cannot_see" if "cannot_see" in statuses else "ok")
    days = newest["delivery_day"]
    return PerformanceVerdict(
        status=status,
        reasons=tuple(text for text in metrics["reason"].to_list() if text),
        metrics=metrics,
        first_day=days[0] if days.len() else None,
        last_day=days[-1] if days.len() else None,
    )
