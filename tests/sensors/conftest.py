"""A desk in the middle of its life.

Features of many days, one version, verdicts of the monitors as a test wants them.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.models.version import ModelVersion
from resources.settings.zones import Desk, DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from spot.contracts.feature_tables import DAY_AHEAD_FEATURES, EARLIER_INPUTS, FEATURES
from spot.contracts.monitoring_tables import DATA_QUALITY, FEATURE_DRIFT

NOW = datetime(2025, 6, 10, 13, 0, tzinfo=UTC)
TODAY = date(2025, 6, 10)
ZONE = "FR"


class OneVersion:
    """A registry that knows one version of the zone, or none."""

    def __init__(self, evaluated_through: date | None) -> None:
        self.evaluated_through = evaluated_through

    def versions(self, zone: str) -> list[ModelVersion]:
        if self.evaluated_through is None:
            return []
        day = self.evaluated_through
        return [
            ModelVersion(
                zone=zone,
                name=zone,
                version="1",
                stage="champion",
                fingerprint="f",
                lineage="simulated",
                trained_from=day,
                trained_through=day,
                serves_from=day + timedelta(days=1),
                settings={},
                metrics={},
                tags={"evaluated_through": str(day)},
                checksums={},
                run_id="r",
                created_at_utc=NOW,
            )
        ]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake with one feature row for each of the last hundred days."""
    made = Lake(uri=str(tmp_path / "lake"))
    days = [TODAY - timedelta(days=n) for n in range(99, -1, -1)]
    rows = pl.DataFrame({"delivery_day": days}).with_columns(
        zone=pl.lit(ZONE),
        delivery_start_utc=pl.col("delivery_day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        resolution_minutes=pl.lit(60, pl.Int32),
        as_of_utc=pl.col("delivery_day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        newest_input_utc=pl.lit(None, pl.Datetime("us", "UTC")),
        source=pl.lit("simulated"),
        **{name: pl.lit(1.0) for name in FEATURES},
        **{name: pl.lit(None, pl.Float64) for name in EARLIER_INPUTS},
    )
    made.replace(
        "day_ahead_features",
        rows.select(DAY_AHEAD_FEATURES.columns.keys()),
        zone=ZONE,
        first_day=days[0],
        last_day=days[-1],
    )
    return made


@pytest.fixture
def desk(project_root: Path) -> Desk:
    """One scheduled zone."""
    return make_desk(
        project_root / "resources/home/templates/conf",
        DeskSettings(zones={ZONE: ZoneSettings(retrain_after_days=91)}),
    )


@pytest.fixture
def alerts(lake: Lake) -> Alerts:
    """Alerts into the lake, without a webhook."""
    return Alerts(lake=lake)


def write_drift(lake: Lake, day: date, status: str) -> None:
    """A verdict on drift."""
    row = {
        "zone": ZONE,
        "delivery_day": day,
        "feature": "load_forecast_mw|mean",
        "method": "wasserstein",
        "value": 9.0,
        "threshold": 1.0,
        "status": status,
        "reason": "over" if status == "alert" else "",
        "n_reference_days": 80,
    }
    lake.replace(
        "feature_drift",
        pl.DataFrame([row], schema=FEATURE_DRIFT.schema),
        zone=ZONE,
        first_day=day,
        last_day=day,
    )


def write_quality(lake: Lake, day: date, status: str) -> None:
    """A verdict on data quality."""
    row = {
        "zone": ZONE,
        "delivery_day": day,
        "series": "load_forecast_mw",
        "check": "frozen",
        "n_rows": 6,
        "value": 1.0,
        "threshold": 1.0,
        "status": status,
        "reason": "frozen",
    }
    lake.replace(
        "data_quality",
        pl.DataFrame([row], schema=DATA_QUALITY.schema),
        zone=ZONE,
        first_day=day,
        last_day=day,
    )
