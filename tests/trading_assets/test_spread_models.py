"""The model of the spread in the graph.

Trained with the price model, named in every signal, and without it there is no position.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dagster import DagsterInstance

from desk.in_process import ChainRequest, ChainRunner, run_chain
from desk.models import compare as compare_command
from desk.models.champion import promote, rollback
from desk.models.compare import compare
from desk.models.decisions import explain_decision
from desk.models.dossier import dossier
from desk.models.family import Family
from resources.lake.lake import Lake
from resources.models.model_files import forget_files
from resources.models.registry import ModelRegistry
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from resources.wiring import make_lake, make_registry
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.walk.signals import walk_signals
from tests.support.narrow import some
from tests.support.versions import register_twin
from trading_assets.partitions import partition_key
from workflows.decisions.inputs import book_before, walk_inputs
from workflows.decisions.replay import replay_signal
from workflows.lifecycle.evaluation import evaluation_from_json
from workflows.lifecycle.verify_champions import verify_champions
from workflows.training.recorded_window import find_window

ZONE, FIRST = "FR", date(2025, 8, 4)
LAST = FIRST + timedelta(days=6)


@pytest.fixture
def ran(environment: Environment, desk: Desk) -> tuple[Lake, ModelRegistry]:
    """A week on the simulated market."""
    run_chain(
        ChainRequest(zones=(ZONE,), first_day=FIRST, last_day=LAST, block_days=7),
        environment=environment,
        desk=desk,
    )
    return make_lake(environment), make_registry(environment)


def decide_again(ran: tuple[Lake, ModelRegistry], desk: Desk, environment: Environment) -> pl.DataFrame:
    lake, registry = ran
    now, span = gate_closure_utc(ZONE, LAST), ZoneDays(ZONE, LAST, LAST)
    inputs = walk_inputs(span, lake, desk, registry, environment.trading_state, now)
    return walk_signals(inputs, span.days, book_before(span, lake)).signals


def test_the_model_is_trained_on_the_past_named_in_the_signals_and_without_it_there_is_no_position(
    environment: Environment, desk: Desk, ran: tuple[Lake, ModelRegistry]
) -> None:
    from mlflow import MlflowClient

    lake, registry = ran
    spreads = registry.of_family(SPREAD_FAMILY)
    (version,) = spreads.versions(ZONE)
    assert (version.stage, version.lineage) == ("champion", "simulated against intraday_vwap")
    assert version.trained_through < version.serves_from <= FIRST
    assert set(spreads.files(version)) == {"spread_model.cbm", "spread_model.json"}
    evaluation = evaluation_from_json(version.tags["evaluation"])
    assert evaluation.days[0] == version.trained_through + timedelta(days=1)
    assert 0 < evaluation.means()["candidate"] < 2 * evaluation.means()["naive"]
    assert evaluation.sanity.is_sane
    recorded = find_window(lake, ZONE, SPREAD_FAMILY)
    assert recorded is not None
    assert recorded.data_version == version.tags["data_version"]
    assert json.loads(version.tags["table_versions"])["spread_training_set"] == recorded.table_version
    assert {v.name for v in registry.versions(ZONE)} == {f"day_ahead_price.{ZONE}"}  # the families do not mix
    decisions = lake.read("promotion_decisions", zones=[ZONE]).filter(pl.col("model") == version.name)
    assert decisions.select("candidate_version", "action", "candidate_data_version").rows() == [
        ("1", "promote", version.tags["data_version"])
    ]
    params = MlflowClient(tracking_uri=registry.tracking_uri).get_run(version.run_id).data.params
    assert {
        "data_version",
        "table_versions",
        "code_commit",
        "code_version",
        "lock_hash",
        "seed",
        "cause",
        "model.iterations",
    } <= set(params)

    signals = lake.read("signals", zones=[ZONE]).filter(pl.col("role") == "champion")
    assert signals["strategy_model_version"].unique().to_list() == [version.version]
    assert signals["edge_eur_per_mwh"].null_count() == 0
    row = signals.filter(pl.col("delivery_day") == LAST).row(0, named=True)
    assert all(
        verdict.is_equal for verdict in replay_signal(row, lake, desk, registry, environment.trading_state)
    )

    against_nothing = environment.conf_folder / "strategies" / "settlement_spread.yaml"
    content = against_nothing.read_text()
    against_nothing.write_text("strategy: settlement_spread\nsettled_against: ida3\ndistribution: catboost\n")
    assert decide_again(ran, desk, environment)["reasons"].unique().to_list() == [
        "flat: only 0 past days with a second price (ida3), 30 are needed"
    ]
    against_nothing.write_text(content)

    file = environment.artifact_folder / version.run_id / "artifacts" / "model" / "spread_model.cbm"
    file.write_bytes(b"damaged")
    forget_files()
    damaged = decide_again(ran, desk, environment)
    assert damaged["side"].unique().to_list() == ["flat"]
    assert damaged["strategy_model_version"].unique().to_list() == [None]
    assert damaged["reasons"].unique().to_list() == [
        "flat: no spread model serves this day, or one of its inputs is missing"
    ]
    assert_a_run_tells_of_a_damaged_model(environment, desk, ran)


def assert_a_run_tells_of_a_damaged_model(
    environment: Environment, desk: Desk, ran: tuple[Lake, ModelRegistry]
) -> None:
    """A run with it is flat, raises one alert however often it runs, and `status --verify` names it."""
    lake, registry = ran
    now = gate_closure_utc(ZONE, LAST + timedelta(days=1)) + timedelta(hours=24)
    with DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            ChainRunner(environment, desk, instance).run(
                "history_traded", partition_key(ZONE, LAST), now=now, first_day=LAST
            )
    signals = lake.read("signals", zones=[ZONE], first_day=LAST).filter(pl.col("role") == "champion")
    assert signals["side"].unique().to_list() == ["flat"]
    told = lake.read("alerts", zones=[ZONE]).filter(pl.col("kind") == "model_damaged")
    assert told["severity"].to_list() == ["critical"]
    assert f"settlement_spread is flat from {LAST}: spread version 1" in told["message"][0]
    problems = {one.family: one.problem for one in verify_champions(registry, [ZONE])}
    assert "not those that were registered" in problems[SPREAD_FAMILY]
    assert not problems[PRICE_FAMILY]


@pytest.mark.slow
def test_a_challenger_runs_in_the_shadow_is_compared_promoted_and_taken_back(
    environment: Environment,
    desk: Desk,
    ran: tuple[Lake, ModelRegistry],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    lake, registry = ran
    spreads = registry.of_family(SPREAD_FAMILY)
    first = spreads.version(ZONE, "1")
    twin = register_twin(spreads, first)
    spreads.set_stage(ZONE, twin.version, "challenger")
    before = lake.read("signals", zones=[ZONE])
    with DagsterInstance.ephemeral() as instance:
        runner = ChainRunner(environment, desk, instance)
        now = gate_closure_utc(ZONE, LAST + timedelta(days=1)) + timedelta(hours=24)
        runner.run("history_traded", partition_key(ZONE, LAST), now=now, first_day=FIRST)
        runner.run("challengers_reviewed", ZONE, now=now)
    assert lake.read("signals", zones=[ZONE]).equals(before), "the desk's own signals know nothing of it"
    said = lake.read("spread_forecasts", zones=[ZONE])
    assert set(said.select("role", "model_version").unique().rows()) == {
        ("champion", "1"),
        ("challenger", twin.version),
    }
    told = ("delivery_day", "delivery_start_utc", "side", "volume_mw", "limit_price_eur_per_mwh")
    shadow = lake.read("spread_shadow_signals", zones=[ZONE])
    assert shadow.select(told).equals(before.filter(pl.col("role") == "champion").select(told))
    money = lake.read("spread_shadow_settlements", zones=[ZONE])
    own = lake.read("settlements", zones=[ZONE]).filter(pl.col("role") == "champion")
    assert money["pnl_eur"].to_list() == own["pnl_eur"].to_list()
    assert (money["pnl_eur"] != 0).any()
    total = lake.read("spread_comparisons", zones=[ZONE]).filter(pl.col("slice") == "total")
    assert total.select("version_a", "version_b").rows() == [(twin.version, "1")]
    assert total["pnl_a_eur"].to_list() == total["pnl_b_eur"].to_list()
    assert spreads.version(ZONE, twin.version).stage == "challenger", "seven days decide nothing"

    monkeypatch.setenv("SPOTDESK_HOME", str(environment.home))
    monkeypatch.setattr(compare_command, "desk_resource", lambda *_, **__: desk)
    capsys.readouterr()
    compare(zone=ZONE, versions=(twin.version, "1"), model=Family.SPREAD, as_json=True)
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["pinball_a_eur_per_mwh"] == rows[0]["pinball_b_eur_per_mwh"] > 0
    page = tmp_path / "dossier.html"
    dossier(zone=ZONE, version=twin.version, model=Family.SPREAD, output=page, as_json=True)
    for word in (
        "spread between a zone",
        "spread_week_mean",
        "--model spread",
        "every file has the checksum",
    ):
        assert word in page.read_text()

    promote(zone=ZONE, version=twin.version, by="A. Trader", reason="twin", model=Family.SPREAD, as_json=True)
    promoted = some(spreads.champion(ZONE))
    assert (promoted.version, promoted.serves_from) == (twin.version, LAST + timedelta(days=1))
    row = before.filter(pl.col("delivery_day") == LAST, pl.col("role") == "champion").row(0, named=True)
    replay_is_equal(row, lake, desk, registry, environment)
    rollback(zone=ZONE, by="A. Trader", reason="enough", model=Family.SPREAD, as_json=True)
    assert some(spreads.champion(ZONE)).version == "1"
    spreads.set_stage(ZONE, "1", "withdrawn")
    spreads.promote(ZONE, twin.version)
    replay_is_equal(row, lake, desk, registry, environment)
    capsys.readouterr()
    explain_decision(None, zone=ZONE, version=twin.version, model=Family.SPREAD, as_json=True)
    assert {row["action"] for row in json.loads(capsys.readouterr().out)} == {"promote", "rollback"}


def replay_is_equal(
    row: Any, lake: Lake, desk: Desk, registry: ModelRegistry, environment: Environment
) -> None:
    """Bit for bit, whoever serves the day today."""
    verdicts = replay_signal(row, lake, desk, registry, environment.trading_state)
    assert all(verdict.is_equal for verdict in verdicts), verdicts
