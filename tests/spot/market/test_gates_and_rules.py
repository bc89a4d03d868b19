"""Gates, publication rules and price limits on the dates where they matter."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot.contracts.raw_tables import RAW_TABLES
from spot.errors import ConfigurationError
from spot.market.delivery import day_bounds_utc
from spot.market.gates import Auction, gate_closure_utc, next_gate
from spot.market.price_limits import HARMONISED_STEPS, day_ahead_price_limits
from spot.market.publication_rules import RULES, publication_rule, published_by_utc
from spot.market.zones import ALL_ZONES


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "auction", "expected"),
    [
        ("DE_LU", date(2025, 1, 15), "day_ahead", utc(2025, 1, 14, 11)),
        ("DE_LU", date(2025, 7, 15), "day_ahead", utc(2025, 7, 14, 10)),
        ("DE_LU", date(2025, 3, 31), "day_ahead", utc(2025, 3, 30, 10)),  # noon of the day the clock changed
        ("DE_LU", date(2025, 3, 30), "day_ahead", utc(2025, 3, 29, 11)),  # noon of the day before
        ("DE_LU", date(2025, 10, 27), "day_ahead", utc(2025, 10, 26, 11)),
        ("PT", date(2025, 7, 15), "day_ahead", utc(2025, 7, 14, 10)),
        ("CH", date(2025, 7, 15), "day_ahead", utc(2025, 7, 14, 9)),
        ("GB", date(2025, 7, 15), "day_ahead", utc(2025, 7, 14, 8, 50)),
        ("DE_LU", date(2025, 7, 15), "ida1", utc(2025, 7, 14, 13)),
        ("DE_LU", date(2025, 7, 15), "ida2", utc(2025, 7, 14, 20)),
        ("DE_LU", date(2025, 7, 15), "ida3", utc(2025, 7, 15, 8)),
        ("EPF_PJM", date(2018, 7, 15), "day_ahead", utc(2018, 7, 14, 17)),
    ],
)
def test_known_gates(zone: str, day: date, auction: Auction, expected: datetime) -> None:
    assert gate_closure_utc(zone, day, auction) == expected


def test_the_next_gate_is_that_of_the_first_day_which_can_still_be_traded() -> None:
    noon = utc(2025, 7, 14, 10)
    assert next_gate("DE_LU", noon - timedelta(minutes=10)) == (date(2025, 7, 15), noon)
    assert next_gate("DE_LU", noon) == (date(2025, 7, 16), noon + timedelta(days=1))
    assert next_gate("DE_LU", utc(2025, 7, 14, 23)) == (date(2025, 7, 16), noon + timedelta(days=1))


LIVING = sorted(name for name, zone in ALL_ZONES.items() if zone.last_day is None)


@given(st.sampled_from(LIVING), st.dates(min_value=date(2005, 1, 1), max_value=date(2035, 1, 1)))
def test_the_day_ahead_gate_closes_before_delivery_and_moves_with_the_day(zone: str, day: date) -> None:
    gate = gate_closure_utc(zone, day)
    assert timedelta(hours=9) <= day_bounds_utc(zone, day)[0] - gate <= timedelta(hours=15)
    assert (
        timedelta(hours=23) <= gate_closure_utc(zone, day + timedelta(days=1)) - gate <= timedelta(hours=25)
    )


@pytest.mark.parametrize(
    ("zone", "day", "auction"),
    [
        ("DE_LU", date(2024, 6, 13), "ida1"),
        ("CH", date(2025, 1, 1), "ida1"),
        ("GB", date(2025, 1, 1), "ida3"),
    ],
)
def test_an_auction_that_did_not_exist_is_refused(zone: str, day: date, auction: Auction) -> None:
    with pytest.raises(ConfigurationError, match="has no"):
        gate_closure_utc(zone, day, auction)


def test_every_raw_table_has_a_rule() -> None:
    assert {contract.name for contract in RAW_TABLES} <= set(RULES)


def test_unknown_table_has_no_rule() -> None:
    with pytest.raises(ConfigurationError, match="no publication rule"):
        publication_rule("tea_leaves")


@pytest.mark.parametrize("day", [date(2025, 1, 15), date(2025, 3, 30), date(2025, 10, 26), date(2025, 7, 1)])
def test_what_is_known_at_the_gate_by_rule(day: date) -> None:
    gate, end = gate_closure_utc("DE_LU", day), day_bounds_utc("DE_LU", day)[1]
    before_end = day_bounds_utc("DE_LU", day - timedelta(days=1))[1]
    assert published_by_utc("load_forecasts", "DE_LU", day, end) == gate - timedelta(hours=2)
    assert published_by_utc("renewable_forecasts", "DE_LU", day, end) > gate
    assert published_by_utc("day_ahead_prices", "DE_LU", day, end) > gate
    assert published_by_utc("day_ahead_prices", "DE_LU", day - timedelta(days=1), before_end) <= gate
    assert published_by_utc("load_actuals", "DE_LU", day - timedelta(days=1), before_end) > gate
    assert (
        published_by_utc("load_actuals", "DE_LU", day - timedelta(days=2), before_end - timedelta(days=1))
        <= gate
    )


def test_renewable_forecast_is_due_at_18_local_on_both_sides_of_a_clock_change() -> None:
    assert published_by_utc("renewable_forecasts", "DE_LU", date(2025, 3, 30), utc(2025, 3, 30, 22)) == utc(
        2025, 3, 29, 17
    )
    assert published_by_utc("renewable_forecasts", "DE_LU", date(2025, 3, 31), utc(2025, 3, 31, 22)) == utc(
        2025, 3, 30, 16
    )


def test_the_benchmark_knows_its_forecasts_at_the_gate() -> None:
    day = date(2018, 5, 5)
    for table in ("load_forecasts", "renewable_forecasts"):
        assert published_by_utc(table, "EPF_NP", day, utc(2018, 5, 5, 23)) < gate_closure_utc("EPF_NP", day)


@pytest.mark.parametrize(
    ("day", "minimum", "maximum"),
    [
        (date(2022, 5, 10), -500.0, 3000.0),
        (date(2022, 5, 11), -500.0, 4000.0),
        (date(2022, 9, 21), -500.0, 4000.0),
        (date(2026, 5, 28), -500.0, 4000.0),
        (date(2026, 5, 29), -600.0, 4000.0),
    ],
)
def test_price_limits_are_dated(day: date, minimum: float, maximum: float) -> None:
    limits = day_ahead_price_limits(day)
    assert (limits.minimum_eur_per_mwh, limits.maximum_eur_per_mwh) == (minimum, maximum)
    assert all(step.source for step in HARMONISED_STEPS)
