"""Worse forecasts are seen with outcomes and without; a blind monitor says so."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.monitoring.performance import (
    assess_performance,
    daily_scores,
    estimate_performance,
    expected_absolute_error,
)
from spot.monitoring.settings import PerformanceSettings

SETTINGS = PerformanceSettings()
START = datetime(2024, 1, 1, tzinfo=UTC)


def scored(
    n_days: int,
    *,
    seed: int = 3,
    sigma: float = 8.0,
    bias: float = 0.0,
    stated_sigma: float = 8.0,
    first: int = 0,
) -> pl.DataFrame:
    """Normal errors around a point forecast; quantiles that claim `stated_sigma`."""
    rng = np.random.default_rng(seed)
    n = n_days * 24
    at = [START + timedelta(hours=first * 24 + i) for i in range(n)]
    point = 60 + 20 * np.sin(np.arange(n) * 2 * np.pi / 24)
    actual = point + bias + rng.normal(0, sigma, n)
    quantiles = {name: point + stated_sigma * norm.ppf(level) for level, name in QUANTILE_COLUMNS.items()}
    return pl.DataFrame(
        {
            "delivery_day": [t.date() for t in at],
            "delivery_start_utc": at,
            **quantiles,
            "price_point_eur_per_mwh": point,
            "price_eur_per_mwh": actual,
            "naive_eur_per_mwh": actual + rng.normal(0, 16, n),
        }
    )


def test_scores_are_those_of_the_normal_law() -> None:
    scores = daily_scores(scored(200))
    assert scores["mae"].mean() == pytest.approx(8 * np.sqrt(2 / np.pi), rel=0.02)
    assert scores["coverage"].mean() == pytest.approx(0.8, abs=0.015)
    assert scores.columns == ["delivery_day", "mae", "pinball", "coverage", "naive_mae"]
    assert expected_absolute_error(scored(1)).mean() == pytest.approx(8 * np.sqrt(2 / np.pi), rel=0.05)


def test_the_same_quality_is_ok() -> None:
    verdict = assess_performance(scored(84), scored(7, seed=9, first=84), SETTINGS)
    assert verdict.status == "ok"
    assert verdict.metrics["metric"].to_list() == ["mae", "pinball", "coverage", "rmae"]
    assert verdict.last_day == date(2024, 3, 31)


@pytest.mark.parametrize(
    ("change", "metric"),
    [({"bias": 12.0}, "mae"), ({"sigma": 20.0}, "pinball"), ({"stated_sigma": 2.0}, "coverage")],
)
def test_worse_is_an_alert(change: dict[str, float], metric: str) -> None:
    verdict = assess_performance(scored(84), scored(7, seed=9, first=84, **change), SETTINGS)
    assert verdict.status == "alert"
    assert metric in verdict.metrics.filter(pl.col("status") == "alert")["metric"].to_list()


def test_worse_than_naive_is_an_alert_even_if_it_always_was() -> None:
    bad = scored(84, sigma=8.0).with_columns(naive_eur_per_mwh=pl.col("price_eur_per_mwh") + 1.0)
    new = scored(7, seed=9, first=84).with_columns(naive_eur_per_mwh=pl.col("price_eur_per_mwh") + 1.0)
    assert any("rmae" in reason for reason in assess_performance(bad, new, SETTINGS).reasons)


@pytest.mark.parametrize("method", ["intervals", "dle"])
def test_the_estimate_needs_no_outcome_and_sees_wider_forecasts(method: str) -> None:
    settings = PerformanceSettings(estimate_with=method)
    history = scored(84, sigma=12.0)  # quantiles too narrow: the estimate must correct for it
    unknown = pl.lit(None, dtype=pl.Float64).alias("price_eur_per_mwh")
    same = estimate_performance(history, scored(7, seed=9, first=84).with_columns(unknown), settings)
    assert same.status == "ok"
    assert same.metrics["value"][0] == pytest.approx(12 * np.sqrt(2 / np.pi), rel=0.1)
    if method == "intervals":
        wide = estimate_performance(
            history, scored(7, seed=9, first=84, stated_sigma=14.0).with_columns(unknown), settings
        )
        assert wide.status == "alert"


def test_blindness_is_said() -> None:
    good = scored(84)
    unknown = good.with_columns(price_eur_per_mwh=pl.lit(None, dtype=pl.Float64))
    assert assess_performance(good, unknown, SETTINGS).status == "cannot_see"
    assert assess_performance(unknown, good, SETTINGS).status == "cannot_see"
    assert assess_performance(good.clear(), good, SETTINGS).status == "cannot_see"
    assert estimate_performance(good, good.clear(), SETTINGS).status == "cannot_see"
    assert estimate_performance(unknown, good, SETTINGS).status == "cannot_see"


def test_what_cannot_be_a_number_is_no_ok() -> None:
    history, newest = scored(84), scored(7, seed=9, first=84)
    lost = assess_performance(
        history, newest.with_columns(naive_eur_per_mwh=pl.lit(None, dtype=pl.Float64)), SETTINGS
    )
    assert dict(lost.metrics.select("metric", "status").rows()) == {
        "mae": "ok",
        "pinball": "ok",
        "coverage": "ok",
        "rmae": "cannot_see",
    }
    assert lost.status == "cannot_see"
    one_chunk = PerformanceSettings(minimum_reference_days=7)
    assert assess_performance(scored(13), newest, one_chunk).reasons == (
        "cannot see: reference of 13 days with outcomes, 14 needed",
    )
    spoilt = newest.with_columns(price_point_eur_per_mwh=pl.lit(float("nan")))
    assert estimate_performance(history, spoilt, SETTINGS).status == "cannot_see"


def test_the_order_of_the_rows_changes_no_bit() -> None:
    frame = scored(120)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=1)
    assert daily_scores(shuffled).equals(daily_scores(frame))
    assert assess_performance(shuffled, scored(14, first=120), SETTINGS).metrics.equals(
        assess_performance(frame, scored(14, first=120), SETTINGS).metrics
    )
