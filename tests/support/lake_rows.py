"""Rows for the tests of the lake: prices of a zone's days, and an outcome a day."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from resources.lake.lake import Lake
from spot.contracts.tables import find_contract
from spot.market.delivery import days_between
from tests.support.raw_rows import ramp, raw_day

DAY = date(2024, 6, 1)


def prices(zone: str = "DE_LU", first_day: date = DAY, n_days: int = 1, **how: Any) -> pl.DataFrame:
    return pl.concat(
        [
            raw_day("day_ahead_prices", zone, day, ramp(zone, day), **how)
            for day in days_between(first_day, first_day + timedelta(days=n_days - 1))
        ]
    )


def training_rows(
    days: list[date] | tuple[date, ...], price: float = 1.0, zone: str = "DE_LU"
) -> pl.DataFrame:
    contract = find_contract("training_set")
    rows = [
        dict.fromkeys(contract.columns)
        | {
            "zone": zone,
            "delivery_day": day,
            "delivery_start_utc": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
            "resolution_minutes": 60,
            "price_eur_per_mwh": price,
            "as_of_utc": datetime(day.year, day.month, day.day, 10, tzinfo=UTC) - timedelta(days=1),
            "source": "files",
        }
        for day in days
    ]
    return pl.DataFrame(rows, schema=contract.schema)


def outcomes(lake: Lake, **where: Any) -> dict[date, float]:
    return dict(lake.read("training_set", **where).select("delivery_day", "price_eur_per_mwh").iter_rows())
