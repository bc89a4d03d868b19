"""Results of earlier auctions on a desk: taken from files or the ledger, each as of its publication."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from dagster import materialize

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_feature_tables
from resources.market.earlier_files import tables_with_earlier
from resources.market.market_files import MarketFiles
from resources.market.market_source import MarketSource
from resources.settings.zones import DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from spot.features.matrix import HISTORY_DAYS, build_features
from spot.market.delivery import ZoneDays, days_between
from spot.simulation.earlier import NOISE_EUR_PER_MWH
from spot.simulation.market import simulate
from spot.sources.files.tidy_rows import tidy_rows
from trading_assets.catalogue import assets_for
from trading_assets.market_data.earlier_inputs import earlier_auction_prices, fuel_prices
from trading_assets.partitions import partition_key
from trading_assets.trading.features import day_ahead_features
from workflows.market_data.earlier_inputs import take_earlier_auctions

ZONE, LAST = "FR", date(2024, 3, 14)
FIRST = LAST - timedelta(days=12)
NOW = datetime(2024, 3, 20, tzinfo=UTC)
FILES, SPAN = ZoneSettings(source="files"), ZoneDays(ZONE, LAST - timedelta(days=2), LAST)
TABLE, SWISS = "earlier_auction_prices", "earlier_price_swiss_eur_per_mwh"


@pytest.fixture
def source(tmp_path: Path) -> MarketSource:
    lake, folder = Lake(uri=str(tmp_path / "lake")), tmp_path / "market_data"
    folder.mkdir()
    return MarketSource(lake=lake, alerts=Alerts(lake=lake), data_folder=str(folder), http_folder="")


def simulated(zone: str) -> pl.DataFrame:
    return simulate(zone, FIRST, LAST, seed=3).tables["day_ahead_prices"]


def put(source: MarketSource, zone: str) -> None:
    """A file without instants, whose values are known by rule."""
    rows = tidy_rows({"day_ahead_prices": simulated(zone)}, zone).with_columns(available_at=pl.lit(None))
    rows.write_csv(Path(source.data_folder) / f"{zone}.csv")


def ingested(source: MarketSource, known: datetime, add: float = 0.0) -> None:
    """Swiss prices of the ledger, of no zone of this desk."""
    rows = simulated("CH").with_columns(
        pl.col("price_eur_per_mwh") + add,
        available_at_utc=pl.lit(known).cast(pl.Datetime("us", "UTC")),
        source=pl.lit("files"),
    )
    source.lake.append("day_ahead_prices", rows, source="files")


def taken(source: MarketSource, now: datetime = NOW, settings: ZoneSettings = FILES) -> pl.DataFrame:
    take_earlier_auctions(SPAN, source.lake, settings, source, now=now)
    return source.lake.read(TABLE, zones=[ZONE])


def test_files_of_another_zone_are_read_as_results_of_this_one(source: MarketSource) -> None:
    put(source, ZONE)
    assert taken(source).is_empty(), "no file has the Swiss prices, and that is no failure"
    put(source, "CH")
    rows = taken(source)
    assert (rows.height, rows["series"].unique().to_list()) == (72, ["swiss"])
    by_rule = [datetime(2024, 3, day, 10, 30, tzinfo=UTC) for day in (11, 12, 13)]
    assert rows["available_at_utc"].unique().sort().to_list() == by_rule
    assert taken(source).equals(rows), "the same again is nothing new"


def test_results_of_the_ledger_are_read_once_they_are_known(source: MarketSource) -> None:
    ingested(source, NOW)
    assert taken(source, NOW - timedelta(seconds=1)).is_empty()
    assert taken(source)["available_at_utc"].unique().to_list() == [NOW]


def test_a_revision_is_another_vintage(source: MarketSource) -> None:
    ingested(source, NOW - timedelta(days=12))
    first = taken(source)
    ingested(source, NOW - timedelta(days=1), add=5.0)
    both = taken(source)
    assert both.height == 2 * first.height
    assert both.join(first, on=first.columns, how="semi", nulls_equal=True).height == first.height


@pytest.mark.parametrize("settings", [ZoneSettings(source="files", earlier_auctions=()), ZoneSettings()])
def test_a_zone_that_reads_none_takes_none(source: MarketSource, settings: ZoneSettings) -> None:
    ingested(source, NOW - timedelta(days=12))
    assert taken(source, settings=settings).is_empty()


def test_a_simulated_zone_never_reads_the_real_market(source: MarketSource) -> None:
    ingested(source, NOW - timedelta(days=12))
    rows = taken(source, settings=ZoneSettings(earlier_auctions=("CH",)))
    assert rows["source"].unique().to_list() == ["simulated"]


def test_the_ledger_and_the_files_give_the_same_features(source: MarketSource) -> None:
    put(source, ZONE)
    put(source, "CH")
    tables = tables_with_earlier(MarketFiles(path=source.data_folder), ZONE, FILES)
    lake, since = source.lake, SPAN.first_day - timedelta(days=HISTORY_DAYS)
    lake.append("day_ahead_prices", tables["day_ahead_prices"], source="files")
    taken(source)
    read = read_feature_tables(lake, ZONE, FILES, first_day=since, last_day=LAST)
    made = [build_features(raw, zone=ZONE, days=SPAN.days) for raw in (tables, read)]
    assert made[0].equals(made[1])
    assert made[0][SWISS].null_count() == 0


def test_assets_give_features_an_earlier_auction_with_planted_worth(source: MarketSource) -> None:
    zone = "DE_LU"
    settings = ZoneSettings(earlier_auctions=("EXAA",), fuels=("gas_vtp",))
    desk = make_desk(Path("conf"), DeskSettings(zones={zone: settings}))
    assert {"earlier_auction_prices", "fuel_prices"} <= {
        key.to_user_string() for asset in assets_for({zone: settings}) for key in asset.keys
    }
    lake = source.lake
    lake.append(
        "day_ahead_prices", simulate(zone, FIRST, LAST, seed=1).tables["day_ahead_prices"], source="simulated"
    )
    resources = {
        "lake": lake,
        "desk": desk,
        "market_source": source,
        "clock": Clock(fixed_utc=NOW.isoformat()),
    }
    for day in days_between(LAST - timedelta(days=1), LAST):
        steps = [earlier_auction_prices, fuel_prices, day_ahead_features]
        assert materialize(steps, partition_key=partition_key(zone, day), resources=resources).success
    rows = lake.read("day_ahead_features", zones=[zone], first_day=LAST)
    actual = lake.read("day_ahead_prices", zones=[zone], first_day=LAST).sort("delivery_start_utc")
    difference = rows["earlier_price_exaa_eur_per_mwh"] - actual["price_eur_per_mwh"]
    assert 0 < difference.std() < 2 * NOISE_EUR_PER_MWH  # type: ignore[operator]
    assert rows["fuel_gas_eur_per_mwh"].n_unique() == 1
    assert rows["fuel_carbon_eur_per_t"].null_count() == rows.height


def test_a_simulated_desk_has_no_such_assets_unless_it_asks() -> None:
    names = {key.to_user_string() for asset in assets_for({ZONE: ZoneSettings()}) for key in asset.keys}
    assert not names & {"earlier_auction_prices", "fuel_prices"}
