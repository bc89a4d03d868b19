"""A zone whose area settles at two prices in its own currency, through the whole graph.

From files over the ECB's rates of each day to settlements by direction.
"""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.lake import Lake
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from spot.sources.files.tidy_rows import tidy_rows
from spot.sources.parsed import Capture
from spot.sources.providers.ecb import fixing_known_utc, is_fixing_day, parse_ecb
from tests.support.us_documents import ecb_body

ZONE, CURRENCY = "CZ", "CZK"
FIRST, LAST = date(2025, 1, 1), date(2025, 4, 6)
TRADED = days_between(date(2025, 4, 4), LAST)
"""Each of the three days has another newest fixing at its gate."""
SPREAD, HALF_GAP = 40.0, 6.0
"""EUR/MWh from the auction to the middle of both prices, and from there to either of them."""


def fixing(day: date) -> float:
    """Czech crowns for one EUR, another on each day."""
    return 25.0 + 0.03 * (day - FIRST).days


def rate_at_gate(day: date) -> float:
    """The newest fixing that was known at the gate of the delivery day."""
    gate = gate_closure_utc(ZONE, day)
    known = [one for one in days_between(day - timedelta(days=9), day) if is_fixing_day(one)]
    return fixing(max(one for one in known if fixing_known_utc(one) <= gate))


def auction() -> pl.DataFrame:
    """Simulated day-ahead prices of the zone."""
    return simulate(ZONE, FIRST, LAST, seed=5).tables["day_ahead_prices"]


def in_euro(auction: pl.DataFrame) -> pl.DataFrame:
    """The auction's prices with those of a surplus (`long`) and a shortage (`short`), EUR/MWh.

    In the first half of the UTC day both lie above the auction, in the second below it.
    """
    is_early = pl.col("delivery_start_utc").dt.hour() < 12
    middle = pl.col("price_eur_per_mwh") + pl.when(is_early).then(SPREAD).otherwise(-SPREAD)
    return auction.with_columns(long=middle - HALF_GAP, short=middle + HALF_GAP)


def local_file(auction: pl.DataFrame, folder: Path) -> Path:
    """Prices of surplus and shortage in crowns, without an instant of publication."""
    rates = {day: rate_at_gate(day) for day in days_between(FIRST, LAST)}
    rate = pl.col("delivery_day").replace_strict(rates, return_dtype=pl.Float64)
    parts = [
        in_euro(auction).select(
            table=pl.lit("local_currency_prices"),
            series=pl.lit(f"system_price_{side}"),
            delivery_start=pl.col("delivery_start_utc").dt.strftime("%Y-%m-%dT%H:%MZ"),
            resolution_minutes="resolution_minutes",
            value=pl.col(side) * rate,
        )
        for side in ("long", "short")
    ]
    file = folder / "imbalance.csv"
    pl.concat(parts).write_csv(file)
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, project_root: Path) -> Path:
    """A desk on files for CZ that has run the three days."""
    folder = tmp_path_factory.mktemp("two_sided")
    home = folder / "desk"

    def done(*words: str) -> str:
        environment = {**os.environ, "SPOTDESK_HOME": str(home), "POLARS_MAX_THREADS": "1"}
        found = subprocess.run(
            [sys.executable, "-m", "desk.main", *words],
            cwd=project_root,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert found.returncode == 0, found.stderr[-2000:]
        return found.stdout

    done("init", str(home), "--zone", ZONE, "--source", "files")
    strategy = home / "conf" / "strategies" / "settlement_spread.yaml"
    text = strategy.read_text(encoding="utf-8")
    for before, after in (("against: intraday_vwap", "against: imbalance"), (": catboost", ": empirical")):
        assert before in text
        text = text.replace(before, after)
    strategy.write_text(text, encoding="utf-8")
    prices = auction()
    tidy_rows({"day_ahead_prices": prices}, ZONE).write_csv(folder / "prices.csv")
    lake = Lake(uri=str(home / "lake"))
    days = [day for day in days_between(FIRST - timedelta(days=9), LAST) if is_fixing_day(day)]
    seen = Capture(zone=ZONE, captured_at_utc=datetime(2025, 4, 20, tzinfo=UTC), is_backfill=True)
    rates = parse_ecb(ecb_body(CURRENCY, {day: fixing(day) for day in days}), seen)
    assert lake.append("exchange_rates", rates.tables["exchange_rates"], source="ecb").n_new == len(days)
    done("ingest", str(folder / "prices.csv"), "--zone", ZONE)
    done("ingest", str(local_file(prices, folder)), "--zone", ZONE)
    done("settings", "accept", "--by", "a person", "--reason", "the area settles at two prices")
    done("run", "--zone", ZONE, "--from", str(TRADED[0]), "--to", str(TRADED[-1]))
    return home


@pytest.mark.slow
def test_each_direction_settles_at_its_own_price_at_the_rate_of_the_day(home: Path) -> None:
    lake = Lake(uri=str(home / "lake"))
    assert lake.read("imbalance_prices", zones=[ZONE]).is_empty(), "the area has no single price"
    expected = in_euro(auction()).select("delivery_start_utc", "price_eur_per_mwh", "long", "short")
    held = lake.read("settlements", zones=[ZONE]).filter(pl.col("strategy") == "settlement_spread")
    traded = held.filter(pl.col("filled_mwh") > 0).join(expected, on="delivery_start_utc")
    assert traded["delivery_day"].unique().sort().to_list() == list(TRADED)
    assert set(traded["side"]) == {"buy", "sell"}
    for row in traded.iter_rows(named=True):
        own = row["long"] if row["side"] == "buy" else row["short"]
        assert row["reference_price_eur_per_mwh"] == pytest.approx(own, abs=0.02)
        gained = own - row["price_eur_per_mwh"] if row["side"] == "buy" else row["price_eur_per_mwh"] - own
        assert row["gross_pnl_eur"] == pytest.approx(row["filled_mwh"] * gained, abs=0.02 * row["filled_mwh"])
