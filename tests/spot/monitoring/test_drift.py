"""Drift is seen, ordinary days are not drift, and a blind monitor says that it is blind."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spot.monitoring.drift import DriftVerdict, assess_drift
from spot.monitoring.drift_calculators import RECONSTRUCTION
from spot.monitoring.profiles import reference_days
from spot.monitoring.settings import DriftSettings, ReferenceSettings
from tests.support.narrow import day_of

SETTINGS = DriftSettings(
    threshold_standard_deviations=4.0,
    reconstruction_standard_deviations=5.0,
    maximum_missing_share=0.2,
    reference=ReferenceSettings(gap_days=0),
)
START = date(2022, 1, 1)


def daily(n_days: int = 900, *, seed: int = 1) -> pl.DataFrame:
    """Load with a yearly swing, wind without, and a price made of both."""
    rng = np.random.default_rng(seed)
    day = np.arange(n_days)
    load = 50_000 + 8_000 * np.cos(2 * np.pi * day / 365.25) + rng.normal(0, 1_500, n_days)
    wind = rng.gamma(4.0, 3_000, n_days)
    price = 20 + (load - wind) / 700 + rng.normal(0, 5, n_days)
    days = [START + timedelta(days=int(i)) for i in day]
    return pl.DataFrame(
        {"delivery_day": days, "load_mw|mean": load, "wind_mw|mean": wind, "price|mean": price}
    )


def judge(frame: pl.DataFrame, settings: DriftSettings = SETTINGS) -> DriftVerdict:
    first_judged = frame["delivery_day"][-settings.chunk_days]
    return assess_drift(
        reference_days(frame, first_day=first_judged, settings=settings.reference), frame, settings
    )


def changed(frame: pl.DataFrame, column: str, expression: pl.Expr, *, n_days: int = 7) -> pl.DataFrame:
    is_new = pl.col("delivery_day") > frame["delivery_day"][-n_days - 1]
    return frame.with_columns(pl.when(is_new).then(expression).otherwise(pl.col(column)).alias(column))


def test_ordinary_days_are_no_drift_in_any_season() -> None:
    frame = daily(1100)
    statuses = [judge(frame.head(n)).status for n in range(740, 1100, 70)]
    assert statuses == ["ok"] * len(statuses)


def test_a_season_alone_alarms_a_plain_window_and_not_this_one() -> None:
    frame = daily(3 * 365 + 110).select("delivery_day", "load_mw|mean")
    plain = SETTINGS.model_copy(
        update={
            "reference": ReferenceSettings(n_earlier_years=0, recent_days=56, minimum_days=28, gap_days=60)
        }
    )
    assert judge(frame, plain).status == "alert"
    assert judge(frame).status == "ok"


def test_a_shift_is_drift_and_the_feature_is_named() -> None:
    verdict = judge(changed(daily(), "price|mean", pl.col("price|mean") * 2))
    assert verdict.status == "alert"
    assert any(reason.startswith("price|mean") for reason in verdict.reasons)
    named = verdict.features.filter(pl.col("feature") == "price|mean").row(0, named=True)
    assert named["value"] > named["threshold"]
    assert verdict.last_day == daily()["delivery_day"][-1]


def test_a_broken_relation_is_seen_by_all_columns_together() -> None:
    """Each column keeps its own distribution; only their relation is gone."""
    rng = np.random.default_rng(5)
    base = rng.normal(size=(600, 1))
    values = base + 0.05 * rng.normal(size=(600, 6))
    values[-7:] = rng.permuted(values[300:307] * np.array([1, -1, 1, -1, 1, -1]), axis=0)
    frame = pl.DataFrame(
        {
            "delivery_day": [START + timedelta(days=i) for i in range(600)],
            **{f"f{i}": values[:, i] for i in range(6)},
        }
    )
    verdict = judge(frame)
    assert RECONSTRUCTION in verdict.features.filter(pl.col("status") == "alert")["feature"].to_list()


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda f: f.with_columns(pl.lit(None, dtype=pl.Float64).alias("price|mean")),
            "all null in the reference",
        ),
        (lambda f: f.with_columns(pl.lit(float("nan")).alias("price|mean")), "all null in the reference"),
        (lambda f: f.with_columns(pl.lit(7.0).alias("price|mean")), "constant in the reference"),
        (lambda f: changed(f, "price|mean", pl.lit(None, dtype=pl.Float64)), "all null in the judged days"),
        (
            lambda f: changed(f, "price|mean", pl.lit(None, dtype=pl.Float64), n_days=3),
            "missing in the judged days",
        ),
        (lambda f: f.tail(40), "reference of"),
        (lambda f: f.select("delivery_day"), "no column to watch"),
    ],
)
def test_a_monitor_that_cannot_see_says_so(spoil: Callable[..., Any], text: str) -> None:
    verdict = judge(spoil(daily()))
    assert verdict.status == "cannot_see"
    assert any(text in reason for reason in verdict.reasons)


def test_a_column_that_was_always_zero_drifts_once_it_is_not() -> None:
    idle = daily().with_columns(pl.lit(0.0).alias("wind_mw|mean"))
    assert judge(idle).status == "ok", "nothing has begun, and the other columns are judged"
    begun = judge(changed(idle, "wind_mw|mean", pl.lit(900.0)))
    assert begun.status == "alert"
    assert begun.reasons == ("wind_mw|mean: 0 on all days of the reference, now above 0 on 100% of the days",)
    for_two_days = judge(changed(idle, "wind_mw|mean", pl.lit(900.0), n_days=2))
    assert for_two_days.status == "ok"


def test_no_rows_to_judge_is_no_silence() -> None:
    frame = daily()
    verdict = assess_drift(frame, frame.clear(), SETTINGS)
    assert verdict.status == "cannot_see"
    assert verdict.reasons == ("cannot see: no rows to judge",)
    assert verdict.last_day is None


def test_an_alert_wins_over_a_blind_column_and_both_are_told() -> None:
    frame = changed(daily(), "price|mean", pl.col("price|mean") * 3).with_columns(
        pl.lit(1.0).alias("wind_mw|mean")
    )
    verdict = judge(frame)
    assert verdict.status == "alert"
    assert any("cannot see wind_mw|mean" in reason for reason in verdict.reasons)


def test_reference_holds_the_season_and_no_judged_day() -> None:
    frame = daily(900)
    first_judged = date(2024, 6, 1)
    days = reference_days(
        frame,
        first_day=first_judged,
        settings=ReferenceSettings(recent_days=28, season_half_width_days=14, gap_days=0),
    )["delivery_day"]
    assert day_of(days.max()) < first_judged
    assert days.len() == 28 + 2 * 28
    assert days.is_sorted()
    assert {day.month for day in days} <= {5, 6}
