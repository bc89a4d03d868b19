"""A desk of one zone whose tomorrow is decided, with its money, limits, alerts and versions."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import yaml

from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.models.version import VersionFacts
from resources.settings.environment import read_environment
from resources.trading.alerts import Alerts
from resources.wiring import make_lake, make_registry
from spot.contracts.signal_tables import SETTLEMENTS
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.strategy.proposals.storage import Storage
from spot.strategy.request import SignalDecision
from spot.strategy.signals import decide_signals
from tests.support.made_up_rows import made_up
from tests.support.sample_market import ZONE, make_book, make_forecast, make_request

EARNED, PERFECT = 100.0, 125.0
"""EUR of the champion each settled day, and of perfect foresight."""
SETTLED_DAYS, PRICED_DAYS = 40, 45
OPEN_ALERT = "DE_LU is late: no prices since yesterday"
ZONES_YAML = yaml.safe_dump({"zones": {ZONE: {"source": "simulated", "strategies": ["storage"]}}})


def make_decided_desk(home: Path, now: datetime, settings: Mapping[str, str] | None = None) -> date:
    """Make the desk, `settings` as in `make_home`; returns tomorrow of its zone, whose orders stand."""
    limits = yaml.safe_dump(make_book().document)
    make_home(home, settings={"zones.yaml": ZONES_YAML, "risk_limits.yaml": limits, **(settings or {})})
    environment = read_environment(home=home)
    lake, today = make_lake(environment), delivery_day_of(ZONE, now)
    tomorrow = today + timedelta(days=1)
    decided = min(now, gate_closure_utc(ZONE, tomorrow) - timedelta(minutes=20))
    known = {
        "as_of_utc": pl.lit(decided),
        "newest_input_utc": pl.lit(decided - timedelta(hours=2)),
        "model_version": pl.lit("1"),
    }
    market = simulate(ZONE, today - timedelta(days=PRICED_DAYS), today, seed=2).tables
    lake.append("day_ahead_prices", market["day_ahead_prices"], source="simulated")
    decision = decide_signals(
        make_request(
            tomorrow,
            Storage(),
            forecast=make_forecast(tomorrow).with_columns(**known),
            as_of_utc=decided,
            limits=make_book(),
        )
    )
    for day in (today, tomorrow):
        forecast = make_forecast(day).with_columns(**known)
        lake.replace("day_ahead_forecasts", forecast, zone=ZONE, first_day=day, last_day=day)
    _write_decision(lake, decision, tomorrow)
    lake.replace(
        "settlements",
        _settlements(today),
        zone=ZONE,
        first_day=today - timedelta(days=SETTLED_DAYS),
        last_day=today,
    )
    alerts = Alerts(lake=lake)
    alerts.send("series_is_late", OPEN_ALERT, zone=ZONE, severity="critical", now=now)
    alerts.send("drift_found", "the load has moved", zone=ZONE, now=now - timedelta(hours=1))
    _register(home, today)
    return tomorrow


def _write_decision(lake: Lake, decision: SignalDecision, day: date) -> None:
    for table, frame in (("signals", decision.frame), ("limit_conformance", decision.conformance)):
        lake.replace(table, frame, zone=ZONE, first_day=day, last_day=day)


def _settlements(last: date) -> pl.DataFrame:
    days = [last - timedelta(days=n) for n in range(SETTLED_DAYS)]
    rows = [
        {
            "zone": ZONE,
            "signal_id": f"settled on {day}",
            "delivery_day": day,
            "delivery_start_utc": datetime.fromisoformat(f"{day}T12:00:00+00:00"),
            "resolution_minutes": 60,
            "side": "buy",
            "pnl_eur": EARNED,
            "perfect_foresight_eur": PERFECT,
            "currency": "EUR",
            "mode": "paper",
            "settled_against": "nothing",
        }
        for day in days
    ]
    return made_up(SETTLEMENTS.name, *rows)


def _register(home: Path, today: date) -> None:
    registry = make_registry(read_environment(home=home))
    for number, age in ((1, 60), (2, 20)):
        facts = VersionFacts(
            settings={"kind": "naive"},
            metrics={},
            fingerprint=f"f{number}",
            lineage="simulated",
            trained_from=today - timedelta(days=400),
            trained_through=today - timedelta(days=age),
            serves_from=today - timedelta(days=age - 1),
            tags={"cause": "schedule"},
        )
        registry.register(ZONE, {"model.json": b"{}"}, facts)
    registry.promote(ZONE, "1")
    registry.set_stage(ZONE, "2", "challenger")
