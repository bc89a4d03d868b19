"""`import spotdesk` and `spotdesk export`: the desk as frames and files, read-only."""

import json
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pyarrow.feather
import pyarrow.parquet
import pytest
from typer.testing import CliRunner, Result

import spotdesk
from desk.main import app
from resources.analysts.database import AnalystDatabase
from resources.home.make import make_home
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.contracts.tables import TABLES
from spot.errors import ContractError
from tests.support.decided_desk import EARNED, PERFECT, SETTLED_DAYS, make_decided_desk
from tests.support.made_up_rows import made_up
from tests.support.sample_market import ZONE

NOW = datetime(2025, 10, 9, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("door") / "desk"
    make_decided_desk(folder, NOW)
    environment = read_environment(home=folder)
    AnalystDatabase(path=str(environment.analyst_database)).publish(make_lake(environment))
    return folder


@pytest.fixture
def desk(home: Path) -> spotdesk.Desk:
    return spotdesk.open(home)


def test_reading_writes_nothing(home: Path, desk: spotdesk.Desk) -> None:
    def files() -> dict[Path, tuple[int, int]]:
        return {
            path: (path.stat().st_mtime_ns, path.stat().st_size) for path in home.rglob("*") if path.is_file()
        }

    before = files()
    assert desk.zones == (ZONE,)
    for rows in (
        desk.tables(),
        desk.prices(zone=ZONE),
        desk.forecasts(as_of=NOW),
        desk.signals(zone=[ZONE]),
        desk.money(),
        desk.models(),
        desk.sql("FROM prices"),
    ):
        assert not rows.is_empty()
    assert files() == before


def test_the_door_and_the_views_of_sql_say_the_same(desk: spotdesk.Desk) -> None:
    money = desk.sql("SELECT delivery_day, pnl_eur, perfect_foresight_eur FROM pnl ORDER BY delivery_day")
    assert desk.money().select(money.columns).equals(money)
    assert desk.money().height == SETTLED_DAYS
    assert desk.money(last_day="2025-10-09").row(0, named=True)["pnl_eur"] == EARNED
    assert desk.money()["perfect_foresight_eur"].unique().to_list() == [PERFECT]
    for instant in (NOW, NOW - timedelta(hours=2)):
        stored = desk.sql(f"FROM forecasts_as_of(TIMESTAMPTZ '{instant.isoformat()}')")
        known = desk.forecasts(as_of=instant)
        assert known.height == stored.height
    outcome = desk.sql("SELECT delivery_start_utc, price_eur_per_mwh FROM forecasts ORDER BY ALL")
    shown = desk.forecasts().select(outcome.columns).sort(outcome.columns)
    assert shown.equals(outcome)
    assert desk.prices().height == desk.sql("FROM prices").height


def test_as_of_hides_what_was_published_later(desk: spotdesk.Desk) -> None:
    rows = desk.table("day_ahead_prices")
    published = rows["available_at_utc"].sort()[rows.height // 2]
    before = desk.prices(as_of=published - timedelta(microseconds=1))
    assert before["available_at_utc"].max() < published
    assert desk.prices(as_of=published.isoformat()).height > before.height
    assert desk.forecasts(as_of="2020-01-01T00:00Z").is_empty()


def test_perfect_foresight_that_a_unit_lacks_is_unknown(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    day = date(2025, 10, 10)
    later = {"zone": ZONE, "signal_id": "b", "delivery_start_utc": NOW + timedelta(hours=9)}
    rows = made_up("settlements", {"zone": ZONE, "signal_id": "a"}, later | {"perfect_foresight_eur": None})
    lake = make_lake(read_environment(home=tmp_path / "desk"))
    lake.replace("settlements", rows, zone=ZONE, first_day=day, last_day=day)
    (row,) = spotdesk.open(tmp_path / "desk").money(role=None).to_dicts()
    assert (row["pnl_eur"], row["perfect_foresight_eur"]) == (2.0, None)


def test_an_empty_desk_has_empty_frames_and_no_registry_is_made(tmp_path: Path) -> None:
    make_home(tmp_path / "desk")
    desk = spotdesk.open(str(tmp_path / "desk"))
    assert desk.zones == ()
    assert not desk.tables()["is_there"].any()
    for rows in (desk.prices(), desk.forecasts(), desk.signals(), desk.money(), desk.models()):
        assert rows.is_empty()
    assert not (tmp_path / "desk" / "mlflow.db").exists()


def test_what_is_not_there_is_told_in_one_line(desk: spotdesk.Desk, tmp_path: Path) -> None:
    with pytest.raises(spotdesk.NoDeskError, match="spotdesk init"):
        spotdesk.open(tmp_path)
    with pytest.raises(spotdesk.ConfigurationError, match="did you mean signals"):
        desk.table("signal")
    with pytest.raises(spotdesk.ConfigurationError, match="did you mean DE_LU"):
        desk.prices(zone="DE_LX")
    with pytest.raises(spotdesk.ConfigurationError, match="YYYY-MM-DD"):
        desk.prices(first_day="31.08.2025")
    with pytest.raises(spotdesk.ConfigurationError, match="an instant"):
        desk.prices(first_day=NOW)
    with pytest.raises(spotdesk.ConfigurationError, match="time zone"):
        desk.prices(as_of="2025-08-19T10:00")
    with pytest.raises(spotdesk.ConfigurationError, match="not an instant"):
        desk.prices(as_of="yesterday")
    with pytest.raises(spotdesk.ConfigurationError, match="no delivery days"):
        desk.table("model_versions", first_day="2025-08-31")
    with pytest.raises(ContractError, match="when its rows became known"):
        desk.table("settlements", as_of=NOW)
    (tmp_path / "desk.json").write_text('{"format": 99}')
    with pytest.raises(spotdesk.DeskFormatError):
        spotdesk.open(tmp_path)


def test_every_table_has_described_columns(desk: spotdesk.Desk) -> None:
    for name in desk.tables()["table"]:
        assert desk.columns(name)["description"].str.len_chars().min(), name
    assert set(desk.tables()["table"]) == {*TABLES, "model_versions"}


def ask(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "export", *words])


def test_a_table_becomes_parquet_or_arrow_with_its_units(
    home: Path, desk: spotdesk.Desk, tmp_path: Path
) -> None:
    file = tmp_path / "prices.parquet"
    told = json.loads(ask(home, "day_ahead_prices", str(file), "--zone", ZONE, "--json").stdout)
    rows = desk.table("day_ahead_prices", zone=ZONE)
    assert (told["rows"], told["bytes"]) == (rows.height, file.stat().st_size)
    assert pl.read_parquet(file).equals(rows)
    field = pyarrow.parquet.read_schema(file).field("price_eur_per_mwh")
    assert field.metadata[b"unit"] == b"EUR/MWh"
    assert ask(home, "model_versions", str(tmp_path / "models.arrow")).exit_code == 0
    assert pyarrow.feather.read_table(tmp_path / "models.arrow").num_rows == 2
    days = ("--from", "2025-10-09", "--to", "2025-10-09", "--as-of", "2025-10-09T09:00Z")
    assert "rows of" in ask(home, "day_ahead_prices", str(file), *days).stdout
    assert pl.read_parquet(file)["delivery_day"].unique().to_list() == [date(2025, 10, 9)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["models.arrow", "prices.parquet"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("day_ahead_price", "a.parquet"), "did you mean day_ahead_prices"),
        (("day_ahead_prices", "a.xlsx"), "must end in"),
        (("day_ahead_prices", "missing/a.parquet"), "cannot be written"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = ask(home, *words)
    assert says in str(answer.exception)
    assert list(tmp_path.iterdir()) == []


def test_the_door_opens_quickly_and_without_the_graph() -> None:
    words = "import sys, spotdesk; print('trading_assets' in sys.modules, spotdesk.__version__)"
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("False ")
    assert "unknown" not in done.stdout
