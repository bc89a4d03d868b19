"""A desk of an older Spotdesk is refused, upgraded after a backup, and works on: that of 84e1b85."""

import hashlib
import json
import re
import sqlite3
import tarfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from resources.home.dagster_runs import is_worked_on
from resources.home.find import TEMPLATES
from resources.home.found_markets import found_markets
from resources.home.make import make_home
from resources.home.marker import DeskFormatError, read_marker
from resources.home.markets import REAL, UNKNOWN, Market, MarketMemory, MixedMarketsError, market_of
from resources.home.migrations import STEPS, grow_tables
from resources.home.restore import restore
from resources.home.upgrade import upgrade
from resources.instance.prepare import prepare_dagster_home
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.settings.zones import DeskSettings, ZoneSettings
from resources.trading.state import TradingStateStore
from spot.contracts.signal_tables import PUBLICATIONS
from spot.errors import ConfigurationError
from spot.risk.state import TradingState
from tests.desk.test_moved_desk import contents, ended, run, spotdesk
from tests.support.made_up_rows import made_up

FIXTURE = Path(__file__).resolve().parents[1] / "fixtures" / "home_84e1b85.tar.xz"
SIGNALS = ("48131718e76ffdc922a1af55", "a96817b501296a52a22560dd")
"""One of the champion and one of the challenger."""
NOW = datetime(2026, 3, 1, tzinfo=UTC)
SETTINGS = (
    ("zones.yaml", "training_days: 730", "training_days: 60"),
    ("promotion.yaml", "minimum_walk_forward_days: 14", "minimum_walk_forward_days: 10"),
    ("risk_limits.yaml", "min_price_eur_per_mwh: {limit: market,", "min_price_eur_per_mwh: {limit: -500,"),
    ("risk_limits.yaml", "max_price_eur_per_mwh: {limit: market,", "max_price_eur_per_mwh: {limit: 3000,"),
)
"""File, what today's template says, and what the fixture's settings said."""


def unpacked(folder: Path) -> Path:
    with tarfile.open(FIXTURE) as tar:
        tar.extractall(folder, filter="data")
    return folder / "home"


def old_settings(folder: Path) -> Path:
    """The settings that the home was made with, as they lay in the checkout."""
    folder.mkdir(exist_ok=True)
    for name, now, then in SETTINGS:
        file = folder / name
        text = (file if file.exists() else TEMPLATES / "conf" / name).read_text()
        assert now in text
        file.write_text(text.replace(now, then))
    return folder


def upgraded(home: Path, backup: Path, conf: Path | None = None) -> list[str]:
    return upgrade(home, backup, conf=conf, now=NOW).done


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return unpacked(tmp_path)


def test_the_fixture_is_the_one_that_was_kept() -> None:
    digest = hashlib.sha256(FIXTURE.read_bytes()).hexdigest()
    assert digest == "1652d37a9ef431b1ee160e1dc36af04122ddf08c131a7cd16f56b63afa1889a4"


@pytest.mark.slow
def test_a_desk_of_84e1b85_becomes_one_of_today_and_says_what_was_done(home: Path, tmp_path: Path) -> None:
    with pytest.raises(DeskFormatError, match="spotdesk upgrade --home"):
        read_marker(home)
    before = contents(home)
    said = "\n".join(upgraded(home, tmp_path / "before.tgz", old_settings(tmp_path / "conf")))
    for part in (
        "settings: copied from",
        "paths of model files are relative",
        "pointers written for day_ahead_price.DE_LU, settlement_spread.DE_LU",
        "DE_LU stands on the simulated market with seed 1 and no scenario",
        "format 0 upgraded to 1",
    ):
        assert part in said
    assert "training_days: 60" in (home / "conf" / "zones.yaml").read_text()
    assert (home / "conf" / "risk_limits.yaml").is_file(), (
        "what the old settings lack comes from the templates"
    )
    store = TradingStateStore(home / "trading_state")
    assert (store.state("DE_LU"), store.state("FR")) == (TradingState.ACTIVE, TradingState.HALTED)
    after = contents(home)
    assert {name for name in before if name.startswith("lake/") and before[name] != after[name]} == set()
    with closing(sqlite3.connect(home / "mlflow.db")) as database:
        assert "file:" not in "\n".join(database.iterdump())

    again = upgraded(home, tmp_path / "again.tgz")
    assert (
        again == ["models: pointers written for day_ahead_price.DE_LU, settlement_spread.DE_LU"] or not again
    )


@pytest.mark.slow
def test_the_backup_gives_the_desk_as_it_was_halted(home: Path, tmp_path: Path) -> None:
    before = contents(home)
    upgraded(home, tmp_path / "before.tgz")
    restore(tmp_path / "before.tgz", tmp_path / "old", passphrase=None)
    old = tmp_path / "old"
    assert not (old / "desk.json").exists()
    assert TradingStateStore(old / "trading_state").state() is TradingState.HALTED
    for name, (digest, _) in before.items():
        if name.startswith(("lake/", "models/")) and not name.endswith(".lock"):
            assert hashlib.sha256((old / name).read_bytes()).hexdigest() == digest, name


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, len(STEPS)])
def test_an_upgrade_that_was_killed_is_made_again(
    step: int, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_: object) -> list[str]:
        raise KeyboardInterrupt

    steps = [*STEPS[:step], killed, *STEPS[step:]]
    monkeypatch.setattr("resources.home.upgrade.STEPS", steps)
    with pytest.raises(KeyboardInterrupt):
        upgraded(home, tmp_path / "first.tgz")
    monkeypatch.setattr("resources.home.upgrade.STEPS", STEPS)
    with pytest.raises(DeskFormatError):
        read_marker(home)
    upgraded(home, tmp_path / "second.tgz")
    assert read_marker(home).kind == "desk"


def test_a_newer_desk_is_refused_with_the_cure_and_left_alone(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    marker = tmp_path / "desk" / "desk.json"
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "format": 99}))
    before = contents(tmp_path / "desk")
    with pytest.raises(DeskFormatError, match="update Spotdesk"):
        upgraded(tmp_path / "desk", tmp_path / "b.tgz")
    assert contents(tmp_path / "desk") == before
    assert not (tmp_path / "b.tgz").exists()


def test_settings_that_are_named_must_be_there(home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name the folder of the settings with --conf"):
        upgraded(home, tmp_path / "b.tgz", tmp_path / "nowhere")
    assert not (home / "conf").exists()


def test_a_table_whose_contract_has_grown_gets_its_columns_and_keeps_its_rows(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    lake = Lake(uri=str(tmp_path / "desk" / "lake"))
    old = made_up("publications").drop("desk_id", "lease")
    rows = old.with_columns(delivery_month=pl.col("delivery_day").dt.strftime("%Y-%m"))
    rows.write_delta(
        f"{lake.uri}/publications", delta_write_options={"partition_by": ["zone", "delivery_month"]}
    )
    environment = read_environment(tmp_path / "desk")
    assert list(grow_tables(environment)) == [
        "table publications: columns desk_id, lease added, empty in the rows that are there"
    ]
    stored = {field.name for field in DeltaTable(f"{lake.uri}/publications").schema().fields}
    assert set(PUBLICATIONS.columns) <= stored
    kept = lake.read("publications")
    assert kept.drop("desk_id", "lease").equals(old.select(kept.drop("desk_id", "lease").columns))
    assert kept["lease"].to_list() == [None]
    assert list(grow_tables(environment)) == []


def test_a_column_that_no_row_can_go_without_is_not_made_up(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    uri = f"{tmp_path / 'desk'}/lake/alerts"
    made_up("alerts").drop("severity").write_delta(uri, delta_write_options={"partition_by": ["zone"]})
    with pytest.raises(ConfigurationError, match="table alerts lacks severity"):
        list(grow_tables(read_environment(tmp_path / "desk")))


def test_an_older_ledger_tells_its_markets(home: Path, tmp_path: Path) -> None:
    lake = Lake(uri=str(home / "lake"))
    shown = {zone: (market, warning) for zone, market, warning in found_markets(lake, _desk(seed=1))}
    assert shown == {"DE_LU": (Market(True, 1), "")}
    found = {zone: market for zone, market, _ in found_markets(lake, _desk(seed=55))}
    assert found == {"DE_LU": Market(True, 1)}, "the settings were changed since: the seed is found"
    prices = lake.read("day_ahead_prices", zones=["DE_LU"])
    other = Lake(uri=str(tmp_path / "other"))
    other.append("day_ahead_prices", prices.with_columns(pl.col("price_eur_per_mwh") + 1), source="simulated")
    ((_, market, warning),) = found_markets(other, _desk(seed=1))
    assert market == UNKNOWN
    assert "upgrade again" in warning
    real = Lake(uri=str(tmp_path / "real"))
    real.append("day_ahead_prices", prices.with_columns(source=pl.lit("smard")), source="smard")
    assert [market for _, market, _ in found_markets(real, _desk(seed=1))] == [REAL]


def test_nothing_is_added_to_a_market_that_nobody_knows(tmp_path: Path) -> None:
    memory = MarketMemory(tmp_path)
    memory.settle("DE_LU", UNKNOWN)
    for settings in (ZoneSettings(), ZoneSettings(source="files")):
        with pytest.raises(MixedMarketsError, match="no settings give any more"):
            memory.refuse_other("DE_LU", market_of(settings))


def _desk(seed: int) -> DeskSettings:
    return DeskSettings(zones={"DE_LU": ZoneSettings(seed=seed)})


def test_a_desk_that_a_daemon_works_on_is_not_upgraded(tmp_path: Path) -> None:
    from dagster import DagsterInstance
    from dagster._daemon.types import DaemonHeartbeat

    make_home(tmp_path / "desk")
    folder = prepare_dagster_home(read_environment(tmp_path / "desk"))
    assert not is_worked_on(folder, NOW)
    with DagsterInstance.from_config(str(folder)) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(NOW.timestamp(), "SCHEDULER", "id"))
    assert is_worked_on(folder, NOW + timedelta(seconds=40))
    assert not is_worked_on(folder, NOW + timedelta(minutes=5))
    with pytest.raises(ConfigurationError, match="stop it, then upgrade"):
        upgraded(tmp_path / "desk", tmp_path / "b.tgz")


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_an_upgraded_desk_replays_its_signals_and_runs_on(home: Path, tmp_path: Path) -> None:
    for refused in (("status",), ("replay", "--signal", SIGNALS[0]), ("run", "--zone", "DE_LU", *_DAYS)):
        assert "spotdesk upgrade --home" in spotdesk(home, *refused, code=2)
    said = spotdesk(home, "upgrade", "--conf", str(old_settings(tmp_path / "conf")))
    assert f"backup: {home}-before-upgrade-" in said
    for signal in SIGNALS:
        assert_replayed(home, signal)
    status = spotdesk(home, "status", "--verify")
    assert "day_ahead_price version 1: loads" in status
    assert "settlement_spread version 1: loads" in status
    run(home, *_DAYS[1::2])
    settled = Lake(uri=str(home / "lake")).read("settlements", zones=["DE_LU"])
    assert str(settled["delivery_day"].max()) == "2025-06-16"


_DAYS = ("--from", "2025-06-16", "--to", "2025-06-16")
_PAIR = re.compile(r": (-?[\d.e-]+) stored, (-?[\d.e-]+) now$")
_ESTIMATES = ("probability_frac", "value_at_risk_eur", "expected_shortfall_eur", "risk_eur_per_mwh")
"""Columns of a plan's risk: from joint paths today, from the errors of a naive forecast in the fixture."""


def assert_replayed(home: Path, signal: str) -> None:
    """The replay equals the stored rows bit for bit on a processor like that of the fixture's machine.

    On another one the matrix library adds in another order, and single precision leaves five digits. Only the
    estimates of risk are those of today's code.
    """
    done = ended(home, "replay", "--signal", signal, "--json")
    assert done.returncode in (0, 1), done.stderr
    verdicts = json.loads(done.stdout)
    assert [verdict["n_rows"] > 0 for verdict in verdicts] == [True] * len(verdicts)
    assert verdicts
    for text in (text for verdict in verdicts for text in verdict["differences"]):
        pair = _PAIR.search(text)
        if pair is None:
            # the words of the reasons are those of today's code
            assert re.search(r"^reasons: |changed since version \d+ was trained", text), text
        elif not text.startswith(_ESTIMATES):
            stored, now = map(float, pair.groups())
            assert now == pytest.approx(stored, rel=1e-5, abs=1e-3), text
