"""`spotdesk sql`: a table, JSON or CSV, and a clear refusal."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from desk.data.sql import sql
from resources.analysts.database import AnalystDatabase
from resources.analysts.query import query_database
from resources.lake.lake import Lake
from spot.errors import ConfigurationError
from tests.support.raw_rows import good_price_row, price_frame

app = typer.Typer()
app.command()(sql)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("desk")
    lake = Lake(uri=str(folder / "lake"))
    lake.append(
        "day_ahead_prices",
        price_frame(good_price_row(), good_price_row(zone="FR", price_eur_per_mwh=43.5)),
        source="files",
    )
    AnalystDatabase(path=str(folder / "analyst.duckdb")).publish(lake)
    return str(folder / "analyst.duckdb")


def ask(*words: str, **how: Any) -> Result:
    return CliRunner().invoke(app, list(words), **how)


QUESTION = "SELECT zone, price_eur_per_mwh, delivery_start_utc FROM day_ahead_prices ORDER BY zone"


def test_json_holds_every_row(database: str) -> None:
    answer = ask(QUESTION, "--json", "--database", database, "--max-rows", "1")
    assert answer.exit_code == 0
    rows = json.loads(answer.stdout)
    assert [row["price_eur_per_mwh"] for row in rows] == [42.0, 43.5]
    assert rows[0]["delivery_start_utc"].startswith("2024-06-01T10:00:00")


def test_csv(database: str) -> None:
    assert ask(
        "SELECT zone, price_eur_per_mwh FROM day_ahead_prices ORDER BY zone", "--csv", "--database", database
    ).stdout.splitlines() == [
        "zone,price_eur_per_mwh",
        "DE_LU,42.0",
        "FR,43.5",
    ]


def test_a_table_with_a_note_on_what_is_left_out(database: str) -> None:
    answer = ask(QUESTION, "--database", database, "--max-rows", "1")
    assert "DE_LU" in answer.stdout
    assert "FR" not in answer.stdout
    assert "1 more rows" in answer.stderr


_COLUMNS = ", ".join(f"{n} AS a_rather_long_column_{n}" for n in range(40))
WIDE = "SELECT " + _COLUMNS + " FROM range({})"  # noqa: S608 - our own words


def test_few_wide_rows_are_blocks_with_every_column(database: str) -> None:
    answer = ask(WIDE.format(2), "--database", database)
    assert [f"a_rather_long_column_{n} " in answer.stdout for n in range(40)] == [True] * 40
    assert "row 2 of 2" in answer.stdout
    assert answer.stderr == ""


def test_many_wide_rows_keep_whole_columns_and_name_the_others(database: str) -> None:
    answer = ask(WIDE.format(30), "--database", database)
    shown, named = answer.stdout.replace("\n", " "), answer.stderr
    kept = [n for n in range(40) if f"a_rather_long_column_{n}," not in named.replace(". Name", ",")]
    assert 0 < len(kept) < 40
    assert kept == list(range(len(kept)))
    assert f"{40 - len(kept)} columns are too many for this window" in named
    assert "--vertical" in named
    assert "39" not in shown.split()
    assert (
        ask(WIDE.format(30), "--database", database, "--vertical").stdout.count("a_rather_long_column_39")
        == 30
    )


def test_no_rows_and_no_width_are_told(database: str) -> None:
    assert "no rows" in ask(WIDE.format(0), "--database", database).stdout


def test_from_standard_input(database: str) -> None:
    assert "43.5" in ask("-", "--csv", "--database", database, input=QUESTION).stdout


def test_without_a_question_it_lists_tables_and_views_with_their_meaning(database: str) -> None:
    held = {row["name"]: row for row in json.loads(ask("--json", "--database", database).stdout)}
    assert held["day_ahead_prices"]["kind"] == "table"
    assert held["day_ahead_prices"]["n_rows"] == 2
    assert held["pnl_attribution"]["kind"] == "view"
    assert held["forecasts_as_of(instant)"]["kind"] == "view as of"
    assert all(row["comment"] for row in held.values())


def test_two_statements_are_refused_in_clear_words(database: str) -> None:
    answer = ask("SELECT 1; SELECT 2", "--database", database)
    assert isinstance(answer.exception, ConfigurationError)
    assert "one statement" in str(answer.exception)
    assert ask("SELECT 1;", "--csv", "--database", database).exit_code == 0


def test_wrong_sql_is_an_error_with_its_reason(database: str) -> None:
    answer = ask("SELECT * FROM tea_leaves", "--database", database)
    assert isinstance(answer.exception, ConfigurationError)
    assert "tea_leaves" in str(answer.exception)


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("SELECT a.i, b.i FROM range(1000000) a(i), range(1000) b(i)", "larger than 128 MiB"),
        (
            "SELECT count(*) FROM range(1000000) a(i), range(1000000) b(i) WHERE a.i % 7 = b.i % 5",
            "longer than 1 s",
        ),
        (
            (
                "SELECT i FROM range(60000) t(i) UNION ALL"
                " SELECT count(*) FROM range(1000000) a(i), range(1000000) b(i) WHERE a.i % 7 = b.i % 5"
            ),
            "longer than 1 s",
        ),
        (
            "SELECT list(a.i || '-' || b.i) FROM range(100000) a(i), range(10000) b(i)",
            "memory|longer than 1 s",
        ),
    ],
)
def test_a_question_that_would_fill_the_machine_ends_with_a_sentence(
    database: str, question: str, why: str
) -> None:
    seconds = 20.0 if "larger" in why else 1.0  # on a loaded machine the first answer may grow slowly
    with pytest.raises(ConfigurationError, match=why):
        query_database(Path(database), question, seconds=seconds)
