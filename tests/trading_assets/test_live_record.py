"""Decisions of one desk come one after the other, and what went live stays as it was sent."""

import shutil
import threading
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
import yaml
from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    DagsterInstance,
    materialize,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.settings.zones import DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from resources.trading.locks import deciding
from resources.trading.state import TradingStateStore
from resources.trading.state_folder import StateFolder
from spot.backtest.assumptions import Assumptions
from spot.backtest.trading import run_backtest
from spot.contracts.signal_tables import PUBLICATIONS
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.risk.state import TradingState
from spot.simulation.market import simulate
from spot.strategy.proposals.storage import Storage
from spot.strategy.signals import decide_signals
from tests.support.made_up_rows import made_up
from tests.support.registry import OneVersion
from tests.support.sample_market import make_forecast, make_request
from trading_assets.checks import conformance_result
from trading_assets.monitoring.outputs import limits_were_kept, risk_limit_conformance
from trading_assets.partitions import FIRST_DAY_TAG, partition_key
from trading_assets.trading.settlement import settlement
from trading_assets.trading.signals import signals
from workflows.decisions.backtest_setup import stored_setup

ZONE, OTHER, DAY = "FR", "DE_LU", date(2025, 6, 3)
GATE = gate_closure_utc(ZONE, DAY)
TABLES = ("signals", "bid_curves", "block_orders", "risk_events", "limit_conformance")


@pytest.fixture(scope="module")
def market() -> dict[str, pl.DataFrame]:
    return dict(simulate(ZONE, DAY - timedelta(days=40), DAY + timedelta(days=2), seed=1).tables)


@pytest.fixture
def run(tmp_path: Path, project_root: Path, market: dict[str, pl.DataFrame]) -> Callable[..., Any]:
    """A live zone with a battery, and a function that materialises an asset as of an instant."""
    lake, store = Lake(uri=str(tmp_path / "lake")), TradingStateStore(tmp_path / "state")
    store.set_up()
    for table in ("day_ahead_prices", "intraday_prices", "imbalance_prices"):
        lake.append(table, market[table], source="simulated")
    before = GATE - timedelta(hours=1)
    forecasts = pl.concat([make_forecast(DAY + timedelta(days=n), zone=ZONE) for n in range(2)])
    forecasts = forecasts.with_columns(as_of_utc=pl.lit(before), newest_input_utc=pl.lit(before))
    lake.replace("day_ahead_forecasts", forecasts, zone=ZONE, first_day=DAY, last_day=DAY + timedelta(days=1))
    zone = ZoneSettings(live=True, strategies=("storage",))

    def materialise(
        asset: Any,
        now: Any,
        *,
        last: Any = DAY,
        conf: Any = project_root / "resources/home/templates/conf",
        **changes: Any,
    ) -> Any:
        settings = {ZONE: zone.model_copy(update=changes), OTHER: zone}
        resources = {
            "lake": lake,
            "desk": make_desk(conf, DeskSettings(zones=settings)),
            "registry": OneVersion(DAY - timedelta(days=5)),
            "clock": Clock(fixed_utc=now.isoformat()),
            "alerts": Alerts(lake=lake),
            "state_folder": StateFolder(path=str(store.folder)),
        }
        with DagsterInstance.ephemeral() as instance:
            tags = {FIRST_DAY_TAG: DAY.isoformat()}
            done = materialize(
                [asset],
                partition_key=partition_key(ZONE, last),
                resources=resources,
                instance=instance,
                tags=tags,
            )
        return done.asset_materializations_for_node(asset.op.name)[0].metadata

    templates = project_root / "resources/home/templates/conf"
    materialise.lake, materialise.store = lake, store  # type: ignore[attr-defined]
    desk = make_desk(templates, DeskSettings(zones={ZONE: zone, OTHER: zone}))
    materialise.desk = desk  # type: ignore[attr-defined]
    return materialise


def champion(lake: Lake, day: date = DAY) -> pl.DataFrame:
    return lake.read("signals", zones=[ZONE], first_day=day, last_day=day).filter(role="champion")


def _sent(lake: Lake) -> None:
    """The battery's day left by the webhook, forty minutes before the gate."""
    row = {
        "publication_id": "x",
        "channel": "webhook",
        "attempt": 1,
        "zone": ZONE,
        "delivery_day": DAY,
        "strategy": "storage",
        "n_signals": 24,
    }
    row |= {
        "n_orders": 8,
        "mode": "live",
        "status": "sent",
        "detail": "",
        "payload_sha256": "",
        "receipt": "HTTP 200",
    }
    lake.upsert(
        "publications",
        pl.DataFrame([{**row, "recorded_at_utc": GATE - timedelta(minutes=40)}], schema=PUBLICATIONS.schema),
    )


def test_a_zone_decides_on_the_desk_that_the_one_before_it_left(run: Any) -> None:
    decision = decide_signals(
        make_request(
            DAY,
            Storage(),
            zone=OTHER,
            forecast=make_forecast(DAY, zone=OTHER),
            as_of_utc=GATE - timedelta(minutes=46),
        )
    )
    zone = threading.Thread(target=run, args=(signals, GATE - timedelta(minutes=45)))
    with deciding(run.store.folder):
        zone.start()
        zone.join(timeout=3.0)
        assert zone.is_alive()
        run.lake.replace("signals", decision.frame, zone=OTHER, first_day=DAY, last_day=DAY)
    zone.join()
    rows = run.lake.read("limit_conformance", zones=[ZONE]).filter(limit_name="max_mwh_per_day")
    used = dict(rows.select("scope", "used").iter_rows())
    assert champion(run.lake)["volume_mw"].sum() > 0
    assert used["desk"] == pytest.approx(
        used["zone"] + decision.frame["volume_mw"].sum()
    )  # hours: MW are MWh


def test_a_replay_waits_for_nobody(run: Any) -> None:
    with deciding(run.store.folder):
        run(signals, GATE + timedelta(days=1))
    assert champion(run.lake)["mode"].unique().to_list() == ["paper"]


@pytest.mark.parametrize("is_halted", [False, True])
def test_a_day_that_was_live_keeps_its_signals_and_its_money_when_it_is_materialised_again(
    run: Any, is_halted: bool
) -> None:
    if is_halted:
        run.store.halt(ZONE, reason="stop", actor="Ann")
    assert "kept_days" not in run(signals, GATE - timedelta(minutes=45))
    stored = {table: run.lake.read(table) for table in TABLES}
    assert stored["signals"]["mode"].unique().to_list() == ["live"]
    assert stored["signals"]["trading_state"].unique().to_list() == ["HALTED" if is_halted else "ACTIVE"]
    run(settlement, GATE + timedelta(days=3))
    assert run.lake.read("settlements")["pnl_eur"].abs().sum() == 0.0  # live, and nothing left the desk
    assert run.lake.read("settlements")["side"].unique().to_list() == ["flat"]
    if not is_halted:
        _sent(run.lake)
    run(settlement, GATE + timedelta(days=3))
    money = run.lake.read("settlements")
    assert is_halted or money["pnl_eur"].abs().sum() > 0
    # the day after it, which was never live, is made as a replay beside it
    metadata = run(signals, GATE + timedelta(days=3), last=DAY + timedelta(days=1))
    assert metadata["kept_days"].value == 1
    assert "gate has passed" in metadata["kept_because"].value
    for table, rows in stored.items():
        assert run.lake.read(table, last_day=DAY).equals(rows), table
    assert champion(run.lake, DAY + timedelta(days=1))["mode"].unique().to_list() == ["paper"]
    for strategies in (("storage",), ("price_view",)):
        run(settlement, GATE + timedelta(days=3), strategies=strategies)
        assert run.lake.read("settlements", last_day=DAY).equals(money)


@pytest.mark.parametrize(("is_halted", "is_sent"), [(False, True), (False, False), (True, False)])
def test_a_backtest_of_a_live_day_gives_its_signals_and_its_money_whatever_came_later(
    run: Any, is_halted: bool, is_sent: bool
) -> None:
    """The zone was halted or not, its orders left or not.

    Later both change, and so does the verdict on drift.
    """
    if is_halted:
        run.store.halt(ZONE, reason="stop", actor="Ann")
    run(signals, GATE - timedelta(minutes=45))
    if is_sent:
        _sent(run.lake)
    run(settlement, GATE + timedelta(days=3))
    run.store.resume(ZONE, reason="looked at", actor="Ann")
    if not is_halted:
        run.store.halt(ZONE, reason="stop", actor="Ann")
    verdict = {"zone": ZONE, "delivery_day": DAY - timedelta(days=1), "status": "cannot_see"}
    drift = made_up("feature_drift", verdict)
    run.lake.replace(
        "feature_drift",
        drift,
        zone=ZONE,
        first_day=drift["delivery_day"][0],
        last_day=drift["delivery_day"][0],
    )
    setup = stored_setup(
        ZoneDays(ZONE, DAY, DAY),
        (Storage(),),
        run.lake,
        run.desk,
        cast("ModelRegistry", OneVersion(DAY - timedelta(days=5))),
        run.store.folder,
        assumed=Assumptions(),
    )
    made = run_backtest(setup, [DAY])
    stored = champion(run.lake)
    assert made.walked.signals.sort("delivery_start_utc").equals(stored)
    assert stored["trading_state"].unique().to_list() == ["HALTED" if is_halted else "ACTIVE"]
    money = run.lake.read("settlements", zones=[ZONE], first_day=DAY, last_day=DAY)
    assert made.settlements.sort("delivery_start_utc").equals(money)
    assert (money["pnl_eur"].abs().sum() > 0) is is_sent


def test_before_its_gate_a_live_day_may_be_decided_again(run: Any) -> None:
    run(signals, GATE - timedelta(minutes=45))
    run(signals, GATE - timedelta(minutes=15))
    assert champion(run.lake)["as_of_utc"].unique().to_list() == [GATE - timedelta(minutes=15)]


def test_a_day_that_never_left_as_live_is_made_again(run: Any) -> None:
    run(signals, GATE - timedelta(minutes=45), live=False)
    run(signals, GATE + timedelta(days=1))
    assert champion(run.lake)["as_of_utc"].unique().to_list() == [GATE]


def test_a_zone_that_a_person_resumed_and_a_limit_halts_again_is_told_again(
    run: Any, tmp_path: Path, project_root: Path
) -> None:
    conf = tmp_path / "conf"
    shutil.copytree(project_root / "resources/home/templates/conf", conf)
    limits = yaml.safe_load((conf / "risk_limits.yaml").read_text())
    limits["zones"]["default"]["max_gross_mw"] = {"limit": 0.1, "action": "halt"}
    (conf / "risk_limits.yaml").write_text(yaml.safe_dump(limits))
    for minutes in (45, 30):
        run(signals, GATE - timedelta(minutes=minutes), conf=conf)
        assert run.store.state(ZONE) is TradingState.HALTED
        run.store.resume(ZONE, reason="looked at", actor="Ann")
    assert run.lake.read("alerts").filter(kind="zone_halted").height == 2


def test_a_day_of_which_something_live_was_sent_keeps_its_signals(run: Any) -> None:
    run(signals, GATE - timedelta(minutes=45), live=False)
    _sent(run.lake)
    stored = run.lake.read("signals")
    run(signals, GATE + timedelta(days=1))
    assert run.lake.read("signals").equals(stored)


def _checked(run: Any, conf: Path) -> tuple[Mapping[str, Any], AssetCheckEvaluation]:
    """The asset of limits and its check, after signals were made under the limits in `conf`."""
    resources = {
        "lake": run.lake,
        "alerts": Alerts(lake=run.lake),
        "clock": Clock(fixed_utc=GATE.isoformat()),
    }
    run(signals, GATE - timedelta(minutes=45), conf=conf)
    with DagsterInstance.ephemeral() as instance:
        done = materialize(
            [risk_limit_conformance, limits_were_kept],
            partition_key=partition_key(ZONE, DAY), resources=resources, instance=instance,
        )  # fmt: skip
        (asset,) = done.asset_materializations_for_node("risk_limit_conformance")
        (kept,) = done.get_asset_check_evaluations()
    return asset.metadata, kept


def test_the_asset_of_limits_shows_their_use_and_its_check_warns_of_a_limit_that_is_missing(
    run: Any, tmp_path: Path, project_root: Path
) -> None:
    metadata, kept = _checked(run, project_root / "resources/home/templates/conf")
    assert kept.passed
    assert metadata["rows_within"].value == metadata["dagster/row_count"].value == 57
    shown = metadata["use_by_limit"].value
    assert "max_data_age_hours" in shown  # the tightest, and no price collar, which every order goes to
    assert "_price_" not in shown
    conf = tmp_path / "conf"
    shutil.copytree(project_root / "resources/home/templates/conf", conf)
    limits = yaml.safe_load((conf / "risk_limits.yaml").read_text())
    del limits["zones"]["default"]["max_net_mw"]
    (conf / "risk_limits.yaml").write_text(yaml.safe_dump(limits))
    _, denied = _checked(run, conf)
    assert not denied.passed
    assert denied.severity is AssetCheckSeverity.WARN
    assert denied.description == "denied: storage zone max_net_mw"
    run.lake.replace(
        "limit_conformance",
        run.lake.read("limit_conformance").clear(),
        zone=ZONE,
        first_day=DAY,
        last_day=DAY,
    )
    assert conformance_result(run.lake.read("limit_conformance")).severity is AssetCheckSeverity.ERROR
