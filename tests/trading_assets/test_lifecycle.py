"""One desk through the life of a version.

What a training run leaves in MLflow, challengers compared in the graph, a rollback at the next signal.
"""

import json
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import AssetKey, DagsterInstance

from desk.in_process import ChainRequest, ChainRunner, run_chain
from desk.models.champion import rollback
from resources.analysts.database import AnalystDatabase
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.code_version import lock_hash, model_code_version
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from resources.wiring import make_lake, make_registry
from spot.market.gates import gate_closure_utc
from tests.support.narrow import number, some
from tests.support.versions import register_twin
from trading_assets.partitions import partition_key

ZONE, FIRST = "FR", date(2025, 9, 1)
LAST = FIRST + timedelta(days=13)


@pytest.mark.slow
def test_a_version_is_documented_compared_in_shadow_promoted_and_taken_back(
    environment: Environment, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with DagsterInstance.ephemeral() as instance:
        run_chain(
            ChainRequest(
                zones=(ZONE,), first_day=FIRST, last_day=LAST, block_days=14, retrains_on_drift=False
            ),
            environment=environment,
            desk=desk,
            instance=instance,
        )
        lake, registry = make_lake(environment), make_registry(environment)
        first = registry.champion(ZONE)
        assert first is not None
        mlflow_run_says_what_it_was(registry, first)

        event = instance.get_latest_materialization_event(AssetKey(["risk_limit_conformance"]))
        shown = some(some(event).asset_materialization).metadata
        assert number(shown["dagster/row_count"].value) > 0
        twin = register_twin(registry, first, evaluated_through=str(FIRST))
        registry.set_stage(ZONE, twin.version, "challenger")
        runner = ChainRunner(environment, desk, instance)
        now = max(
            gate_closure_utc(ZONE, LAST + timedelta(days=1)),
            gate_closure_utc(ZONE, LAST) + timedelta(hours=24),
        )
        runner.run("history_traded", partition_key(ZONE, LAST), now=now, first_day=FIRST)
        roles = set(
            lake.read("signals", zones=[ZONE]).select("role", "model_version", "mode").unique().rows()
        )
        assert roles == {("champion", first.version, "paper"), ("challenger", twin.version, "paper")}
        assert lake.read("publications").is_empty(), (
            "nothing of a challenger, nor of a replay, leaves the desk"
        )
        runner.run("challengers_reviewed", ZONE, now=gate_closure_utc(ZONE, LAST + timedelta(days=1)))
        comparison_is_metadata_and_table(instance, environment, lake, first, twin)

        registry.promote(ZONE, twin.version, serves_from=LAST + timedelta(days=1))
        assert signals_of_tomorrow(runner, lake) == {twin.version}
        monkeypatch.setenv("SPOTDESK_HOME", str(environment.home))
        started = time.perf_counter()
        rollback(zone=ZONE, by="A. Trader", reason="strange prices", to=None, as_json=True)
        assert time.perf_counter() - started < 5.0
        assert signals_of_tomorrow(runner, lake) == {first.version}


def mlflow_run_says_what_it_was(registry: ModelRegistry, version: ModelVersion) -> None:
    from mlflow import MlflowClient

    assert version.tags["lock_hash"] == lock_hash()
    assert version.tags["code_version"] == model_code_version(version.settings)
    walked = json.loads(version.tags["evaluation"])["days"]
    assert date.fromisoformat(walked[0]) == version.trained_through + timedelta(
        days=1
    )  # judged on days that it never saw
    assert date.fromisoformat(walked[-1]) < version.serves_from
    client = MlflowClient(tracking_uri=registry.tracking_uri)
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    assert {
        "data_version",
        "table_versions",
        "code_commit",
        "lock_hash",
        "seed",
        "profile",
        "model.kind",
    } <= set(run.data.params)
    assert "walk_forward_mae_candidate" in run.data.metrics
    plots = Path(registry.artifact_folder) / version.run_id / "artifacts" / "plots"
    assert [file.name for file in plots.iterdir()] == ["walk_forward_errors.png"]


def comparison_is_metadata_and_table(
    instance: Any, environment: Environment, lake: Lake, first: ModelVersion, twin: ModelVersion
) -> None:
    rows = lake.read("model_comparisons", zones=[ZONE])
    total = rows.filter(pl.col("slice") == "total").row(0, named=True)
    assert (total["version_a"], total["version_b"], total["n_days"]) == (twin.version, first.version, 14)
    assert total["mae_a_eur_per_mwh"] == total["mae_b_eur_per_mwh"]
    assert total["error_p_value"] == 1.0
    assert set(rows["slice"]) == {"total", "hour", "month"}
    event = instance.get_latest_materialization_event(AssetKey(["model_comparison"]))
    shown = event.asset_materialization.metadata
    assert shown["n_challengers"].value == 1
    assert all("data:image/png;base64," in shown[name].value for name in ("error_by_hour", "gain"))
    database = AnalystDatabase(path=str(environment.analyst_database))
    database.publish(lake)
    assert database.query("SELECT count(*) AS n FROM model_comparisons WHERE slice = 'total'")[
        "n"
    ].to_list() == [1]


def signals_of_tomorrow(runner: ChainRunner, lake: Lake) -> set[str]:
    tomorrow = LAST + timedelta(days=1)
    now = datetime.combine(LAST, datetime.min.time(), tzinfo=UTC) + timedelta(hours=9)
    runner.run("signals_ready", partition_key(ZONE, tomorrow), now=now)
    made = lake.read("signals", zones=[ZONE], first_day=tomorrow, last_day=tomorrow).filter(
        pl.col("role") == "champion"
    )
    return set(made["model_version"])
