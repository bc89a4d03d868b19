"""Retrains as Dagster runs them: the sensor itself, a real instance on disk, the real job.

Runs that fail, and one whose process is killed.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    Definitions,
    RunRequest,
    SensorResult,
    build_sensor_context,
    in_process_executor,
)

from resources.clock import Clock
from resources.instance.prepare import prepare_dagster_home
from resources.lake.lake import Lake
from resources.settings.environment import Environment
from resources.settings.zones import Desk, DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from resources.wiring import make_lake, make_registry, make_resources
from sensors.retraining import retrain_is_due
from spot.contracts.feature_tables import DAY_AHEAD_FEATURES, EARLIER_INPUTS, FEATURES
from spot.contracts.monitoring_tables import FEATURE_DRIFT
from tests.sensors.conftest import NOW, TODAY, OneVersion
from tests.support.narrow import some
from trading_assets.catalogue import ASSETS, CHECKS
from trading_assets.jobs import zone_retrained

ZONES = ("DE_LU", "FR")
TRAIN_FOR_EVER = """
import json, sys, time
from pathlib import Path
from dagster import DagsterInstance, Definitions, in_process_executor
from resources.settings.environment import read_environment
from resources.settings.desk import desk_resource
from resources.instance.prepare import prepare_dagster_home
from resources.wiring import make_resources
from trading_assets.models import spread_training_set, training_set
from trading_assets.catalogue import ASSETS
from trading_assets.jobs import zone_retrained

def train_for_ever(*_):
    print("training", flush=True)
    time.sleep(600)

training_set.write_price_set = spread_training_set.write_spread_set = train_for_ever
order = json.loads(sys.argv[2])
environment = read_environment(Path(sys.argv[1]))
prepare_dagster_home(environment)
resources = make_resources(environment, desk=desk_resource(environment))
definitions = Definitions(
    assets=ASSETS, jobs=[zone_retrained], resources=resources, executor=in_process_executor
)
job = definitions.resolve_job_def("zone_retrained")
with DagsterInstance.get() as instance:
    job.execute_in_process(
        instance=instance, partition_key=order["zone"], tags=order["tags"]
    )
"""


@pytest.fixture
def two_zones(environment: Environment) -> Desk:
    """A desk that looks after two zones."""
    return make_desk(
        environment.conf_folder,
        DeskSettings(zones={zone: ZoneSettings(retrain_after_days=91) for zone in ZONES}),
    )


@pytest.fixture
def instance(environment: Environment, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    """The desk's own Dagster instance, on disk."""
    monkeypatch.setenv("DAGSTER_HOME", "")  # set by prepare_dagster_home, and put back after the test
    prepare_dagster_home(environment)
    with DagsterInstance.get() as made:
        yield made


@pytest.fixture
def lake(environment: Environment) -> Lake:
    """A lake with features of a hundred days of both zones, and without any price."""
    made = make_lake(environment)
    days = [TODAY - timedelta(days=n) for n in range(99, -1, -1)]
    at = pl.col("delivery_day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    for zone in ZONES:
        rows = pl.DataFrame({"delivery_day": days}).with_columns(
            zone=pl.lit(zone),
            delivery_start_utc=at,
            resolution_minutes=pl.lit(60, pl.Int32),
            as_of_utc=at,
            newest_input_utc=pl.lit(None, pl.Datetime("us", "UTC")),
            source=pl.lit("simulated"),
            **{name: pl.lit(1.0) for name in FEATURES},
            **{name: pl.lit(None, pl.Float64) for name in EARLIER_INPUTS},
        )
        made.replace(
            "day_ahead_features",
            rows.select(DAY_AHEAD_FEATURES.columns.keys()),
            zone=zone,
            first_day=days[0],
            last_day=days[-1],
        )
    return made


@pytest.fixture
def tick(instance: DagsterInstance, lake: Lake, two_zones: Desk) -> Callable[..., Any]:
    """One evaluation of the sensor by Dagster, `minutes` after NOW."""

    def evaluate(minutes: float, registry: Any) -> list[RunRequest]:
        now = (NOW + timedelta(minutes=minutes)).isoformat()
        resources = {
            "lake": lake,
            "desk": two_zones,
            "registry": registry,
            "alerts": Alerts(lake=lake),
            "clock": Clock(fixed_utc=now),
        }
        with build_sensor_context(instance=instance, resources=resources) as context:
            found = retrain_is_due(context)
        return list(found.run_requests or []) if isinstance(found, SensorResult) else []

    return evaluate


def status_of(lake: Lake) -> list[tuple[str, str, int]]:
    rows = lake.read("retrain_requests").sort("request_id").iter_rows(named=True)
    return [(row["request_id"], row["status"], row["n_attempts"]) for row in rows]


def tags_of(request: RunRequest) -> dict[str, str]:
    """As Dagster's daemon sets them when it launches the request of a sensor."""
    return {**request.tags, "dagster/run_key": request.run_key or "", "dagster/sensor_name": "retrain_is_due"}


def test_ten_thousand_drift_events_in_a_day_are_one_retrain_per_zone(
    tick: Callable[..., Any], lake: Lake, instance: DagsterInstance
) -> None:
    launched: list[RunRequest] = []
    for number in range(10):
        for zone in ZONES:
            events = [
                {
                    "zone": zone,
                    "delivery_day": TODAY,
                    "feature": f"feature {number}.{i}",
                    "method": "wasserstein",
                    "value": 9.0,
                    "threshold": 1.0,
                    "status": "alert",
                    "reason": "over",
                    "n_reference_days": 80,
                }
                for i in range(500)
            ]
            lake.upsert("feature_drift", pl.DataFrame(events, schema=FEATURE_DRIFT.schema))
        for request in tick(144 * number, OneVersion(TODAY - timedelta(days=10))):
            launched.append(request)
            instance.add_run(
                DagsterRun(
                    job_name=zone_retrained.name, tags=tags_of(request), status=DagsterRunStatus.SUCCESS
                )
            )
    assert lake.read("feature_drift").filter(pl.col("status") == "alert").height == 10_000
    assert sorted(some(request.partition_key) for request in launched) == ["DE_LU", "FR"]
    assert status_of(lake) == [("DE_LU-drift-00001", "succeeded", 1), ("FR-drift-00001", "succeeded", 1)]


@pytest.mark.slow
def test_a_retrain_that_fails_is_killed_and_fails_again_is_never_lost_and_then_a_person_is_told(
    tick: Callable[..., Any],
    lake: Lake,
    instance: DagsterInstance,
    environment: Environment,
    two_zones: Desk,
    project_root: Path,
) -> None:
    resources = make_resources(environment, desk=two_zones)
    definitions = Definitions(
        assets=ASSETS,
        asset_checks=CHECKS,
        jobs=[zone_retrained],
        resources=resources,
        executor=in_process_executor,
    )
    job = definitions.resolve_job_def("zone_retrained")
    registry = make_registry(environment)

    def run_it(request: RunRequest) -> DagsterRunStatus:
        done = job.execute_in_process(
            instance=instance,
            partition_key=request.partition_key,
            tags=tags_of(request),
            raise_on_error=False,
        )
        return some(instance.get_run_by_id(done.run_id)).status

    mine = {request.partition_key: request for request in tick(0, registry)}
    assert set(mine) == set(ZONES), "no version yet: the schedule asks for both zones"
    first = mine["FR"]
    assert run_it(first) == DagsterRunStatus.FAILURE  # there is no price to learn from
    assert tick(1, registry) == []

    second = next(request for request in tick(17, registry) if request.partition_key == "FR")
    kill_while_it_trains(second, environment, project_root)
    (stored,) = [run for run in instance.get_runs() if run.tags.get("dagster/run_key") == second.run_key]
    assert stored.status == DagsterRunStatus.STARTED, "nobody wrote how it ended"
    tick(18, registry)
    assert ("FR-schedule-00001", "running", 2) in status_of(lake)

    third = next(request for request in tick(17 + 3 * 60 + 5, registry) if request.partition_key == "FR")
    assert len({first.run_key, second.run_key, third.run_key}) == 3
    assert run_it(third) == DagsterRunStatus.FAILURE
    tick(17 + 3 * 60 + 6, registry)
    tick(17 + 3 * 60 + 30, registry)
    assert ("FR-schedule-00001", "abandoned", 3) in status_of(lake)
    alerts = lake.read("alerts").filter(pl.col("zone") == "FR")
    assert alerts.select("kind", "severity").rows() == [("retrain_abandoned", "critical")]
    assert "FR-schedule-00001" in alerts["message"][0]
    assert registry.versions("FR") == []


def kill_while_it_trains(request: RunRequest, environment: Environment, project_root: Path) -> None:
    """Run the request in a process of its own and kill that while it trains."""
    order = json.dumps({"zone": request.partition_key, "tags": tags_of(request)})
    words = [sys.executable, "-W", "ignore", "-c", TRAIN_FOR_EVER, str(environment.home), order]
    with subprocess.Popen(
        words, cwd=project_root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline().strip() == "training"
        child.kill()
