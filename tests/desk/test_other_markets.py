"""Prices of fuels and of earlier auctions from a file into the ledger, and out of it by SQL."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from desk.main import app
from resources.home.make import make_home
from spot.errors import ConfigurationError, ContractError
from spot.market.delivery import delivery_starts_utc

HEAD = "table,series,delivery_start,resolution_minutes,value"
GAS = [f"fuel_prices,gas_vtp,2024-03-0{day}T00:00+01:00,1440,{30 + day}" for day in (1, 2, 3)]
EXAA = [
    f"other_auction_prices,sequence_2,{start:%Y-%m-%dT%H:%MZ},60,{50 + start.hour}"
    for start in delivery_starts_utc("AT", date(2024, 3, 2), 60)
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "desk"
    make_home(made)
    monkeypatch.setenv("SPOTDESK_HOME", str(made))
    return made


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def asked(sql: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(call("sql", sql, "--json").stdout)
    return found


def test_fuels_and_an_earlier_auction_can_be_queried_with_the_instant_they_were_known(
    home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "own.csv"
    file.write_text("\n".join([HEAD, *GAS, *EXAA]))
    done = call("ingest", str(file), "--zone", "AT", "--json")
    assert done.exit_code == 0, done.exception
    assert {row["table"]: row["new"] for row in json.loads(done.stdout)} == {
        "fuel_prices": 3,
        "other_auction_prices": 24,
    }
    fuels = asked(
        "select price, datediff('minute', delivery_start_utc, available_at_utc) as lag from fuel_prices"
        " order by delivery_day"
    )
    assert [(row["price"], row["lag"]) for row in fuels] == [(31.0, 360), (32.0, 360), (33.0, 360)]
    early = asked(
        "select count(*) as n, max(datediff('minute', available_at_utc, delivery_start_utc)) as ahead"
        " from other_auction_prices"
    )
    assert early == [{"n": 24, "ahead": 36 * 60 + 15}], "known at 10:45 on the day before"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (GAS[0].replace("1440", "60"), "periods of 1440 minutes"),
        (EXAA[0].replace(",60,", ",1440,"), "periods of 15, 30 or 60 minutes"),
        (GAS[0].replace(",31", ",999999"), "break the contract"),
    ],
)
def test_a_wrong_length_or_price_is_refused_with_the_reason(
    line: str, words: str, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "own.csv"
    file.write_text(f"{HEAD}\n{line}\n")
    done = call("ingest", str(file), "--zone", "AT")
    assert isinstance(done.exception, ContractError)
    assert words in str(done.exception)


def test_a_recorded_layout_is_known_by_the_name_of_the_file(home: Path, tmp_path: Path) -> None:
    days = [date(2021, 5, 3) + timedelta(days=at) for at in range(3)]
    file = tmp_path / "fuels_daily_x.parquet"
    pl.DataFrame(
        {
            "day": days,
            "gas_vtp_eur_per_mwh": [20.0, None, 21.0],
            "eua_auction_eur_per_t": [49.0, 50.0, None],
            "brent_usd_per_bbl": [68.0, 69.0, 70.0],
        }
    ).write_parquet(file)
    assert call("ingest", str(file), "--zone", "DE_LU").exit_code == 0
    counts = asked("select series, count(*) as n from fuel_prices group by 1 order by 1")
    assert [(row["series"], row["n"]) for row in counts] == [
        ("brent", 3),
        ("eua_auction", 2),
        ("gas_vtp", 2),
    ]
    (tmp_path / "fuels_daily_y.parquet").write_bytes(b"no parquet")
    refused = call("ingest", str(tmp_path / "fuels_daily_y.parquet"), "--zone", "DE_LU")
    assert isinstance(refused.exception, ContractError)


def test_a_difference_of_instants_that_cannot_be_shown_says_what_to_write(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("\n".join([HEAD, *GAS]))
    assert call("ingest", str(file), "--zone", "AT").exit_code == 0
    done = call("sql", "select available_at_utc - delivery_start_utc as lag from fuel_prices")
    assert isinstance(done.exception, ConfigurationError)
    assert "datediff" in str(done.exception)
