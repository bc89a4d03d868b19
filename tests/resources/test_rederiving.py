"""Rows made again from captured answers.

An improved parser adds what it missed, and nothing that is known changes.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from desk.main import app
from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.market.live_market import LiveMarket
from resources.market.live_sources import make_live_market
from resources.market.rederive import find_request, rederive
from resources.providers import energy_charts
from spot.sources.parsed import no_data
from tests.support.energy_charts_documents import prices_json
from tests.support.provider_server import FaultyProvider, faulty_provider, sends
from tests.support.us_documents import ecb_body, ercot_body, ercot_price_rows, weekday_rates

DAY = date(2025, 3, 12)
NOW = datetime(2025, 6, 1, tzinfo=UTC)
NORTH = "ERCOT_NORTH_HUB"


@pytest.fixture
def server() -> Iterator[FaultyProvider]:
    with faulty_provider() as provider:
        yield provider


@pytest.fixture
def market(tmp_path: Path, server: FaultyProvider) -> LiveMarket:
    server.plan = [sends(prices_json(DAY))]
    server.routes = {
        "/np4-190-cd/dam_stlmnt_pnt_prices": sends(
            ercot_body(ercot_price_rows(NORTH, DAY, [30.0 + at for at in range(24)]))
        ),
        "/EXR/D.USD.EUR.SP00.A": sends(ecb_body("USD", weekday_rates(date(2025, 3, 1), DAY))),
        "/login": sends(b'{"id_token": "t"}'),
    }
    values = {"SPOTDESK_ERCOT_USERNAME": f"rederive-{server.url}"}
    urls = {
        "energy_charts": server.url,
        "ercot": server.url,
        "ercot_login": f"{server.url}/login",
        "ecb": server.url,
    }
    return make_live_market(
        Lake(uri=str(tmp_path / "lake")),
        tmp_path / "http",
        secret=lambda variable: values.get(variable, "k"),
        base_urls=urls,
    )


def ingest(market: LiveMarket) -> None:
    rows = market.fetch("day_ahead_prices", "FR", DAY, DAY, sources=["energy_charts"], now=NOW).rows
    market.lake.append("day_ahead_prices", rows, source="energy_charts")


def test_a_parser_that_reads_the_same_adds_nothing(market: LiveMarket) -> None:
    ingest(market)
    (one,) = rederive(market, market.lake.read("captures"), is_applied=True)
    assert (one.outcome, one.n_rows_then, one.n_rows, one.n_missing, one.n_added) == ("read", 24, 24, 0, 0)


def test_an_improved_parser_adds_what_the_old_one_missed(
    market: LiveMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as old:
        old.setattr(
            energy_charts, "parse_energy_charts", lambda *_: no_data("energy_charts", "old", "not understood")
        )
        with pytest.raises(Exception, match="not understood"):
            ingest(market)
    assert market.lake.read("day_ahead_prices").is_empty()
    (dry,) = rederive(market, market.lake.read("captures"), is_applied=False)
    assert (dry.n_rows_then, dry.n_missing, dry.n_added) == (0, 24, 0)
    assert market.lake.read("day_ahead_prices").is_empty()
    (one,) = rederive(market, market.lake.read("captures"), is_applied=True)
    assert one.n_added == 24
    assert set(market.lake.read("day_ahead_prices")["availability"]) == {"rule"}
    (again,) = rederive(market, market.lake.read("captures"), is_applied=True)
    assert again.n_missing == 0


def test_a_stricter_parser_is_told_apart_and_takes_nothing_away(
    market: LiveMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(market)

    def refuse(*_: object) -> None:
        from spot.errors import ContractError

        raise ContractError("no longer believed")

    monkeypatch.setattr(energy_charts, "parse_energy_charts", refuse)
    (one,) = rederive(market, market.lake.read("captures"), is_applied=True)
    assert (one.outcome, one.detail) == ("refused", "no longer believed")
    assert len(market.lake.read("day_ahead_prices")) == 24


def test_an_address_that_nobody_asks_for_any_more_is_said(market: LiveMarket) -> None:
    ingest(market)
    captures = market.lake.read("captures").with_columns(address=pl.lit("http://elsewhere/"))
    assert find_request(market, captures.row(0, named=True)) is None
    (one,) = rederive(market, captures, is_applied=True)
    assert one.outcome == "no provider makes this request any more"


def test_prices_in_dollars_are_made_again_in_both_currencies(market: LiveMarket) -> None:
    market.fetch("day_ahead_prices", NORTH, DAY, DAY, sources=["ercot"], now=NOW)
    lake = market.lake
    kept = lake.read("local_currency_prices")
    fresh = Lake(uri=f"{lake.uri}-again")
    for table in ("captures", "exchange_rates"):
        frame = lake.read(table)
        if table == "captures":
            fresh.upsert(table, frame)
        else:
            fresh.append(table, frame, source="ecb")
    Path(fresh.uri, "captured_bodies").symlink_to(Path(lake.uri, "captured_bodies"))
    market.lake = fresh
    found = list(
        rederive(market, fresh.read("captures").filter(pl.col("source") == "ercot"), is_applied=True)
    )
    assert [one.n_added for one in found] == [24]
    assert fresh.read("local_currency_prices").equals(kept)
    assert len(fresh.read("day_ahead_prices")) == 24


def test_the_command_says_what_the_ledger_lacks(
    market: LiveMarket, server: FaultyProvider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(market)
    make_home(tmp_path / "home")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOTDESK_LAKE_URI", market.lake.uri)
    monkeypatch.setenv("SPOTDESK_PROVIDER_URLS", f"energy_charts={server.url}")
    done = CliRunner().invoke(app, ["rederive", "--zone", "FR", "--json"])
    assert done.exit_code == 0, done.output
    (line,) = json.loads(done.stdout)
    assert (line["answers"], line["read"], line["rows"], line["missing"]) == (1, 1, 24, 0)
