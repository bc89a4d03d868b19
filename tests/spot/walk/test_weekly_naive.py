"""The weekly naive, against which a first champion must stand.

The same local time a week before, whatever the clock and the auction do.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from spot.contracts.panel import DeliveryPanel
from spot.contracts.raw_tables import RAW_TABLES
from spot.features.matrix import build_features, build_panel
from spot.market.delivery import day_ahead_mtu_minutes, days_between, delivery_starts_utc
from spot.market.publication_rules import published_by_utc
from spot.walk.forecasts import weekly_naive_errors

ZONE = "DE_LU"


def repeating_market(first: date, last: date, *, daily_rise: float = 0.0) -> DeliveryPanel:
    """A price that depends on the local hour alone, and rises by a fixed step from day to day."""
    contract = next(contract for contract in RAW_TABLES if contract.name == "day_ahead_prices")
    rows = [
        {
            "zone": ZONE,
            "series": "day_ahead",
            "delivery_day": day,
            "delivery_start_utc": start,
            "resolution_minutes": day_ahead_mtu_minutes(ZONE, day),
            "source": "files",
            "availability": "rule",
            "price_eur_per_mwh": 80.0
            - 40.0 * np.cos(start.astimezone(ZoneInfo("Europe/Berlin")).hour / 6 * np.pi)
            + daily_rise * (day - first).days,
            "available_at_utc": published_by_utc("day_ahead_prices", ZONE, day, start),
        }
        for day in days_between(first, last)
        for start in delivery_starts_utc(ZONE, day)
    ]
    prices = pl.DataFrame(rows, schema=contract.schema)
    features = build_features({"day_ahead_prices": prices}, zone=ZONE, days=days_between(first, last))
    return build_panel(features, prices, zone=ZONE)


@pytest.mark.parametrize(
    ("first", "n_days"),
    [(date(2025, 3, 28), 12), (date(2025, 9, 29), 12), (date(2025, 10, 24), 12)],
    ids=["clocks forward", "hours to quarters", "clocks back"],
)
def test_a_market_that_repeats_itself_has_no_error_on_any_day(first, n_days):
    days = days_between(first, first + timedelta(days=n_days - 1))
    panel = repeating_market(first - timedelta(days=8), days[-1])
    np.testing.assert_allclose(weekly_naive_errors(panel, days), 0.0, atol=1e-9)


def test_the_error_is_that_of_a_week_and_unknown_where_a_price_is_missing():
    days = days_between(date(2025, 10, 7), date(2025, 10, 9))
    panel = repeating_market(date(2025, 9, 28), days[-1], daily_rise=1.5)
    np.testing.assert_allclose(weekly_naive_errors(panel, days), 7 * 1.5)
    panel.prices[-1] = np.nan
    panel.prices[-2, 3:] = np.nan
    np.testing.assert_allclose(weekly_naive_errors(panel, days), [7 * 1.5, 7 * 1.5, np.nan])
    assert np.isnan(weekly_naive_errors(panel, [date(2025, 9, 30), date(2026, 1, 1)])).all()
