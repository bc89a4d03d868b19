"""A run that anybody launches cannot say where the desk sends, what it keeps to, or what time it is.

The attacks are real: the webserver of Dagster without a guard, GET requests as a foreign web page makes them,
and a listener that counts what arrives.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from dagster_webserver.app import create_app_from_workspace_process_context

from resources.home.make import make_home
from resources.lake.lake import Lake
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
    outbox = ("published_signals",)
    foreign_state = str(home.parent / "foreign_state")
    return {
        "token to a foreign address": (
            "auction_results_loaded",
            (),
            {"market_source": {"base_urls": {"entsoe": attacker.url}}},
        ),
        "orders while halted": ("signals_ready", outbox, {"outbox": {"state_folder": foreign_state}}),
        "a clock before the gate": ("signals_ready", outbox, {"clock": {"fixed_utc": "2025-06-02T09:00Z"}}),
        "another lake": ("signals_ready", outbox, {"lake": {"uri": str(home.parent / "other")}}),
        "a live zone": ("signals_ready", outbox, {"desk": {"zones": {ZONE: {"live": True}}}}),
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
