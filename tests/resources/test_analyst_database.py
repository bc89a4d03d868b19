"""The analyst database: whole, commented, shut off, swapped in while others read.

And the ten questions of the docs answer.
"""

import json
import re
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl
import pytest

from resources.analysts.database import AnalystDatabase
from resources.analysts.views import AnalystView
from resources.lake.lake import Lake
from resources.models.version import ModelVersion
from spot.contracts.tables import TABLES
from spot.errors import ConfigurationError
from tests.support.made_up_rows import made_up
from tests.support.narrow import some
from tests.support.raw_rows import good_price_row, price_frame, raw_day

READER = """
import sys
import duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(connection.execute("SELECT count(*) FROM day_ahead_prices").fetchone()[0])
"""
DAY, GATE = date(2025, 10, 10), datetime(2025, 10, 9, 10, tzinfo=UTC)


def fill(lake: Lake) -> None:
    """One zone, two days, a champion and a challenger; small numbers with known answers."""
    days = [date(2025, 10, 9), DAY]
    for day in days:
        lake.append("day_ahead_prices", raw_day("day_ahead_prices", "DE_LU", day, 50.0), source="files")
    lake.append(
        "day_ahead_prices", price_frame(good_price_row(price_eur_per_mwh=float("nan"))), source="files"
    )
    start = raw_day("day_ahead_prices", "DE_LU", DAY, 50.0)["delivery_start_utc"][0]
    known = {
        "delivery_day": DAY,
        "delivery_start_utc": start,
        "resolution_minutes": 15,
        "as_of_utc": GATE,
        "model_version": "1",
        "source": "files",
    }
    interval = {
        "price_q100_eur_per_mwh": 40.0,
        "price_q500_eur_per_mwh": 54.0,
        "price_q900_eur_per_mwh": 60.0,
        "price_point_eur_per_mwh": 54.0,
    }
    where: dict[str, Any] = {"zone": "DE_LU", "first_day": DAY, "last_day": DAY}
    forecasts = made_up(
        "day_ahead_forecasts",
        known | interval | {"role": "champion"},
        known | {"role": "challenger", "model_version": "2"},
    )
    lake.replace("day_ahead_forecasts", forecasts, **where)
    signal = known | {
        "role": "champion",
        "side": "buy",
        "signal_id": "s1",
        "gate_closure_utc": GATE,
        "valid_until_utc": GATE + timedelta(hours=1),
    }
    lake.replace("signals", made_up("signals", signal), **where)
    money = {
        "gross_pnl_eur": 10.0,
        "fees_eur": 1.0,
        "slippage_eur": 1.0,
        "imbalance_cost_eur": 0.0,
        "degradation_eur": 0.0,
        "pnl_eur": 8.0,
        "perfect_foresight_eur": 16.0,
        "filled_mwh": 1.0,
    }
    lake.replace(
        "settlements",
        made_up(
            "settlements",
            {key: signal[key] for key in (*known, "role", "side") if key != "as_of_utc"} | money,
        ),
        **where,
    )
    lake.upsert(
        "feature_drift",
        made_up("feature_drift", {"delivery_day": DAY, "status": "alert", "feature": "load_forecast_mw"}),
    )
    lake.append_only(
        "promotion_decisions", made_up("promotion_decisions", {"candidate_version": "1", "zone": "DE_LU"})
    )


class Version:
    """Looks like a registered version; the real one brings MLflow along."""

    zone, name, version, stage, fingerprint, lineage = "DE_LU", "price_DE_LU", "1", "champion", "f", "files"
    trained_from, trained_through, serves_from = date(2024, 1, 1), date(2025, 10, 1), date(2025, 10, 2)
    settings, metrics, checksums = {"kind": "naive"}, {"mae": 4.0}, {"model.json": "0"}
    tags = {"cause": "schedule", "data_version": "day_ahead_prices@1", "code_commit": "abc"}  # noqa: RUF012
    run_id, created_at_utc = "r", datetime(2025, 10, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(uri=str(tmp_path_factory.mktemp("lake")))
    fill(lake)
    return lake


@pytest.fixture(scope="module")
def database(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> AnalystDatabase:
    database = AnalystDatabase(path=str(tmp_path_factory.mktemp("desk") / "analyst.duckdb"))
    assert database.publish(lake, model_versions=[cast("ModelVersion", Version())]).is_new
    return database


def questions(root: Path) -> dict[str, str]:
    """Title and SQL of every example of the docs.

    A day of the demo stands there for the day of these tables.
    """
    text = (
        (root / "docs" / "analysts.md")
        .read_text()
        .replace("2025-08-19", "2025-10-09")
        .replace("2025-08-20", "2025-10-10")
    )
    return dict(re.findall(r"\*\*(\d+\. [^*]+)\*\*\n\n```sql\n(.*?)```", text, flags=re.DOTALL))


def test_all_ten_questions_of_the_docs_have_an_answer(database: AnalystDatabase, project_root: Path) -> None:
    asked = questions(project_root)
    assert len(asked) == 10
    for title, sql in asked.items():
        assert not database.query(sql).is_empty(), title


def test_known_answers(database: AnalystDatabase, project_root: Path) -> None:
    answers = [database.query(sql) for sql in questions(project_root).values()]
    assert answers[0]["mean_price"].to_list() == [50.0, 50.0]
    assert answers[1].select("mae", "coverage_80", "n_periods").row(0) == (4.0, 1.0, 1)
    assert answers[2].select("hour_local", "bias").row(0) == (0, 4.0)
    assert answers[3]["price_q500_eur_per_mwh"].to_list() == [54.0]
    assert answers[5].select("pnl_eur", "costs_eur", "share_of_perfect_foresight").row(0) == (8.0, 2.0, 0.5)
    assert answers[8].select("version", "stage", "cause").row(0) == ("1", "champion", "schedule")
    assert answers[9].select("table_name", "reason", "n_rows").row(0) == (
        "day_ahead_prices",
        "price_eur_per_mwh is not finite",
        1,
    )


def test_forecasts_and_prices_as_of_an_instant(database: AnalystDatabase) -> None:
    def at(macro: Any, instant: datetime) -> Any:
        return database.query(f"SELECT count(*) AS n FROM {macro}(TIMESTAMPTZ '{instant.isoformat()}')")["n"][  # noqa: S608 - our own words
            0
        ]

    assert [at("forecasts_as_of", GATE - timedelta(seconds=1)), at("forecasts_as_of", GATE)] == [0, 2]
    published = datetime(2025, 10, 9, 11, tzinfo=UTC)
    assert at("prices_as_of", published) - at("prices_as_of", published - timedelta(seconds=1)) == 96


def test_a_forecast_is_measured_against_the_prices_of_its_own_source(tmp_path: Path) -> None:
    lake, database = Lake(uri=str(tmp_path / "lake")), AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))
    real = raw_day("day_ahead_prices", "DE_LU", DAY, 50.0)
    lake.append("day_ahead_prices", real, source="files")
    lake.append(
        "day_ahead_prices",
        raw_day("day_ahead_prices", "DE_LU", DAY, 99.0, source="simulated"),
        source="simulated",
    )
    known = {
        "delivery_day": DAY,
        "delivery_start_utc": real["delivery_start_utc"][0],
        "resolution_minutes": 15,
        "price_point_eur_per_mwh": 51.0,
    }
    frame = made_up(
        "day_ahead_forecasts",
        *(known | {"source": source, "model_version": source} for source in ("files", "simulated")),
    )
    lake.replace("day_ahead_forecasts", frame, zone="DE_LU", first_day=DAY, last_day=DAY)
    database.publish(lake)
    errors = dict(database.query("SELECT source, error_eur_per_mwh FROM forecasts").iter_rows())
    assert errors == {"files": 1.0, "simulated": -48.0}


def test_every_table_is_there_with_comments_and_rows_of_the_lake(
    database: AnalystDatabase, lake: Lake
) -> None:
    contents = dict(database.query("SELECT table_name, n_rows FROM contents").iter_rows())
    assert set(contents) == {*TABLES, "model_versions"}
    assert all(contents[name] == lake.read(name).height for name in TABLES)
    uncommented = database.query("SELECT * FROM duckdb_columns() WHERE NOT internal AND comment IS NULL")
    assert uncommented.select("table_name", "column_name").rows() == []
    assert database.query("SELECT * FROM duckdb_views() WHERE NOT internal AND comment IS NULL").is_empty()
    comment = database.query(
        "SELECT comment FROM duckdb_columns() WHERE table_name = 'day_ahead_prices' AND column_name ="
        " 'price_eur_per_mwh'"
    )
    assert comment["comment"].to_list() == ["clearing price [EUR/MWh]"]


def test_every_query_of_the_grafana_dashboard_is_answered(
    database: AnalystDatabase, project_root: Path
) -> None:
    text = (project_root / "deploy" / "monitoring" / "grafana_analysts.json").read_text(encoding="utf-8")
    dashboard = json.loads(text)
    (zones,) = (one["query"] for one in dashboard["templating"]["list"] if one["name"] == "zone")
    assert database.query(zones)["zone"].to_list() == ["DE_LU"]
    answers = {
        panel["title"]: database.query(target["rawSql"].replace("${zone}", "DE_LU"))
        for panel in dashboard["panels"]
        for target in panel["targets"]
    }
    assert answers["Net P&L of seven days"]["pnl_eur"].to_list() == [8.0]
    assert answers["Champion"]["version"].to_list() == ["1"]
    assert answers["Orders of the newest day"].height == 1
    assert answers["Forecast with its 80 % interval, and the price"]["median"].to_list() == [54.0]
    assert answers["Features with drift"]["n"].to_list() == [1]


def test_instants_come_back_as_utc(database: AnalystDatabase) -> None:
    frame = database.query("SELECT delivery_start_utc FROM day_ahead_prices ORDER BY 1 LIMIT 1")
    assert frame["delivery_start_utc"].to_list() == [datetime(2025, 10, 8, 22, tzinfo=UTC)]


def test_a_file_that_any_client_since_1_5_reads(database: AnalystDatabase) -> None:
    with duckdb.connect(database.path, read_only=True) as connection:
        tags = connection.execute(
            "SELECT tags FROM duckdb_databases() WHERE database_name = 'analyst'"
        ).fetchone()
    assert tags == ({"storage_version": "v1.5.0+"},)


@pytest.mark.parametrize(
    "sql",
    [
        "COPY signals TO '{folder}/out.csv'",
        "COPY signals FROM '/etc/passwd'",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM glob('/*')",
        "ATTACH '{folder}/other.duckdb'",
        "EXPORT DATABASE '{folder}/dump'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "INSERT INTO signals SELECT * FROM signals",
        "DELETE FROM signals",
        "DROP TABLE signals",
        "CREATE TABLE mine (a INT)",
        "SELECT * FROM tea_leaves",
        "SELEKT 1",
    ],
)
def test_what_is_closed_or_wrong_is_refused(database: AnalystDatabase, sql: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="the SQL was not answered"):
        database.query(sql.format(folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_nothing_changed_builds_nothing_and_a_change_is_seen(lake: Lake, tmp_path: Path) -> None:
    database = AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))
    assert database.publish(lake).is_new
    assert not database.publish(lake).is_new
    assert database.publish(lake, model_versions=[cast("ModelVersion", Version())]).is_new
    other = Lake(uri=str(tmp_path / "other"))
    fill(other)
    assert database.publish(other, model_versions=[cast("ModelVersion", Version())]).is_new
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "analyst.duckdb",
        "analyst.duckdb.lock",
    ]


def test_a_reader_keeps_its_state_while_a_new_one_is_published(tmp_path: Path) -> None:
    lake, database = Lake(uri=str(tmp_path / "lake")), AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))
    database.publish(lake)
    words = [sys.executable, "-c", READER, database.path]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert some(process.stdout).readline() == "open\n"
    lake.append("day_ahead_prices", raw_day("day_ahead_prices", "DE_LU", DAY, 50.0), source="files")
    assert database.publish(lake).is_new
    out, _ = process.communicate("go\n", timeout=300)
    assert out == "0\n"
    assert database.query("SELECT count(*) AS n FROM day_ahead_prices")["n"].to_list() == [96]


def test_opening_again_in_the_same_process_shows_the_newest_file(tmp_path: Path) -> None:
    lake, database = Lake(uri=str(tmp_path / "lake")), AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))

    def count(connection: duckdb.DuckDBPyConnection) -> int:
        (n,) = some(connection.execute("SELECT count(*) FROM analyst.day_ahead_prices").fetchone())
        return int(n)

    database.publish(lake)
    with duckdb.connect(database.path, read_only=True) as old:
        for number, day in enumerate((DAY, DAY + timedelta(days=1)), start=1):
            rows = raw_day("day_ahead_prices", "DE_LU", day, 50.0)
            lake.append("day_ahead_prices", rows, source="files")
            database.publish(lake)
            with duckdb.connect(database.path, read_only=True) as new:
                assert count(new) == 96 * number
            assert count(old) == 0
    assert len(list((tmp_path / ".analyst.duckdb.versions").iterdir())) == 2


def test_a_desk_of_an_older_version_and_a_file_system_without_links_are_served(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))
    database.publish(lake)
    shutil.copyfile(database.path, tmp_path / "old")
    (tmp_path / "old").replace(database.path)  # a plain file, as older versions wrote it
    assert not Path(database.path).is_symlink()
    versions = [cast("ModelVersion", Version())]
    assert database.publish(lake, model_versions=versions).is_new
    assert Path(database.path).is_symlink()
    (tmp_path / "moved").mkdir()
    for path in (Path(database.path), tmp_path / ".analyst.duckdb.versions"):
        path.rename(tmp_path / "moved" / path.name)
    moved = AnalystDatabase(path=str(tmp_path / "moved" / "analyst.duckdb"))
    assert moved.query("SELECT count(*) AS n FROM champions")["n"].to_list() == [1]

    def no_links(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(Path, "symlink_to", no_links)
    assert database.publish(lake).is_new
    assert not Path(database.path).is_symlink()
    assert database.faults() == ()


def test_a_view_says_its_version_and_what_replaces_it(database: AnalystDatabase) -> None:
    told = database.query("SELECT comment FROM duckdb_views() WHERE NOT internal")["comment"].to_list()
    assert all("Version 1 of the view." in comment for comment in told)
    view = AnalystView(name="v", sql="SELECT 1", comment="One.", deprecated="use w; it goes with 0.5")
    assert view.words == "One. Version 1 of the view. Deprecated: use w; it goes with 0.5."


def test_the_remains_of_a_killed_publication_do_no_harm(lake: Lake, tmp_path: Path) -> None:
    database = AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))
    (tmp_path / ".analyst.duckdb.dead.building").write_bytes(b"half a file")
    (tmp_path / "analyst.duckdb").write_bytes(b"damaged")
    assert database.publish(lake).is_new
    assert not (tmp_path / ".analyst.duckdb.dead.building").exists()
    assert database.query("SELECT count(*) AS n FROM signals")["n"].to_list() == [1]


def test_nothing_published_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="spotdesk demo"):
        AnalystDatabase(path=str(tmp_path / "none.duckdb")).query("SELECT 1")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "none.duckdb").touch()
    with pytest.raises(ConfigurationError, match=f"--home {tmp_path / 'demo'}"):
        AnalystDatabase(path=str(tmp_path / "none.duckdb")).query("SELECT 1")


def test_max_rows(database: AnalystDatabase) -> None:
    assert database.query("SELECT * FROM day_ahead_prices", max_rows=5).height == 5
    assert isinstance(database.query("SELECT 1 AS a"), pl.DataFrame)


def test_the_check_tells_what_keeps_analysts_from_the_rows(tmp_path: Path) -> None:
    lake, database = Lake(uri=str(tmp_path / "lake")), AnalystDatabase(path=str(tmp_path / "analyst.duckdb"))
    fill(lake)
    assert "no analyst database" in database.faults()[0]
    database.publish(lake)
    assert database.faults() == ()
    with duckdb.connect(database.path) as connection:
        connection.execute("DELETE FROM signals")
        connection.execute("DROP TABLE settlements")
    (lost,) = database.faults()
    assert "settlements" in lost
    with duckdb.connect(database.path) as connection:
        connection.execute("DELETE FROM contents WHERE table_name = 'settlements'")
    assert database.faults() == (
        "settlements is not in the database",
        "signals has 0 rows, 1 were published",
    )
    (tmp_path / "analyst.duckdb").write_bytes(b"no database")
    assert database.faults()
