"""Results of earlier auctions and fuels enter as of their publication; zones without them stay the same."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.feature_tables import EARLIER_INPUTS, FEATURES, known_features
from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.raw_tables import EARLIER_AUCTION_PRICES
from spot.features.earlier_rows import fuel_rows, results_for
from spot.features.matrix import PANEL_INPUTS, build_features, build_panel
from spot.features.training_rows import panel_of_training_rows, training_columns, training_rows
from spot.market.delivery import ZoneDays, days_between
from spot.market.earlier_auctions import EARLIER_AUCTIONS
from spot.market.gates import gate_closure_utc
from spot.simulation.market import simulate
from tests.spot.features.test_matrix import market
from tests.support.raw_rows import ramp, raw_day

ZONE, DAY = "DE_LU", date(2025, 3, 12)
FIRST = DAY - timedelta(days=12)
GATE, SECOND = gate_closure_utc(ZONE, DAY), timedelta(seconds=1)
SWISS = "earlier_price_swiss_eur_per_mwh"


@pytest.fixture(scope="module")
def own() -> dict[str, pl.DataFrame]:
    return market(ZONE, FIRST, DAY)


def swiss(known: datetime | None = None, first: float = 50.0, zone: str = ZONE) -> pl.DataFrame:
    """The Swiss result of the day, as `zone` reads it."""
    rows = raw_day(
        "day_ahead_prices", "CH", DAY, ramp("CH", DAY, 60, first), minutes=60, available_at_utc=known
    )
    return results_for(ZoneDays(zone, FIRST, DAY), EARLIER_AUCTIONS["CH"], rows)


def of_day(raw: dict[str, pl.DataFrame]) -> pl.DataFrame:
    return build_features(raw, zone=ZONE, days=[DAY])


def with_results(own: dict[str, pl.DataFrame], *rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {**own, EARLIER_AUCTION_PRICES.name: pl.concat(rows)}


def test_a_result_enters_from_its_publication_on(own: dict[str, pl.DataFrame]) -> None:
    by_rule = of_day(with_results(own, swiss()))
    assert by_rule[SWISS].to_list() == ramp("CH", DAY, 60, 50.0)
    assert by_rule["newest_input_utc"].unique().to_list() == [datetime(2025, 3, 11, 10, 30, tzinfo=UTC)]
    in_time, late = (of_day(with_results(own, swiss(at))) for at in (GATE, GATE + SECOND))
    assert in_time[SWISS].null_count() == 0
    assert late.equals(of_day(own))


def test_of_several_vintages_the_newest_known_at_the_gate_counts(own: dict[str, pl.DataFrame]) -> None:
    hour = timedelta(hours=1)
    rows = (swiss(GATE - hour, 10.0), swiss(GATE - SECOND, 20.0), swiss(GATE + SECOND, 30.0))
    assert of_day(with_results(own, *rows))[SWISS][0] == 20.0


def test_quarters_of_an_hourly_result_have_its_price() -> None:
    day = date(2025, 11, 4)
    own = market(ZONE, day - timedelta(days=9), day)
    rows = raw_day("day_ahead_prices", "CH", day, ramp("CH", day, 60), minutes=60)
    read = results_for(ZoneDays(ZONE, day, day), EARLIER_AUCTIONS["CH"], rows)
    made = build_features(with_results(own, read), zone=ZONE, days=[day])
    assert made[SWISS].to_list() == list(np.repeat(np.arange(24.0), 4))


def test_periods_of_another_calendar_go_to_the_day_in_which_they_begin() -> None:
    days = [DAY - timedelta(days=1), DAY]
    rows = pl.concat(
        raw_day("day_ahead_prices", "GB", day, ramp("GB", day, 60, 100.0 * i), minutes=60)
        for i, day in enumerate(days)
    )
    read = results_for(ZoneDays("FR", DAY, DAY), EARLIER_AUCTIONS["GB"], rows)
    made = build_features({EARLIER_AUCTION_PRICES.name: read}, zone="FR", days=[DAY])
    british = made["earlier_price_british_eur_per_mwh"].to_list()
    assert british == [23.0, *ramp("GB", DAY, 60, 100.0)[:23]], (
        "the first hour is London's last of the day before"
    )


def test_another_zone_does_not_see_it(own: dict[str, pl.DataFrame]) -> None:
    assert of_day(with_results(own, swiss(zone="FR"))).equals(of_day(own))


def fuel(series: str, day: date, price: float, known: datetime, zone: str = "DE_LU") -> pl.DataFrame:
    row = {
        "zone": zone,
        "series": series,
        "delivery_day": day,
        "delivery_start_utc": datetime(day.year, day.month, day.day, tzinfo=UTC),
        "price": price,
        "available_at_utc": known,
        "availability": "rule",
        "source": "files",
    }
    return pl.DataFrame([row], schema=FUEL_PRICES.schema)


def test_fuels_are_the_newest_of_two_days_before_that_were_known(own: dict[str, pl.DataFrame]) -> None:
    before = [DAY - timedelta(days=n) for n in range(6)]
    rows = [
        fuel("gas_vtp", before[1], 41.0, GATE - timedelta(hours=5)),
        fuel("gas_vtp", before[2], 42.0, GATE),
        fuel("gas_vtp", before[3], 43.0, GATE - timedelta(days=1)),
        fuel("eua_auction", before[2], 72.0, GATE + SECOND),
        fuel("eua_auction", before[5], 75.0, GATE - timedelta(days=4)),
        fuel("brent", DAY - timedelta(days=30), 90.0, GATE - timedelta(days=27)),
    ]
    made = of_day({**own, FUEL_PRICES.name: pl.concat(rows)})
    assert made["fuel_gas_eur_per_mwh"].unique().to_list() == [42.0], "not that of D-1, although it was known"
    assert made["fuel_carbon_eur_per_t"].unique().to_list() == [75.0], "that of D-2 came after the gate"
    assert made["fuel_oil_usd_per_bbl"].null_count() == made.height, "a month old is too old"
    french = fuel_rows("FR", pl.concat(rows))
    assert (
        build_features({FUEL_PRICES.name: french}, zone="FR", days=[DAY])["fuel_gas_eur_per_mwh"][0] == 42.0
    )


def test_a_range_of_days_gives_the_rows_of_its_days(own: dict[str, pl.DataFrame]) -> None:
    rows = [
        fuel("gas_vtp", DAY - timedelta(days=n), 40.0 + n, GATE - timedelta(days=n)) for n in range(2, 12)
    ]
    raw = {**with_results(own, swiss()), FUEL_PRICES.name: pl.concat(rows)}
    days = days_between(DAY - timedelta(days=3), DAY)
    together = build_features(raw, zone=ZONE, days=days)
    assert together.equals(pl.concat([build_features(raw, zone=ZONE, days=[day]) for day in days]))


def test_a_zone_without_them_keeps_its_panel_and_its_fingerprints() -> None:
    raw = simulate(ZONE, FIRST - timedelta(days=9), DAY, seed=1).tables
    features = build_features(raw, zone=ZONE, days=days_between(FIRST, DAY))
    assert features.select(EARLIER_INPUTS.keys()).null_count().row(0) == (features.height,) * len(
        EARLIER_INPUTS
    )
    assert known_features(features) == list(FEATURES)
    assert tuple(build_panel(features, raw["day_ahead_prices"], zone=ZONE).inputs) == PANEL_INPUTS
    rows = training_rows(features, raw["day_ahead_prices"], zone=ZONE)
    assert training_columns(rows) == [*FEATURES, "price_eur_per_mwh"]


def test_training_rows_keep_the_result_bit_for_bit(own: dict[str, pl.DataFrame]) -> None:
    features = build_features(
        with_results(own, swiss()), zone=ZONE, days=days_between(FIRST + timedelta(days=9), DAY)
    )
    panel = build_panel(features, own["day_ahead_prices"], zone=ZONE)
    rows = training_rows(features, own["day_ahead_prices"], zone=ZONE)
    read = panel_of_training_rows(rows, zone=ZONE)
    assert SWISS in panel.inputs
    assert {name: array.tobytes() for name, array in read.inputs.items()} == {
        name: array.tobytes() for name, array in panel.inputs.items()
    }
    assert SWISS in training_columns(rows)
