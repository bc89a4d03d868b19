"""A run that anybody launches cannot say where the desk sends, what it keeps to, or what time it is.

The attacks are real: the webserver of Dagster without a guard, GET requests as a foreign web page makes them,
and a listener that counts what arrives.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from dagster import Definitions, build_init_resource_context
from dagster_webserver.app import create_app_from_workspace_process_context

from definitions import build_definitions
from resources.fixed_resource import FixedResource
from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.trading.leases import LeaseStore
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.signals import decide_signals
from tests.support.dagster_ui import LAUNCH, as_get, ask, launch_parameters, served, workspace_of_desk
from tests.support.provider_server import FaultyProvider, faulty_provider, sends
from tests.support.sample_market import ZONE, make_request

HARMLESS = {"loggers.console.config.log_level", "loggers.console.config.name"}
"""All that the configuration of any run may set: what the log of the run shows."""
FOREIGN = {"Host": "evil.example", "Origin": "http://evil.example"}
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of Dagster's own
    # A run that is executed inside a request leaves a coroutine of asyncio behind.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def order_day() -> date:
    """A delivery day whose gate is open for some hours."""
    return delivery_day_of(ZONE, utc_now()) + timedelta(days=2)


def live_orders(lake: Lake, day: date) -> None:
    as_of = gate_closure_utc(ZONE, day) - timedelta(hours=1)
    made = decide_signals(make_request(day, SettlementSpread(), as_of_utc=as_of, mode="live"))
    lake.replace("signals", made.frame, zone=ZONE, first_day=day, last_day=day)
    lake.replace("limit_conformance", made.conformance, zone=ZONE, first_day=day, last_day=day)


@pytest.fixture
def attacker() -> Iterator[FaultyProvider]:
    """A foreign address, and the receiver of the desk's live orders."""
    with faulty_provider() as server:
        server.plan = [sends(b"<Acknowledgement_MarketDocument/>")]
        yield server


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, attacker: FaultyProvider) -> Path:
    """A halted paper desk with a token and a webhook, and orders that an attacker would like to leave."""
    home = tmp_path / "desk"
    zones = f"partition_years: 1\nzones:\n  {ZONE}: {{source: entsoe}}\n"
    make_home(home, settings={"zones.yaml": zones})
    for name, value in {
        "SPOTDESK_HOME": str(home),
        "SPOTDESK_ENTSOE_TOKEN": "canary-token",
        "SPOTDESK_SIGNAL_WEBHOOK_URL": f"{attacker.url}/orders",
        "SPOTDESK_SIGNAL_WEBHOOK_SECRET": "canary-secret",
    }.items():
        monkeypatch.setenv(name, value)
    LeaseStore(home).give(ZONE, by="Ann", reason="the only desk", now=utc_now())
    TradingStateStore(home / "trading_state").halt(None, reason="a test", actor="Ann")
    TradingStateStore(tmp_path / "foreign_state").set_up()
    live_orders(Lake(uri=str(home / "lake")), order_day())
    return home


def attacks(home: Path, attacker: FaultyProvider) -> dict[str, tuple[str, tuple[str, ...], dict]]:
    """Name to job, assets and what the run configuration names."""
    send, foreign = ("published_signals",), home.parent / "foreign"
    foreign_source = {
        "base_urls": {"entsoe": attacker.url},
        "data_folder": str(foreign),
        "http_folder": str(foreign),
    }
    foreign_outbox = {"state_folder": str(home.parent / "foreign_state"), "home": str(home)}
    live = {"conf_folder": str(home / "conf"), "zones": {ZONE: {"source": "simulated", "live": True}}}
    return {
        "token to a foreign address": ("auction_results_loaded", (), {"market_source": foreign_source}),
        "orders while halted": ("signals_ready", send, {"outbox": foreign_outbox}),
        "a clock before the gate": ("signals_ready", send, {"clock": {"fixed_utc": "2025-06-02T09:00Z"}}),
        "another lake": ("signals_ready", send, {"lake": {"uri": str(foreign)}}),
        "a live zone": ("history_traded", (), {"desk": live}),
    }


def test_a_run_with_foreign_resources_is_refused_by_dagster_and_nothing_leaves(desk, attacker):
    with (
        workspace_of_desk(desk) as workspace,
        served(create_app_from_workspace_process_context(workspace)) as port,
    ):
        for name, (job, assets, resources) in attacks(desk, attacker).items():
            config = {"resources": {key: {"config": value} for key, value in resources.items()}}
            sent = as_get(LAUNCH, launch_parameters(job, ZONE, order_day(), config, assets))
            _, text = ask(port, sent, headers=FOREIGN)
            answer = json.loads(text)["data"]["launchRun"]
            assert attacker.asked == [], name
            assert answer["__typename"] == "RunConfigValidationInvalid", (name, text)
        assert workspace.instance.get_runs_count() == 0
        # The same run without configuration is launched, and the stop button of the desk holds.
        sent = as_get(
            LAUNCH, launch_parameters("signals_ready", ZONE, order_day(), {}, ("published_signals",))
        )
        _, text = ask(port, sent, headers=FOREIGN)
        assert json.loads(text)["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", text
    rows = Lake(uri=str(desk / "lake")).read("publications")
    assert set(rows["status"]) == {"refused"}
    assert attacker.asked == []


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Definitions:
    return build_definitions(read_environment(tmp_path_factory.mktemp("home")))


def settable(config_type, path: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths of all values that a configuration may give."""
    fields = getattr(config_type, "fields", None)
    if fields is None:
        yield ".".join(path)
        return
    for name, field in fields.items():
        yield from settable(field.config_type, (*path, name))


def test_the_configuration_of_a_run_sets_nothing_but_its_log_in_any_job(definitions):
    jobs = definitions.get_repository_def().get_all_jobs()
    assert len(jobs) > 10
    found = {job.name: set(settable(job.run_config_schema.config_type)) for job in jobs}
    assert {name: paths - HARMLESS for name, paths in found.items() if paths - HARMLESS} == {}
    assert all(paths == HARMLESS for paths in found.values())


def test_no_resource_of_any_job_takes_configuration_even_if_dagster_let_it_through(definitions):
    foreign = {"uri": "s3://evil", "state_folder": "/tmp/evil", "fixed_utc": "2025-06-02T09:00Z"}
    seen = {}
    for job in definitions.get_repository_def().get_all_jobs():
        for name, resource in job.resource_defs.items():
            assert list(settable(resource.config_schema.config_type)) == [], (job.name, name)
            seen[name] = resource
    fixed = {name: resource for name, resource in seen.items() if name not in ("mlflow", "io_manager")}
    assert {"lake", "desk", "clock", "outbox", "alerts", "market_source", "state_folder"} <= fixed.keys()
    for name, resource in fixed.items():
        given = resource.resource_fn(build_init_resource_context(config=foreign))
        assert isinstance(given, FixedResource), name
        assert "evil" not in repr(given), name
        with pytest.raises(TypeError, match="not configured at launch"):
            type(given).configure_at_launch()
    assert fixed["clock"].resource_fn(build_init_resource_context(config=foreign)).fixed_utc == ""
