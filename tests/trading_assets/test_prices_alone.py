"""A zone with prices alone: what its monitors say of each day, and what trading makes of that."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.lake import Lake
from spot.features.matrix import build_features
from spot.market.delivery import days_between
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import monitor_inputs
from spot.risk.exposure import DRIFT_LEVELS
from spot.simulation.market import simulate
from workflows.decisions.inputs import drift_statuses
from workflows.monitoring.rows import drift_rows

ZONE, FIRST, N_DAYS = "NL", date(2024, 1, 1), 90
LAST = FIRST + timedelta(days=N_DAYS - 1)
BLOCKS_ABOVE = 2.0
"""`max_drift_level` of a new desk."""


@pytest.fixture(scope="module")
def features() -> pl.DataFrame:
    prices = simulate(ZONE, FIRST, LAST, seed=4).tables["day_ahead_prices"]
    return build_features({"day_ahead_prices": prices}, zone=ZONE, days=days_between(FIRST, LAST))


def status_after(features: pl.DataFrame, day: date, folder: Path) -> str:
    """What trading reads for the day after the monitors have judged `day`."""
    lake, settings = Lake(uri=str(folder / f"{day}")), MonitoringSettings()
    watch = monitor_inputs(features, last_day=day, settings=settings)
    rows = drift_rows(watch, zone=ZONE, last_day=day)
    lake.replace("feature_drift", rows, zone=ZONE, first_day=day, last_day=day)
    tomorrow = day + timedelta(days=1)
    return drift_statuses(lake, ZONE, [tomorrow])[tomorrow]


@pytest.mark.parametrize("n_days", [2, 40, 60, 75])
def test_prices_that_are_young_do_not_stop_trading(
    n_days: int, features: pl.DataFrame, tmp_path: Path
) -> None:
    status = status_after(features, FIRST + timedelta(days=n_days - 1), tmp_path)
    assert status in ("not_assessed", "ok")
    assert DRIFT_LEVELS[status] <= BLOCKS_ABOVE


def test_prices_that_went_missing_are_not_seen(features: pl.DataFrame, tmp_path: Path) -> None:
    until = FIRST + timedelta(days=70)
    assert status_after(features.filter(pl.col("delivery_day") < until), LAST, tmp_path) == "cannot_see"


def test_one_young_input_beside_a_blind_one_stays_blind(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path))
    rows = pl.DataFrame({"feature": ["load", "price"], "status": ["too_young", "cannot_see"]}).with_columns(
        zone=pl.lit(ZONE),
        delivery_day=pl.lit(LAST),
        method=pl.lit(None, pl.String),
        value=pl.lit(None, pl.Float64),
        threshold=pl.lit(None, pl.Float64),
        reason=pl.lit("made up"),
        n_reference_days=pl.lit(0, pl.Int64),
    )
    lake.replace("feature_drift", rows, zone=ZONE, first_day=LAST, last_day=LAST)
    tomorrow = LAST + timedelta(days=1)
    assert drift_statuses(lake, ZONE, [tomorrow]) == {tomorrow: "cannot_see"}
