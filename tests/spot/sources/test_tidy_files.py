"""The tidy layout: what any other source of market data is handed over in."""

import io
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from spot.errors import ContractError
from spot.sources.files.tidy_files import parse_tidy
from spot.sources.parsed import Capture

CAPTURE = Capture(zone="NL", captured_at_utc=datetime(2026, 1, 1, tzinfo=UTC), is_backfill=True)
HEAD = "table,series,delivery_start,resolution_minutes,value"
ROWS = [
    "day_ahead_prices,day_ahead,2025-03-11T23:00Z,60,80.5",
    "day_ahead_prices,day_ahead,2025-03-12T01:00:00+01:00,60,-3",
    "load_forecasts,load,2025-03-11 23:00:00Z,60,9000",
]


def csv(*rows: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *rows]).encode()


def test_a_csv_gives_rows_of_several_tables_dated_by_rule() -> None:
    tables = parse_tidy(csv(*ROWS), "csv", "a.csv", CAPTURE).tables
    assert tables["day_ahead_prices"]["price_eur_per_mwh"].to_list() == [80.5, -3.0]
    assert tables["day_ahead_prices"]["available_at_utc"].unique().to_list() == [
        datetime(2025, 3, 11, 12, tzinfo=UTC)
    ]
    assert tables["load_forecasts"].height == 1
    assert tables["load_forecasts"]["source"].to_list() == ["files"]


def test_a_stated_publication_is_kept() -> None:
    row = "intraday_prices,vwap,2025-03-12T10:00Z,15,55,2025-03-12T11:00Z"
    rows = parse_tidy(csv(row, head=HEAD + ",available_at"), "csv", "a.csv", CAPTURE).tables[
        "intraday_prices"
    ]
    assert rows.select("available_at_utc", "availability").row(0) == (
        datetime(2025, 3, 12, 11, tzinfo=UTC),
        "stated",
    )


def test_a_parquet_file_reads_alike_and_a_cut_one_is_refused() -> None:
    buffer = io.BytesIO()
    pl.read_csv(io.BytesIO(csv(*ROWS)), infer_schema=False).write_parquet(buffer)
    body = buffer.getvalue()
    assert parse_tidy(body, "parquet", "a.parquet", CAPTURE).n_rows == 3
    for n_bytes in range(0, len(body), 7):
        with pytest.raises(ContractError):
            parse_tidy(body[:n_bytes], "parquet", "a.parquet", CAPTURE)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("day_ahead_prices,day_ahead,2025-03-12T00:00,60,80", "line 3.*offset"),
        ("day_ahead_prices,day_ahead,12.03.2025 00:00Z,60,80", "line 3.*ISO 8601"),
        ('day_ahead_prices,day_ahead,2025-03-12T00:00Z,60,"80,5"', "line 3.*finite number"),
        ("day_ahead_prices,day_ahead,2025-03-12T00:00Z,60,NaN", "line 3.*finite number"),
        ("day_ahead_prices,day_ahead,2025-03-12T00:00Z,60,", "line 3.*finite number"),
        ("day_ahead_prices,day_ahead,2025-03-12T00:00Z,sixty,80", "whole number"),
        ("day_ahead_prices,day_ahead,2025-03-12T00:00Z,7,80", "7 minutes"),
        ("weather,day_ahead,2025-03-12T00:00Z,60,80", "none of"),
        ("day_ahead_prices,day_ahead,2025-03-11T23:00Z,60,81", "share their period"),
    ],
)
def test_a_file_with_a_bad_line_is_refused_whole(row: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        parse_tidy(csv(ROWS[0], row), "csv", "a.csv", CAPTURE)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        csv(),
        csv(*ROWS, head=HEAD.replace("value", "price")),
        csv(*(row + ",x" for row in ROWS), head=HEAD + ",note"),
    ],
)
def test_another_layout_is_refused(body: bytes) -> None:
    with pytest.raises(ContractError):
        parse_tidy(body, "csv", "a.csv", CAPTURE)


def test_a_series_that_the_table_does_not_know_is_refused_row_by_row() -> None:
    parsed = parse_tidy(
        csv(*ROWS, "load_forecasts,demand,2025-03-11T23:00Z,60,9000"), "csv", "a.csv", CAPTURE
    )
    assert parsed.n_rows == 3
    assert parsed.rejected.height == 1


def test_a_column_names_the_zone_of_each_row_and_a_line_keeps_its_number() -> None:
    head = f"zone,{HEAD}"
    rows = [f"{zone},{ROWS[0]}" for zone in ("BE", "NL")]
    assert parse_tidy(csv(*rows, head=head), "csv", "a.csv", CAPTURE).tables["day_ahead_prices"][
        "zone"
    ].to_list() == ["NL"]
    with pytest.raises(ContractError, match=r"line 4.*finite number"):
        parse_tidy(
            csv(*rows, "NL,day_ahead_prices,day_ahead,2025-03-12T02:00Z,60,x", head=head),
            "csv",
            "a.csv",
            CAPTURE,
        )
    with pytest.raises(ContractError, match="no rows of NL: its column zone says BE"):
        parse_tidy(csv(rows[0], head=head), "csv", "a.csv", CAPTURE)
    with pytest.raises(ContractError, match=r"zones .'XX'. are not known"):
        parse_tidy(csv(*rows, f"XX,{ROWS[0]}", head=head), "csv", "a.csv", CAPTURE)


def test_some_values_may_state_when_they_were_published_and_others_follow_the_rule() -> None:
    rows = [f"{ROWS[0]},2025-03-11T11:45Z", f"{ROWS[1]},"]
    made = (
        parse_tidy(csv(*rows, head=HEAD + ",available_at"), "csv", "a.csv", CAPTURE)
        .tables["day_ahead_prices"]
        .sort("delivery_start_utc")
    )
    assert made["availability"].to_list() == ["stated", "rule"]
    assert made["available_at_utc"].to_list() == [
        datetime(2025, 3, 11, 11, 45, tzinfo=UTC),
        datetime(2025, 3, 11, 12, tzinfo=UTC),
    ]


def test_the_example_of_the_documentation_is_what_the_parser_reads(project_root: Path) -> None:
    example = (project_root / "docs" / "sources" / "files.md").read_text().split("```")[1].strip()
    tables = parse_tidy(example.encode(), "csv", "a.csv", CAPTURE).tables
    assert {name: rows["availability"].unique().to_list() for name, rows in tables.items()} == {
        "day_ahead_prices": ["rule"],
        "load_forecasts": ["stated"],
    }
