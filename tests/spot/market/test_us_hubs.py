"""The hubs of PJM and ERCOT.

Local days, gates, publication and price limits on the dates where they matter.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from spot.errors import ConfigurationError
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc, n_periods
from spot.market.gates import gate_closure_utc
from spot.market.price_limits import INTRADAY_LIMITS, day_ahead_price_limits, local_price_limits
from spot.market.publication_rules import publication_rule, published_by_utc
from spot.market.zones import TRADED_ZONES, US_HUBS, ZONES

PJM, ERCOT = "PJM_WESTERN_HUB", "ERCOT_NORTH_HUB"


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_hubs_are_traded_in_usd_without_an_eic_and_apart_from_bidding_zones() -> None:
    assert all(
        hub.currency == "USD" and not hub.eic and hub.operator and hub.node for hub in US_HUBS.values()
    )
    assert len({hub.node for hub in US_HUBS.values()}) == len(US_HUBS)
    assert not set(US_HUBS) & set(ZONES)
    assert set(TRADED_ZONES) == set(US_HUBS) | set(ZONES)


@pytest.mark.parametrize("zone", [PJM, ERCOT])
@pytest.mark.parametrize(
    ("day", "n_hours"),
    [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 3, 29), 24), (date(2026, 10, 25), 24)],
)
def test_days_follow_the_clock_of_the_hub_and_not_that_of_europe(zone: str, day: date, n_hours: int) -> None:
    assert n_periods(zone, day) == n_hours
    assert n_periods(zone, day, 15) == 4 * n_hours
    assert day_ahead_mtu_minutes(zone, day) == 60


def test_a_day_starts_at_local_midnight() -> None:
    assert day_bounds_utc(PJM, date(2026, 1, 15))[0] == utc(2026, 1, 15, 5)
    assert day_bounds_utc(ERCOT, date(2026, 7, 15))[0] == utc(2026, 7, 15, 5)


@pytest.mark.parametrize(
    ("zone", "day", "expected"),
    [
        (PJM, date(2016, 4, 1), utc(2016, 3, 31, 16)),
        (PJM, date(2016, 4, 2), utc(2016, 4, 1, 14, 30)),
        (PJM, date(2026, 1, 15), utc(2026, 1, 14, 16)),
        (PJM, date(2026, 7, 15), utc(2026, 7, 14, 15)),
        (PJM, date(2026, 3, 8), utc(2026, 3, 7, 16)),
        (PJM, date(2026, 3, 9), utc(2026, 3, 8, 15)),
        (ERCOT, date(2026, 1, 15), utc(2026, 1, 14, 16)),
        (ERCOT, date(2026, 7, 15), utc(2026, 7, 14, 15)),
    ],
)
def test_gates_are_dated_and_local(zone: str, day: date, expected: datetime) -> None:
    assert gate_closure_utc(zone, day) == expected


def test_there_are_no_intraday_auctions() -> None:
    with pytest.raises(ConfigurationError, match="no ida1"):
        gate_closure_utc(PJM, date(2026, 1, 15), "ida1")


@pytest.mark.parametrize("zone", [PJM, ERCOT])
def test_what_is_known_at_the_gate(zone: str) -> None:
    day = date(2026, 1, 15)
    gate, end = gate_closure_utc(zone, day), day_bounds_utc(zone, day)[1]
    assert published_by_utc("load_forecasts", zone, day, end) == gate - timedelta(hours=1)
    assert published_by_utc("day_ahead_prices", zone, day, end) > gate
    assert published_by_utc("day_ahead_prices", zone, day - timedelta(days=1), end - timedelta(days=1)) < gate


def test_real_time_prices_come_at_once_in_texas_and_days_later_in_pjm() -> None:
    end = utc(2026, 1, 15, 20)
    assert published_by_utc("imbalance_prices", ERCOT, date(2026, 1, 15), end) == end + timedelta(hours=1)
    assert published_by_utc("imbalance_prices", PJM, date(2026, 1, 15), end) == end + timedelta(hours=72)
    assert publication_rule("imbalance_prices", "DE_LU") == publication_rule("imbalance_prices")


def test_limits_stand_in_the_currency_of_the_zone() -> None:
    assert local_price_limits(ERCOT, date(2021, 2, 16)).maximum > 9000.0
    assert local_price_limits(ERCOT, date(2022, 1, 1)).maximum == 5500.0
    assert local_price_limits(PJM, date(2026, 1, 1)).maximum == 3700.0
    assert local_price_limits("GB", date(2026, 1, 1)).maximum == 6000.0
    assert local_price_limits("FR", date(2022, 5, 10)).maximum == 3000.0
    assert day_ahead_price_limits(date(2026, 1, 1), ERCOT) == INTRADAY_LIMITS
    assert day_ahead_price_limits(date(2026, 1, 1), "CH") == day_ahead_price_limits(date(2026, 1, 1))
