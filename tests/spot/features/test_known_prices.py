"""A model sees each price as it was known at the gate.

Missing while it was late, as first published until it was revised.
"""

from datetime import date, datetime, timedelta
from typing import cast

import numpy as np
import polars as pl
import pytest

from spot.contracts.panel import DeliveryPanel
from spot.contracts.raw_tables import RAW_TABLES
from spot.errors import ForecastError
from spot.features.known_prices import known_prices
from spot.features.matrix import build_features, build_panel
from spot.forecast.interface import PriceForecast, PriceForecaster
from spot.market.delivery import days_between, delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.market.publication_rules import published_by_utc
from spot.walk.forecasts import walk_forward

CONTRACT = next(contract for contract in RAW_TABLES if contract.name == "day_ahead_prices")
ZONE, DAYS = "DE_LU", days_between(date(2026, 3, 1), date(2026, 3, 20))
TARGET = date(2026, 3, 15)
YESTERDAY = TARGET - timedelta(days=1)
GATE = gate_closure_utc(ZONE, TARGET)
HOUR = timedelta(hours=1)


def on_time(day: date) -> datetime:
    return published_by_utc("day_ahead_prices", ZONE, day, GATE)  # a rule of the gate


def rows(day: date, price: float, available_at_utc: datetime, periods: range = range(96)) -> pl.DataFrame:
    starts = [start for i, start in enumerate(delivery_starts_utc(ZONE, day)) if i in periods]
    return pl.DataFrame(
        {
            "zone": ZONE,
            "series": "day_ahead",
            "delivery_day": day,
            "delivery_start_utc": starts,
            "resolution_minutes": 15,
            "price_eur_per_mwh": price,
            "available_at_utc": available_at_utc,
            "availability": "captured",
            "source": "files",
        },
        schema=CONTRACT.schema,
    )


def market(changed: dict[date, list[pl.DataFrame]]) -> pl.DataFrame:
    return pl.concat([frame for day in DAYS for frame in changed.get(day, [rows(day, 50.0, on_time(day))])])


class Spy:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.shown: list[DeliveryPanel] = []

    def predict(self, panel: DeliveryPanel) -> PriceForecast:
        self.shown.append(panel)
        raise ForecastError("only looks")


def seen(changed: dict[date, list[pl.DataFrame]], day: date, target: date = TARGET) -> np.ndarray:
    """(96,) the prices of `day` that a model is shown at the gate of `target`."""
    prices = market(changed)
    panel = build_panel(build_features({"day_ahead_prices": prices}, zone=ZONE, days=DAYS), prices, zone=ZONE)
    spy = Spy()
    walk_forward(
        cast("PriceForecaster", spy),
        panel,
        [target],
        published=known_prices(prices, zone=ZONE, first_day=DAYS[0], last_day=DAYS[-1]),
    )
    (shown,) = spy.shown
    return np.asarray(shown.prices[DAYS.index(day)][:96])


def test_a_revision_after_the_gate_is_not_seen_and_later_is() -> None:
    changed = {YESTERDAY: [rows(YESTERDAY, 50.0, on_time(YESTERDAY)), rows(YESTERDAY, 90.0, GATE + 3 * HOUR)]}
    assert (seen(changed, YESTERDAY) == 50.0).all()
    assert (seen(changed, YESTERDAY, TARGET + timedelta(days=1)) == 90.0).all()


def test_a_revision_at_the_very_second_of_the_gate_is_seen_and_one_second_later_is_not() -> None:
    for delay, price in ((0, 90.0), (1, 50.0)):
        changed = {
            YESTERDAY: [
                rows(YESTERDAY, 50.0, on_time(YESTERDAY)),
                rows(YESTERDAY, 90.0, GATE + timedelta(seconds=delay)),
            ]
        }
        assert (seen(changed, YESTERDAY) == price).all()


def test_the_late_half_of_a_day_is_missing() -> None:
    changed = {
        YESTERDAY: [
            rows(YESTERDAY, 50.0, on_time(YESTERDAY), range(48)),
            rows(YESTERDAY, 90.0, GATE + HOUR, range(48, 96)),
        ]
    }
    shown = seen(changed, YESTERDAY)
    assert (shown[:48] == 50.0).all()
    assert np.isnan(shown[48:]).all()


def test_a_day_long_past_that_came_late_is_missing_too() -> None:
    long_ago = TARGET - timedelta(days=9)
    assert np.isnan(seen({long_ago: [rows(long_ago, 90.0, GATE + HOUR)]}, long_ago)).all()


def test_days_of_the_panel_are_shown_as_they_are_where_all_was_on_time() -> None:
    assert (seen({}, YESTERDAY) == 50.0).all()
    assert np.isnan(seen({}, TARGET)).all()


@pytest.mark.parametrize(
    ("changed", "late", "runs"),
    [
        ({}, 0, [4]),
        ({YESTERDAY: [rows(YESTERDAY, 50.0, GATE + HOUR)]}, 1, [4]),
        (
            {YESTERDAY: [rows(YESTERDAY, 50.0, on_time(YESTERDAY)), rows(YESTERDAY, 90.0, GATE + HOUR)]},
            1,
            [2, 2],
        ),
        (
            {YESTERDAY: [rows(YESTERDAY, 50.0, on_time(YESTERDAY)), rows(YESTERDAY, 50.0, GATE + HOUR)]},
            1,
            [4],
        ),
    ],
)
def test_runs_end_where_a_known_price_changes(
    changed: dict[date, list[pl.DataFrame]], late: int, runs: list[int]
) -> None:
    published = known_prices(market(changed), zone=ZONE, first_day=DAYS[0], last_day=DAYS[-1])
    assert len(published.late_days()) == late
    days = [TARGET + timedelta(days=i) for i in range(-1, 3)]
    found = published.between_revisions(days)
    assert [len(run) for run in found] == runs
    assert [day for run in found for day in run] == days
