"""Prices in pounds and dollars become EUR at the rate that was known at the gate of their delivery day."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from spot.market.delivery import day_bounds_utc, n_periods
from spot.sources.currencies import in_euro, is_converted, local_series, ruled_table
from spot.sources.parsed import Capture
from spot.sources.providers.ecb import parse_ecb
from spot.sources.providers.ercot import Report, parse_ercot
from tests.support.us_documents import ecb_body, ercot_body, ercot_price_rows

ZONE = "ERCOT_NORTH_HUB"
DAY = date(2025, 11, 5)
LATER = datetime(2026, 2, 1, tzinfo=UTC)


def capture() -> Capture:
    return Capture(zone=ZONE, captured_at_utc=LATER, is_backfill=True)


def local(day: date = DAY, level: float = 44.0, minutes: int = 60) -> pl.DataFrame:
    body = ercot_body(
        ercot_price_rows(ZONE, day, [level + at for at in range(n_periods(ZONE, day, minutes))], minutes)
    )
    report: Report = "dam_stlmnt_pnt_prices" if minutes == 60 else "spp_node_zone_hub"
    return parse_ercot(body, report, capture()).tables["local_currency_prices"]


def rates(values: dict[date, float]) -> pl.DataFrame:
    return parse_ecb(ecb_body("USD", values), capture()).tables["exchange_rates"]


def test_the_newest_rate_before_the_gate_is_taken_and_no_later_one() -> None:
    # The gate of 5 November is 4 November 16:00 UTC; the fixing of that day is known at 15:30 UTC, that of
    # the day itself is not.
    known = rates({date(2025, 11, 3): 1.0, date(2025, 11, 4): 1.1, date(2025, 11, 5): 1.2})
    rows = in_euro(local(), known, table="day_ahead_prices", zone=ZONE)
    assert rows["price_eur_per_mwh"].to_list() == pytest.approx([(44.0 + at) / 1.1 for at in range(24)])
    assert set(rows["series"]) == {"day_ahead"}
    assert rows["available_at_utc"].to_list() == local()["available_at_utc"].to_list()


def test_both_prices_of_a_day_are_converted_at_one_rate() -> None:
    known = rates({date(2025, 11, 4): 1.1, date(2025, 11, 5): 1.3})
    both = pl.concat([local(), local(minutes=15)])
    real_time = in_euro(both, known, table="imbalance_prices", zone=ZONE)
    assert len(real_time) == 96
    assert set(real_time["series"]) == {"imbalance"}
    assert real_time["price_eur_per_mwh"][0] == pytest.approx(44.0 / 1.1)


def test_a_day_without_a_recent_rate_is_left_out() -> None:
    old = rates({date(2025, 10, 20): 1.1})
    assert in_euro(local(), old, table="day_ahead_prices", zone=ZONE).is_empty()
    assert in_euro(local(), old.clear(), table="day_ahead_prices", zone=ZONE).is_empty()


def test_rates_of_another_currency_are_not_used() -> None:
    other = rates({date(2025, 11, 4): 1.1}).with_columns(series=pl.lit("GBP"))
    assert in_euro(local(), other, table="day_ahead_prices", zone=ZONE).is_empty()


def test_which_tables_are_converted_where() -> None:
    assert is_converted("day_ahead_prices", "GB")
    assert is_converted("imbalance_prices", ZONE)
    assert not is_converted("load_forecasts", ZONE)
    assert not is_converted("day_ahead_prices", "DE_LU")
    assert set(local_series("imbalance_prices")) == {"system_price", "real_time"}
    assert ruled_table("local_currency_prices", "day_ahead") == "day_ahead_prices"
    assert ruled_table("load_forecasts", "load") == "load_forecasts"


def test_the_day_of_a_fixing_lies_in_the_time_of_the_zone() -> None:
    rows = rates({date(2025, 11, 4): 1.1})
    assert rows["delivery_start_utc"][0] == day_bounds_utc(ZONE, date(2025, 11, 4))[0]
