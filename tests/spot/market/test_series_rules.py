"""When the results of earlier and other markets become known, by rule."""

from datetime import UTC, date, datetime, timedelta

import pytest

from spot.market.delivery import day_bounds_utc
from spot.market.gates import gate_closure_utc
from spot.market.publication_rules import SERIES_RULES, published_by_utc
from spot.sources.currencies import ruled_table

DAY = date(2025, 7, 2)
GATE = gate_closure_utc("DE_LU", DAY)


def known(table: str, zone: str, day: date = DAY) -> datetime:
    return published_by_utc(table, zone, day, day_bounds_utc(zone, day)[1])


@pytest.mark.parametrize(
    ("table", "zone"),
    [("day_ahead_prices", "CH"), ("day_ahead_prices", "GB"), ("other_auction_prices", "AT")],
)
def test_auctions_that_clear_earlier_are_known_before_the_coupled_gate(table: str, zone: str) -> None:
    found = known(ruled_table(table, "sequence_2"), zone)
    assert GATE - timedelta(hours=2) < found < GATE
    assert found > gate_closure_utc(zone, DAY) or table == "other_auction_prices"


@pytest.mark.parametrize(
    ("series", "expected"),
    [
        ("ida1", datetime(2025, 7, 1, 13, 30, tzinfo=UTC)),
        ("ida2", datetime(2025, 7, 1, 20, 30, tzinfo=UTC)),
        ("ida3", datetime(2025, 7, 2, 8, 30, tzinfo=UTC)),
    ],
)
def test_an_intraday_auction_is_known_half_an_hour_after_it_closes(series: str, expected: datetime) -> None:
    assert known(ruled_table("intraday_prices", series), "DE_LU") == expected


@pytest.mark.parametrize(("series", "age"), [("gas_vtp", 1), ("eua_auction", 1), ("brent", 3)])
def test_the_newest_fuel_price_that_a_gate_may_know(series: str, age: int) -> None:
    """Of a power auction for day D: gas and allowances of D-1, Brent of D-3, and nothing newer."""
    table = ruled_table("fuel_prices", series)
    assert known(table, "DE_LU", DAY - timedelta(days=age)) <= GATE
    assert known(table, "DE_LU", DAY - timedelta(days=age - 1)) > GATE


def test_other_series_keep_the_rule_of_their_table() -> None:
    assert ruled_table("intraday_prices", "vwap") == "intraday_prices"
    assert ruled_table("other_auction_prices", "sequence_3") == "other_auction_prices"
    assert all(rule.source for rule in SERIES_RULES.values())
