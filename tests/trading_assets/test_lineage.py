"""The graph tells the truth: what assets and checks declare is what they read in a real run, both ways."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckSeverity,
    AssetsDefinition,
    AssetSpec,
    DagsterEventType,
    DagsterInstance,
    materialize,
)

from desk.in_process import ChainRequest, ChainRunner, run_chain
from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.models.registry import ModelRegistry
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.settings.zones import Desk, ZoneSettings
from resources.trading.alerts import Alerts
from resources.trading.state_folder import StateFolder
from resources.wiring import make_registry
from spot.market.gates import gate_closure_utc
from tests.resources.test_market_source_live import DAY, answer
from tests.resources.test_us_providers import DAY as US_DAY
from tests.resources.test_us_providers import WESTERN
from tests.resources.test_us_providers import Desk as Providers
from tests.support.narrow import some
from tests.support.provider_server import faulty_provider, sends
from tests.support.recorded_reads import RecordedReads, recorded_reads
from tests.support.versions import register_twin
from tests.support.wall_clock import set_wall_clock
from tests.trading_assets.test_weather import lake_with_history
from tests.trading_assets.test_weather import run as run_own_forecasts
from trading_assets.catalogue import ASSETS, CHECKS, assets_for
from trading_assets.frame.reads import EARLIER_READS, PRICE_MODELS, RECORDS, SPREAD_MODELS, nodes_of
from trading_assets.jobs import JOBS
from trading_assets.market_data.weather import own_forecasts
from trading_assets.partitions import partition_key
from trading_assets.upkeep.books import books_verification, the_books_verify
from trading_assets.upkeep.lake import every_file_is_sound, lake_maintenance

pytestmark = pytest.mark.timeout(900)  # the jobs of two weeks, on a machine with much else to do
ZONE, FIRST = "FR", date(2025, 8, 4)
LAST = FIRST + timedelta(days=13)
RAW = {name for name, earlier in EARLIER_READS.items() if set(earlier) == {name, "captures"}}
"""Raw tables are read by what fetches them from live sources alone: see the tests at the end."""


@dataclass
class Ran:
    """What all jobs of a desk read, and what they left."""

    reads: RecordedReads
    instance: DagsterInstance
    desk: Desk


BEFORE_TRAINING = {"champion:champion_exists": {"day_ahead_features"}}
"""What a check reads before the first training alone, which `test_green.py` runs."""


@pytest.fixture(scope="module")
def ran(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Iterator[Ran]:
    """A fresh desk: history, training, two weeks on paper, a challenger in shadow, and the day before a
    gate.
    """
    folder = tmp_path_factory.mktemp("lineage")
    shutil.copytree(project_root / "resources/home/templates/conf", folder / "conf")
    (folder / "home").mkdir()
    shutil.copy(prepared_home / "mlflow.db", folder / "home" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch, DagsterInstance.ephemeral() as instance:
        patch.setenv("SPOTDESK_CONF", str(folder / "conf"))
        environment = read_environment(folder / "home")
        desk = a_desk(environment)
        with recorded_reads() as reads:
            run_all_jobs(environment, desk, instance)
        yield Ran(reads, instance, desk)


def a_desk(environment: Environment) -> Desk:
    """Settings with a price model that is trained in a second, and every strategy."""
    (environment.conf_folder / "models" / "quick.yaml").write_text("kind: naive\nrule: mixed\n")
    limits = "first_champion_maximum_rmae: 3.0\nminimum_walk_forward_days: 10\nrequires_shadow: false\n"
    sanity = "sanity: {minimum_training_days: 30, range_widths: 20.0}\n"
    (environment.conf_folder / "promotion.yaml").write_text(limits + sanity)
    return desk_resource(
        environment,
        zones=[ZONE],
        model="quick",
        training_days=70,
        minimum_training_days=45,
        evaluation_days=10,
        strategies=("settlement_spread", "storage"),
    )


def run_all_jobs(environment: Environment, desk: Desk, instance: DagsterInstance) -> None:
    chain = ChainRequest(
        zones=(ZONE,), first_day=FIRST, last_day=LAST, block_days=14, retrains_on_drift=False
    )
    run_chain(chain, environment=environment, desk=desk, instance=instance)
    runner, after = ChainRunner(environment, desk, instance), gate_closure_utc(ZONE, LAST + timedelta(days=1))
    challenge(make_registry(environment))
    runner.run("history_traded", partition_key(ZONE, LAST), now=after, first_day=FIRST)
    runner.run("challengers_reviewed", ZONE, now=after)
    tomorrow = partition_key(ZONE, LAST + timedelta(days=1))
    before = datetime.combine(LAST, datetime.min.time(), tzinfo=UTC) + timedelta(hours=9)
    with pytest.MonkeyPatch.context() as patch:
        set_wall_clock(patch, before)  # signals leave before the gate of the true clock alone
        for job in ("signals_ready", "auction_results_loaded", "raw_captured"):
            runner.run(job, tomorrow, now=before)
    delivered = datetime.combine(LAST, datetime.min.time(), tzinfo=UTC) + timedelta(days=1, hours=13)
    runner.run("delivered_days_settled", partition_key(ZONE, LAST), now=delivered, first_day=FIRST)
    runner.run("sources_watched", None, now=before)
    runner.run("database_published", None)
    state_folder = StateFolder(path=str(environment.trading_state))
    resources = {"lake": runner.lake, "desk": desk, "registry": runner.registry, "clock": Clock()}
    resources |= {"state_folder": state_folder, "alerts": Alerts(lake=runner.lake)}
    upkeep = [lake_maintenance, every_file_is_sound, books_verification, the_books_verify]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPOTDESK_HOME", str(environment.home))  # the books are those of the process's own desk
        materialize(upkeep, resources=resources, instance=instance)


def challenge(registry: ModelRegistry) -> None:
    """A challenger of each family: the champion once more under another number."""
    for family in (registry, registry.of_family("settlement_spread")):
        first = family.champion(ZONE)
        assert first is not None
        twin = register_twin(family, first, evaluated_through=str(FIRST))
        family.set_stage(ZONE, twin.version, "challenger")


def declared(asset: AssetsDefinition) -> set[str]:
    """What the assets of a step show as their reads."""
    shown = {name for spec in asset.specs for name in spec.metadata["reads"].split(", ")}
    return shown - {"nothing"}


def earlier(asset: AssetsDefinition) -> set[str]:
    return {name for spec in asset.specs for name in EARLIER_READS.get(spec.key.to_user_string(), ())}


def step_of(asset: AssetsDefinition) -> str:
    return " and ".join(spec.key.to_user_string() for spec in asset.specs)


def steps_of(desk: Desk) -> list[AssetsDefinition]:
    return assets_for({name: desk.zone(name) for name in desk.zones})


@pytest.mark.slow
def test_every_asset_reads_what_it_declares_and_no_more(ran: Ran) -> None:
    wrong = {}
    for asset in steps_of(ran.desk):
        told = declared(asset) | earlier(asset)
        found = ran.reads.of[step_of(asset)] - ({"alerts"} - told)
        unread = set() if step_of(asset) in RAW else told - found
        if unread or found - told:
            wrong[step_of(asset)] = {"declared and never read": unread, "read, not declared": found - told}
    assert wrong == {}


@pytest.mark.slow
def test_every_check_reads_what_it_declares_and_no_more(ran: Ran) -> None:
    wrong = {}
    for check in CHECKS:
        keys = list(check.check_keys)
        asset = keys[0].asset_key.to_user_string()
        name = f"{asset}:{keys[0].name}" if len(keys) == 1 else f"{asset}:checks"
        told = {one for spec in check.check_specs for one in spec.metadata["reads"].split(", ")} - {"nothing"}
        unread = told - ran.reads.of[name] - BEFORE_TRAINING.get(name, set())
        if unread or ran.reads.of[name] - told:
            wrong[name] = told ^ ran.reads.of[name]
    assert wrong == {}


@pytest.mark.slow
def test_no_step_reads_anything_outside_of_its_body(ran: Ran) -> None:
    assert ran.reads.unguarded == set()
    known = {step_of(asset) for asset in steps_of(ran.desk)}
    assert {name for name in ran.reads.of if ":" not in name} <= known


@pytest.mark.slow
def test_all_jobs_have_run_for_this(ran: Ran) -> None:
    assert {run.job_name for run in ran.instance.get_runs()} >= {job.name for job in JOBS}


@pytest.mark.slow
def test_every_event_says_which_version_of_which_table_it_read(ran: Ran) -> None:
    for asset in steps_of(ran.desk):
        for key in asset.keys:
            event = ran.instance.get_latest_materialization_event(key)
            assert event is not None, key
            shown: Any = some(event.asset_materialization).metadata["tables_read"].value
            assert all(version >= -1 for version in shown.values()), key


@pytest.mark.slow
def test_a_fresh_desk_ends_without_red_and_says_when_the_young_can_be_judged(ran: Ran) -> None:
    found = [
        some(entry.dagster_event).asset_check_evaluation_data
        for run in ran.instance.get_runs()
        for entry in ran.instance.all_logs(run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION)
    ]
    failed = [one for one in found if not one.passed]
    red = [one for one in failed if one.severity is AssetCheckSeverity.ERROR]
    assert [f"{one.asset_key.to_user_string()}: {one.description}" for one in red] == []
    young = {
        one.asset_key.to_user_string() for one in failed if "can be judged from 20" in (one.description or "")
    }
    assert young == {"forecast_performance", "forecast_explanations", "reported_drift"}
    assert {f"{one.asset_key.to_user_string()}:{one.check_name}" for one in found} >= {
        f"{key.asset_key.to_user_string()}:{key.name}"
        for check in CHECKS
        for key in check.check_keys
        if key.asset_key in {key for asset in steps_of(ran.desk) for key in asset.keys}
    }


def test_dependencies_are_the_nodes_of_what_is_read() -> None:
    """With the list of earlier reads, the edges of the graph are the reads.

    Only models are told node by node.
    """
    models = {
        spec.key.to_user_string()
        for asset in ASSETS
        for spec in asset.specs
        if "models" in (spec.group_name or "")
    }
    for asset in ASSETS:
        own = {spec.key.to_user_string() for spec in asset.specs}
        parents = {dep.asset_key.to_user_string() for spec in asset.specs for dep in spec.deps} - own
        by_node = declared(asset) & {PRICE_MODELS, SPREAD_MODELS, "training_windows"}
        nodes = {node for name in declared(asset) - by_node for node in nodes_of(name)} - own
        assert nodes <= parents, step_of(asset)
        assert parents - nodes <= (models if by_node else set()), step_of(asset)


def test_earlier_reads_are_only_what_would_close_a_circle() -> None:
    parents = {
        spec.key.to_user_string(): {dep.asset_key.to_user_string() for dep in spec.deps}
        | _made_with(spec, asset)
        for asset in ASSETS
        for spec in asset.specs
    }

    def ancestors(name: str) -> set[str]:
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = parents.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        return found

    for name, earlier_reads in EARLIER_READS.items():
        for table, why in earlier_reads.items():
            nodes = set(nodes_of(table))
            assert table in RECORDS or any(name in ancestors(node) | {node} for node in nodes), (
                f"{name}: {table}"
            )
            assert len(why) > 20, f"{name}: {table}"


def _made_with(spec: AssetSpec, asset: AssetsDefinition) -> set[str]:
    """The other assets of the step: they are made together, so each waits for what any of them reads."""
    return {other.key.to_user_string() for other in asset.specs} - {spec.key.to_user_string()}


def test_own_forecasts_read_what_they_declare(tmp_path: Path) -> None:
    lake = lake_with_history(tmp_path)
    with recorded_reads() as reads:
        run_own_forecasts(lake, own=True)
    assert reads.of["own_forecasts"] == declared(own_forecasts)


def test_a_live_source_is_asked_with_what_its_asset_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prices in euro stand beside what the source said before.

    Dollars and the rates of their days have tables.
    """
    monkeypatch.setenv("SPOTDESK_PJM_KEY", "some-key")
    prices = next(asset for asset in ASSETS if step_of(asset) == "day_ahead_prices")
    with faulty_provider() as server, faulty_provider() as charts, recorded_reads() as reads:
        Providers(tmp_path, server)
        charts.plan = [sends(answer(DAY))]
        urls = {"pjm": f"{server.url}/pjm", "ecb": f"{server.url}/ecb", "energy_charts": charts.url}
        lake = Lake(uri=str(tmp_path / "lake"))
        source = MarketSource(
            lake=lake, alerts=Alerts(lake=lake), data_folder="", http_folder=str(tmp_path), base_urls=urls
        )
        for zone, name, day in ((WESTERN, "pjm", US_DAY), ("BE", "energy_charts", DAY)):
            desk = Desk(conf_folder="", zones={zone: ZoneSettings(source=name).model_dump(mode="json")})
            resources = {"lake": lake, "desk": desk, "market_source": source, "clock": Clock()}
            assert materialize([prices], partition_key=partition_key(zone, day), resources=resources).success
    assert lake.read("day_ahead_prices")["zone"].n_unique() == 2
    assert reads.of["day_ahead_prices"] == declared(prices) | earlier(prices)
