"""Made-up raw rows that keep their contract, to be spoilt one column at a time."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from spot.contracts.tables import find_contract
from spot.market.delivery import day_ahead_mtu_minutes, delivery_starts_utc, n_periods
from spot.market.publication_rules import published_by_utc

VALUE = {
    "day_ahead_prices": ("day_ahead", "price_eur_per_mwh"),
    "load_forecasts": ("load", "load_forecast_mw"),
    "renewable_forecasts": ("solar", "generation_forecast_mw"),
    "load_actuals": ("load", "load_mw"),
    "generation_actuals": ("solar", "generation_mw"),
    "intraday_prices": ("vwap", "price_eur_per_mwh"),
    "imbalance_prices": ("imbalance", "price_eur_per_mwh"),
}


def raw_day(
    table: str,
    zone: str,
    day: date,
    values: float | Iterable[float | None],
    *,
    series: str | None = None,
    minutes: int | None = None,
    available_at_utc: datetime | None = None,
    availability: str = "rule",
    source: str = "files",
) -> pl.DataFrame:
    """Rows of one day; `values` is a number for all periods or one per period."""
    default_series, column = VALUE[table]
    minutes = minutes or day_ahead_mtu_minutes(zone, day)
    starts = delivery_starts_utc(zone, day, minutes)
    step = timedelta(minutes=minutes)
    known = [available_at_utc or published_by_utc(table, zone, day, start + step) for start in starts]
    data: dict[str, Any] = {
        "zone": zone,
        "series": series or default_series,
        "delivery_day": day,
        "delivery_start_utc": list(starts),
        "resolution_minutes": minutes,
        column: [float(values)] * len(starts) if isinstance(values, int | float) else list(values),
        "available_at_utc": known,
        "availability": availability,
        "source": source,
    }
    contract = find_contract(table)
    if "volume_mwh" in contract.columns:
        data["volume_mwh"] = None
    return pl.DataFrame(data).select(contract.columns.keys()).cast(contract.schema)


def good_price_row(**changes: object) -> dict[str, object]:
    """One day-ahead price row of DE_LU on 2024-06-01, changed as told."""
    row: dict[str, object] = {
        "zone": "DE_LU",
        "series": "day_ahead",
        "delivery_day": date(2024, 6, 1),
        "delivery_start_utc": datetime(2024, 6, 1, 10, tzinfo=UTC),
        "resolution_minutes": 60,
        "price_eur_per_mwh": 42.0,
        "available_at_utc": datetime(2024, 5, 31, 11, tzinfo=UTC),
        "availability": "rule",
        "source": "files",
    }
    return row | changes


def price_frame(*rows: Mapping[str, object]) -> pl.DataFrame:
    """A frame of day-ahead price rows under the contract's types."""
    return pl.DataFrame(list(rows), schema=find_contract("day_ahead_prices").schema)


def ramp(zone: str, day: date, minutes: int | None = None, first: float = 0.0) -> list[float]:
    """One value per period: first, first + 1, ..."""
    return [first + i for i in range(n_periods(zone, day, minutes))]
