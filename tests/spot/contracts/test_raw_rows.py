"""Raw rows must agree with the calendar of their zone and with the price limits of their day."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import pytest

from spot.contracts.raw_rows import check_raw_rows
from spot.contracts.raw_tables import RAW_TABLES, RAW_TABLES_OF_A_ZONE
from spot.contracts.tables import find_contract
from tests.support.raw_rows import VALUE, good_price_row, price_frame, ramp, raw_day

PRICES = find_contract("day_ahead_prices")
BEYOND = "price_eur_per_mwh beyond the harmonised limit of its day"


def reasons(*rows: Mapping[str, object]) -> list[str]:
    return check_raw_rows(price_frame(*rows), PRICES).rejected["reason"].to_list()


@pytest.mark.parametrize("table", sorted(VALUE))
@pytest.mark.parametrize("day", [date(2025, 3, 30), date(2024, 10, 27), date(2025, 10, 26), date(2025, 6, 1)])
def test_whole_days_pass_clock_changes_included(table: str, day: date) -> None:
    frame = raw_day(table, "DE_LU", day, ramp("DE_LU", day))
    checked = check_raw_rows(frame, find_contract(table))
    assert checked.rejected.is_empty()
    assert checked.accepted.equals(frame)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"zone": "'; DROP TABLE"}, "zone is unknown"),
        ({"delivery_day": date(2024, 6, 2)}, "delivery_day is not the market day of delivery_start_utc"),
        (
            {"delivery_start_utc": datetime(2024, 6, 1, 22, tzinfo=UTC)},
            "delivery_day is not the market day of delivery_start_utc",
        ),
        (
            {"delivery_start_utc": datetime(2024, 6, 1, 10, 15, tzinfo=UTC)},
            "delivery_start_utc is not on a multiple of its resolution",
        ),
        (
            {"delivery_start_utc": datetime(2024, 6, 1, 10, 0, 1, tzinfo=UTC)},
            "delivery_start_utc is not on a multiple of its resolution",
        ),
        ({"resolution_minutes": 15}, "resolution_minutes is finer than the market time unit of the auction"),
        ({"price_eur_per_mwh": 4000.01}, BEYOND),
    ],
)
def test_a_row_against_the_calendar_is_refused(change: Mapping[str, object], reason: str) -> None:
    assert reasons(
        good_price_row(), good_price_row(**change) | ({} if change.get("zone") else {"source": "other"})
    )[-1:] == [reason]


def test_price_limits_are_those_of_the_day() -> None:
    before = {
        "delivery_day": date(2022, 5, 10),
        "delivery_start_utc": datetime(2022, 5, 10, 10, tzinfo=UTC),
        "price_eur_per_mwh": 3500.0,
    }
    after = {
        "delivery_day": date(2022, 5, 11),
        "delivery_start_utc": datetime(2022, 5, 11, 10, tzinfo=UTC),
        "price_eur_per_mwh": 3500.0,
    }
    assert reasons(good_price_row(**before)) == [BEYOND]
    assert reasons(good_price_row(**after)) == []


def test_markets_outside_the_coupling_have_no_harmonised_limit() -> None:
    day = date(2017, 1, 1)
    assert check_raw_rows(raw_day("day_ahead_prices", "EPF_PJM", day, 3400.0), PRICES).rejected.is_empty()


def test_hours_of_a_quarter_hour_auction_are_not_finer_than_it() -> None:
    day = date(2025, 11, 1)
    assert check_raw_rows(
        raw_day("day_ahead_prices", "DE_LU", day, 50.0, minutes=60), PRICES
    ).rejected.is_empty()


def test_real_imbalance_extremes_are_kept_and_absurd_ones_are_not() -> None:
    contract = find_contract("imbalance_prices")
    day = date(2025, 6, 1)
    extremes = [-13_013.58, 25_907.54, 50_000.01, *([0.0] * 93)]
    checked = check_raw_rows(raw_day("imbalance_prices", "SK", day, extremes, minutes=15), contract)
    assert checked.accepted.height == 95
    assert checked.rejected["reason"].to_list() == ["price_eur_per_mwh above 50000 EUR/MWh"]


def test_empty_frames_pass() -> None:
    assert check_raw_rows(PRICES.empty(), PRICES).accepted.is_empty()


def test_every_raw_table_is_one_of_a_zone() -> None:
    assert sorted(RAW_TABLES_OF_A_ZONE) == sorted(contract.name for contract in RAW_TABLES)
