"""Bad data is found row by row and suppresses retraining; good data that changes its level does not."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.monitoring.data_quality import (
    DataQualityVerdict,
    assess_data_quality,
    without_faulty,
    without_implausible_days,
)
from spot.monitoring.settings import DataQualitySettings
from tests.support.narrow import number

SETTINGS = DataQualitySettings()
START = datetime(2024, 3, 1, tzinfo=UTC)
N_NEW = 14 * 24


def frame(n_days: int = 104) -> pl.DataFrame:
    rng = np.random.default_rng(2)
    hour = np.arange(n_days * 24)
    load = 50_000 + 8_000 * np.sin(2 * np.pi * hour / 24) + rng.normal(0, 800, len(hour))
    solar = np.maximum(0.0, -np.cos(2 * np.pi * hour / 24)) * rng.uniform(2_000, 20_000, len(hour))
    at = [START + timedelta(hours=int(i)) for i in hour]
    return pl.DataFrame(
        {"delivery_day": [t.date() for t in at], "delivery_start_utc": at, "load": load, "solar": solar}
    ).cast({"delivery_start_utc": pl.Datetime("us", "UTC")})


def judge(data: pl.DataFrame, settings: DataQualitySettings = SETTINGS) -> DataQualityVerdict:
    return assess_data_quality(data.head(data.height - N_NEW), data.tail(N_NEW), settings)


def spoilt(rows: slice, expression: pl.Expr) -> pl.DataFrame:
    data = frame().with_row_index("row")
    hit = pl.col("row").is_between(rows.start, rows.stop - 1)
    return data.with_columns(pl.when(hit).then(expression).otherwise("load").alias("load")).drop("row")


N = 104 * 24


def test_good_data_is_ok_and_night_is_no_frozen_sensor() -> None:
    verdict = judge(frame())
    assert verdict.status == "ok"
    assert not verdict.suppresses_retraining
    assert verdict.faulty.is_empty()


def test_a_new_level_is_not_bad_data() -> None:
    """A market that doubles is drift, and drift is not this monitor's business."""
    assert judge(spoilt(slice(N - N_NEW, N), pl.col("load") * 1.6)).status == "ok"


@pytest.mark.parametrize(
    ("rows", "expression", "check"),
    [
        (slice(N - 60, N - 36), pl.lit(47_000.0), "frozen"),
        (slice(N - 48, N - 24), pl.col("load") * 1000, "unit"),
        (slice(N - 48, N - 24), pl.col("load") / 1000, "unit"),
        (slice(N - 48, N - 24), pl.lit(0.0), "unit"),
        (slice(N - 60, N - 10), pl.lit(None, dtype=pl.Float64), "missing"),
        (slice(N - 60, N - 10), pl.lit(float("nan")), "missing"),
        (slice(N - 5, N - 4), pl.lit(900_000.0), "range"),
        (slice(N - 5, N - 4), pl.lit(-700_000.0), "range"),
    ],
)
def test_bad_data_is_named_and_suppresses_retraining(rows: slice, expression: pl.Expr, check: str) -> None:
    data = spoilt(rows, expression)
    verdict = judge(data)
    assert verdict.status == "alert"
    assert verdict.suppresses_retraining
    found = verdict.faulty.filter(pl.col("check") == check)
    expected = data["delivery_start_utc"][rows.start : rows.stop].to_list()
    assert set(expected) <= set(found["delivery_start_utc"].to_list())
    assert found["series"].unique().to_list() == ["load"]


@pytest.mark.parametrize("n_days_before", [0, 1, 8, 16])
def test_plants_that_have_only_begun_are_no_bad_data(n_days_before: int) -> None:
    """`n_days_before` of the judged days the first plants begin; until then their output is zero."""
    row = frame().height - N_NEW - 24 * n_days_before
    calm_first = pl.when(pl.int_range(pl.len()) < row + 24).then(pl.col("load") / 1000).otherwise("load")
    begun = pl.when(pl.int_range(pl.len()) < row).then(0.0).otherwise(calm_first)
    data = frame().with_columns(wind=begun)
    verdict = judge(data)
    assert verdict.status == "ok", verdict.reasons
    kept = without_implausible_days(data.select("delivery_day", "delivery_start_utc", "wind"))
    assert kept.filter(pl.col("wind") > 1_000)["wind"].null_count() == 0
    assert kept["wind"].null_count() <= 24, "no day but the first, which is a thousandth of the others"


def test_a_doubled_hour_is_bad_data() -> None:
    data = frame()
    verdict = judge(pl.concat([data, data.tail(1).with_columns(pl.col("load") + 1)]))
    assert verdict.status == "alert"
    assert "doubled" in verdict.faulty["check"].to_list()


def test_an_older_fault_does_not_hide_a_new_one() -> None:
    data = spoilt(slice(N - 30 * 24, N - 27 * 24), pl.lit(47_000.0)).with_row_index("row")
    data = data.with_columns(
        pl.when(pl.col("row") >= N - 24).then(pl.lit(46_000.0)).otherwise("load").alias("load")
    ).drop("row")
    assert "frozen" in judge(data).faulty["check"].to_list()


def test_quarantined_values_are_hidden_from_the_other_monitors() -> None:
    data = spoilt(slice(N - 48, N - 24), pl.col("load") * 1000)
    clean = without_faulty(data, judge(data).faulty)
    assert clean["load"].null_count() == 24
    assert clean["solar"].equals(data["solar"])
    assert number(clean["load"].max()) < 100_000


def test_blindness_is_said() -> None:
    data = frame()
    assert assess_data_quality(data, data.clear(), SETTINGS).status == "cannot_see"
    assert assess_data_quality(data.head(48), data.tail(48), SETTINGS).status == "cannot_see"
    unknown = assess_data_quality(data.drop("solar"), data.tail(N_NEW), SETTINGS)
    assert unknown.status == "cannot_see"
    assert any(reason.startswith("solar: cannot see") for reason in unknown.reasons)
    empty_past = data.with_columns(pl.lit(None, dtype=pl.Float64).alias("load"))
    assert assess_data_quality(empty_past, data.tail(N_NEW), SETTINGS).status == "cannot_see"
