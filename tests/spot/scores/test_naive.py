"""The weekly naive, against which a first champion must stand.

The same local time a week before, whatever the clock and the auction do.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.contracts.raw_tables import RAW_TABLES
from spot.features.matrix import build_features, build_panel
from spot.forecast.members import load_settings_mapping, make_forecaster
from spot.market.delivery import day_ahead_mtu_minutes, days_between, delivery_starts_utc
from spot.market.publication_rules import published_by_utc
from spot.scores.naive import weekly_naive, weekly_naive_errors, weekly_naive_of

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
def test_a_market_that_repeats_itself_has_no_error_on_any_day(first: date, n_days: int) -> None:
    days = days_between(first, first + timedelta(days=n_days - 1))
    panel = repeating_market(first - timedelta(days=8), days[-1])
    np.testing.assert_allclose(weekly_naive_errors(panel, days), 0.0, atol=1e-9)


def test_the_error_is_that_of_a_week_and_unknown_where_a_price_is_missing() -> None:
    days = days_between(date(2025, 10, 7), date(2025, 10, 9))
    panel = repeating_market(date(2025, 9, 28), days[-1], daily_rise=1.5)
    np.testing.assert_allclose(weekly_naive_errors(panel, days), 7 * 1.5)
    panel.prices[-1] = np.nan
    panel.prices[-2, 3:] = np.nan
    np.testing.assert_allclose(weekly_naive_errors(panel, days), [7 * 1.5, 7 * 1.5, np.nan])
    assert np.isnan(weekly_naive_errors(panel, [date(2025, 9, 30), date(2026, 1, 1)])).all()


def plain_panel(prices: Floats) -> DeliveryPanel:
    """Hourly days of a market without clock changes."""
    n_days = len(prices)
    return DeliveryPanel(
        zone="EPF_DE",
        days=np.arange(n_days) + np.datetime64("2015-03-20"),
        n_periods=np.full(n_days, 24),
        resolution_minutes=np.full(n_days, 60),
        prices=prices,
        inputs={},
        holiday_fraction=np.zeros(n_days),
    )


def test_without_clock_changes_the_naive_is_the_row_of_seven_days_before() -> None:
    prices = np.random.default_rng(1).normal(50, 30, (30, 24))
    prices[3, 5] = np.nan
    naive = weekly_naive(plain_panel(prices))
    assert np.isnan(naive[:7]).all()
    np.testing.assert_array_equal(naive[7:], prices[:-7])


def test_the_member_of_the_house_repeats_the_same_price() -> None:
    prices = np.random.default_rng(2).normal(50, 30, (60, 24))
    panel = plain_panel(prices)
    model = make_forecaster(load_settings_mapping({"kind": "naive"})).fit(panel.first(50))
    np.testing.assert_allclose(model.predict(panel.known_at_gate(50)).point, weekly_naive(panel)[50])


@pytest.mark.parametrize(
    ("zone", "first", "n_days"),
    [
        ("DE_LU", date(2025, 3, 20), 25),
        ("DE_LU", date(2025, 9, 20), 50),
        ("GB", date(2025, 3, 20), 25),
        ("PJM_WESTERN_HUB", date(2025, 10, 20), 25),
    ],
)
def test_frames_and_panels_give_the_same_naive(zone: str, first: date, n_days: int) -> None:
    rng = np.random.default_rng(3)
    days = days_between(first, first + timedelta(days=n_days - 1))
    rows = [
        {
            "delivery_day": day,
            "delivery_start_utc": start,
            "resolution_minutes": day_ahead_mtu_minutes(zone, day),
            "price_eur_per_mwh": float(rng.normal(50, 30)),
        }
        for day in days
        for start in delivery_starts_utc(zone, day)
    ]
    frame = pl.DataFrame(rows, schema_overrides={"delivery_start_utc": pl.Datetime("us", "UTC")})
    priced = frame.sample(fraction=0.99, seed=1, shuffle=True)
    lengths = [len(delivery_starts_utc(zone, day)) for day in days]
    known = {row["delivery_start_utc"]: row["price_eur_per_mwh"] for row in priced.iter_rows(named=True)}
    prices = np.full((n_days, max(lengths)), np.nan)
    for row, day in enumerate(days):
        prices[row, : lengths[row]] = [known.get(start, np.nan) for start in delivery_starts_utc(zone, day)]
    panel = DeliveryPanel(
        zone=zone,
        days=np.array(days, dtype="datetime64[D]"),
        n_periods=np.array(lengths),
        resolution_minutes=np.array([day_ahead_mtu_minutes(zone, day) for day in days]),
        prices=prices,
        inputs={},
        holiday_fraction=np.zeros(n_days),
    )
    of_frame = weekly_naive_of(frame.drop("price_eur_per_mwh"), priced, zone=zone).sort("delivery_start_utc")
    of_panel = np.concatenate([naive[:n] for naive, n in zip(weekly_naive(panel), lengths, strict=True)])
    assert np.isfinite(of_panel).sum() > 100
    np.testing.assert_allclose(
        of_frame["naive_eur_per_mwh"].fill_null(np.nan).to_numpy(), of_panel, rtol=1e-15
    )
