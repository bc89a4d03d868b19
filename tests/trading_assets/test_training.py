"""The training set is made once and read.

A candidate is scored beside a champion that can no longer be read.
"""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.training_order import TrainingOrder
from resources.models.version import PRICE_FAMILY, VersionFacts
from resources.settings.environment import Environment
from resources.settings.zones import Desk, DeskSettings, make_desk
from resources.wiring import make_lake, make_registry
from spot.errors import ContractError, ForecastError
from spot.features.known_prices import known_prices
from spot.features.matrix import build_features, build_panel
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.lifecycle.decision_record import DecisionContext, manual_decision_row
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from tests.support.narrow import some
from workflows.lifecycle.price_evaluation import evaluate_price_model
from workflows.training import price_set, recorded_window
from workflows.training.price_model import train_price_model
from workflows.training.price_set import TrainingData, read_price_set, write_price_set
from workflows.training.recorded_window import RecordedWindow, find_window, record_window
from workflows.training.window import TrainingWindow

ZONE, FIRST = "FR", date(2025, 3, 1)
LEARNT, LAST = FIRST + timedelta(days=59), FIRST + timedelta(days=66)
ORDER = TrainingOrder(through_day=str(LAST))
CLOCK = Clock(fixed_utc=gate_closure_utc(ZONE, LAST + timedelta(days=1)).isoformat())


@pytest.fixture
def lake(environment: Environment) -> Lake:
    """Prices and features of two months."""
    made = make_lake(environment)
    raw = simulate(ZONE, FIRST - timedelta(days=8), LAST, seed=1).tables
    made.append("day_ahead_prices", raw["day_ahead_prices"], source="simulated")
    features = build_features(raw, zone=ZONE, days=days_between(FIRST, LAST))
    made.replace("day_ahead_features", features, zone=ZONE, first_day=FIRST, last_day=LAST)
    return made


@pytest.fixture
def short(desk: Desk) -> Desk:
    """The desk with a window that the lake can fill."""
    settings = {zone: desk.zone(zone).model_copy(update={"training_days": 56}) for zone in desk.zones}
    return make_desk(desk.conf_folder, DeskSettings(zones=settings))  # type: ignore[arg-type]


def test_what_is_read_is_what_was_written(lake: Lake, short: Desk) -> None:
    written = write_price_set(ZONE, lake, short, ORDER, CLOCK)
    read = read_price_set(ZONE, lake, short, ORDER)
    assert read.recorded == written.recorded
    assert read.window.evaluate_through == LAST
    features = lake.read("day_ahead_features", zones=[ZONE], first_day=read.window.first_day)
    prices = lake.read("day_ahead_prices", zones=[ZONE])
    direct = build_panel(features, prices, zone=ZONE)
    assert read.panel.prices.tobytes() == direct.prices.tobytes()
    assert all(read.panel.inputs[name].tobytes() == direct.inputs[name].tobytes() for name in direct.inputs)
    assert read.recorded.read_versions == {
        name: lake.version(name) for name in ("day_ahead_features", "day_ahead_prices")
    }
    assert read.recorded.table_version == lake.version("training_set")


def test_the_version_says_which_rows_it_learnt_from(
    environment: Environment, lake: Lake, short: Desk
) -> None:
    write_price_set(ZONE, lake, short, ORDER, CLOCK)
    data, registry = read_price_set(ZONE, lake, short), make_registry(environment)
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=registry.tracking_uri)
    run = client.create_run(registry.prepare()).info.run_id
    version, is_new = train_price_model(data, lake, short, registry, ORDER, now=CLOCK.now(), run_id=run)
    assert is_new
    versions = json.loads(version.tags["table_versions"])
    assert versions["training_set"] == data.recorded.table_version
    rows = lake.read("training_set", zones=[ZONE], version=versions["training_set"])
    assert price_set._fingerprint(rows) == version.tags["data_version"]
    assert train_price_model(data, lake, short, registry, ORDER, now=CLOCK.now(), run_id=run) == (
        version,
        False,
    )


def test_a_lost_registry_gives_no_number_twice(environment: Environment, lake: Lake, short: Desk) -> None:
    context = DecisionContext(
        zone=ZONE, decided_at_utc=CLOCK.now(), candidate_version="7", champion_version="6", cause="schedule",
        candidate_data_version="training:0", code_commit="c", model=f"{PRICE_FAMILY}.{ZONE}",
    )  # fmt: skip
    for one in (context, replace(context, model="settlement_spread.FR", candidate_version="90")):
        lake.append_only("promotion_decisions", manual_decision_row("promote", one, reason="before"))
    write_price_set(ZONE, lake, short, ORDER, CLOCK)
    data, registry = read_price_set(ZONE, lake, short), make_registry(environment)
    assert registry.versions(ZONE) == []
    from mlflow import MlflowClient

    run = MlflowClient(tracking_uri=registry.tracking_uri).create_run(registry.prepare()).info.run_id
    version, _ = train_price_model(data, lake, short, registry, ORDER, now=CLOCK.now(), run_id=run)
    assert version.version == "8"


def test_a_run_killed_while_it_writes_leaves_the_set_before(
    lake: Lake, short: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = write_price_set(ZONE, lake, short, ORDER, CLOCK)

    class KilledError(BaseException):
        """Stands for SIGKILL."""

    def die(*_: object) -> None:
        raise KilledError

    earlier = TrainingOrder(through_day=str(LAST - timedelta(days=1)))
    monkeypatch.setattr(recorded_window, "record_window", die)
    with pytest.raises(KilledError):
        write_price_set(ZONE, lake, short, earlier, CLOCK)
    assert lake.version("training_set") > before.recorded.table_version, "the new rows are there"
    data = read_price_set(ZONE, lake, short)
    assert (data.recorded, data.panel.last_day) == (before.recorded, LAST)


def test_a_set_that_does_not_fit_the_run_is_refused_with_the_cure(lake: Lake, short: Desk) -> None:
    with pytest.raises(ForecastError, match="no training set of day_ahead_price; materialise"):
        read_price_set(ZONE, lake, short)
    write_price_set(ZONE, lake, short, ORDER, CLOCK)
    other_day = TrainingOrder(through_day=str(LAST - timedelta(days=3)))
    with pytest.raises(ForecastError, match=f"ends on {LAST}, {LAST - timedelta(days=3)} is asked for"):
        read_price_set(ZONE, lake, short, other_day)
    on_files = make_desk(
        short.conf_folder,  # type: ignore[arg-type]
        DeskSettings(zones={ZONE: short.zone(ZONE).model_copy(update={"source": "files"})}),
    )
    with pytest.raises(ForecastError, match="is made of simulated, the settings name files"):
        read_price_set(ZONE, lake, on_files)


def test_rows_that_are_not_those_that_were_written_teach_nothing(lake: Lake, short: Desk) -> None:
    recorded = write_price_set(ZONE, lake, short, ORDER, CLOCK).recorded
    changed = lake.read("training_set", zones=[ZONE]).with_columns(pl.col("price_eur_per_mwh") + 1.0)
    report = lake.replace("training_set", changed, zone=ZONE, first_day=FIRST, last_day=LAST)
    record_window(lake, replace(recorded, table_version=report.version))
    with pytest.raises(ContractError, match=f"{recorded.data_version} was recorded"):
        read_price_set(ZONE, lake, short)


def test_a_champion_of_other_code_does_not_keep_the_zone_flat_for_ever(
    environment: Environment, desk: Desk
) -> None:
    raw = simulate(ZONE, FIRST, LAST, seed=1).tables
    panel = build_panel(
        build_features(raw, zone=ZONE, days=days_between(FIRST, LAST)), raw["day_ahead_prices"], zone=ZONE
    )
    files = dict(make_forecaster(load_settings_mapping({"kind": "naive"})).fit(panel.first(60)).to_files())
    unreadable = {
        **files,
        "settings.json": json.dumps({**json.loads(files["settings.json"]), "name": "of_other_code"}).encode(),
    }
    registry = make_registry(environment)
    versions = []
    for name, content in (("readable", files), ("unreadable", unreadable), ("candidate", files)):
        facts = VersionFacts(
            settings={"kind": "naive"}, metrics={}, fingerprint=name, lineage="simulated", trained_from=FIRST,
            trained_through=LEARNT, serves_from=LAST + timedelta(days=1), tags={},
        )  # fmt: skip
        versions.append(registry.register(ZONE, content, facts))
    readable, other, candidate = versions
    window = TrainingWindow(zone=ZONE, first_day=FIRST, learn_through=LEARNT, evaluate_through=LAST)
    recorded = RecordedWindow(
        model=PRICE_FAMILY, window=window, as_of_utc=datetime(2025, 6, 1, tzinfo=UTC), lineage="simulated",
        data_version="training:0", table_name="training_set", table_version=0, read_versions={},
    )  # fmt: skip
    data = TrainingData(recorded=recorded, panel=panel)
    published = known_prices(raw["day_ahead_prices"], zone=ZONE, first_day=FIRST, last_day=LAST)
    beside = evaluate_price_model(candidate, readable, data, published, registry, desk)
    assert beside.champion_version == readable.version
    assert np.array_equal(some(beside.champion), beside.candidate)
    alone = evaluate_price_model(candidate, other, data, published, registry, desk)
    assert alone.champion is None
    assert alone.champion_version is None
    assert np.array_equal(alone.candidate, beside.candidate)
    assert np.isfinite(alone.candidate).all()
    assert find_window(make_lake(environment), ZONE, PRICE_FAMILY) is None
