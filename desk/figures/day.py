"""The day that people look at: its forecasts, its orders with their reasons, and the prices that followed."""

from dataclasses import dataclass
from datetime import date

import polars as pl
from deltalake.exceptions import DeltaError

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.settings.zones import Desk
from resources.trading.orders_to_send import orders_to_send
from spot.contracts.vintages import newest_vintage
from spot.errors import SpotdeskError

_TABLE = "day_ahead_forecasts"
_ORDER_COLUMNS = (
    "delivery_start_utc",
    "resolution_minutes",
    "strategy",
    "market",
    "side",
    "volume_mw",
    "reach_mw",
    "limit_price_eur_per_mwh",
    "expected_price_eur_per_mwh",
    "expected_value_eur",
    "valid_until_utc",
    "mode",
    "reasons",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayFacts:
    """One zone and delivery day as it was read once. Frames are sorted by `delivery_start_utc`."""

    zone: str
    day: date
    forecast: pl.DataFrame
    """The champion's rows under `day_ahead_forecasts`, perhaps none."""
    earlier: pl.DataFrame
    """What the champion said of the day before, in earlier versions of the table; perhaps none."""
    challengers: pl.DataFrame
    """The same of versions in shadow."""
    orders: pl.DataFrame
    """The champion's signals that buy or sell, as people have changed them."""
    prices: pl.DataFrame
    """`delivery_start_utc`, `resolution_minutes`, `price_eur_per_mwh` of the auction, where it is known."""

    @property
    def mean_absolute_error(self) -> float | None:
        """Of the champion's point forecast, EUR/MWh; None where no price is known."""
        point = pl.col("price_point_eur_per_mwh") - pl.col("price_eur_per_mwh")
        both = self.forecast.join(self.prices, on="delivery_start_utc", how="inner")
        return float(both.select(point.abs().mean()).item()) if both.height else None


def newest_decided_day(lake: Lake, zone: str) -> date | None:
    """The newest day with a forecast or a signal: tomorrow, on a desk that runs."""
    days = [lake.newest_day(table, zone) for table in ("day_ahead_forecasts", "signals")]
    return max((day for day in days if day is not None), default=None)


def read_day(lake: Lake, desk: Desk, zone: str, day: date) -> DayFacts:
    """What the tables hold of one zone and delivery day."""
    span = {"zones": [zone], "first_day": day, "last_day": day}
    forecasts = lake.read(_TABLE, **span).sort("delivery_start_utc")  # type: ignore[arg-type]
    signals = orders_to_send(lake, zone, day, day).signals.filter(
        pl.col("role") == "champion", pl.col("side") != "flat"
    )
    known = read_raw(lake, "day_ahead_prices", zone, desk.zone(zone), first_day=day, last_day=day)
    prices = newest_vintage(known, by=["delivery_start_utc"]).select(
        pl.col("delivery_start_utc").dt.cast_time_unit("us"), "resolution_minutes", "price_eur_per_mwh"
    )
    is_champion = pl.col("role") == "champion"
    return DayFacts(
        zone=zone,
        day=day,
        forecast=forecasts.filter(is_champion),
        earlier=_earlier(lake, zone, day, forecasts.filter(is_champion)),
        challengers=forecasts.filter(~is_champion),
        orders=signals.select(_ORDER_COLUMNS).sort("delivery_start_utc", "strategy"),
        prices=prices.sort("delivery_start_utc"),
    )


_VERSIONS_BACK, _MOST_EARLIER, _MOST_KEPT = 12, 3, 64
"""Versions of the table that are looked at, forecasts that are shown, and days whose forecasts are
remembered. Chosen by hand: a page waits for the reads, and more than three faint lines cannot be told apart.
"""
_POINT = "price_point_eur_per_mwh"
_EARLIER: dict[tuple[str, str, str, date], pl.DataFrame] = {}


def _earlier(lake: Lake, zone: str, day: date, newest: pl.DataFrame) -> pl.DataFrame:
    """Earlier forecasts of the day that differ from the newest one, from the last versions of the table.

    They are read once for each version of the table.
    """
    key = (lake.uri, lake.state(_TABLE), zone, day)
    if key not in _EARLIER:
        while len(_EARLIER) >= _MOST_KEPT:
            _EARLIER.pop(next(iter(_EARLIER)))
        _EARLIER[key] = _read_earlier(lake, zone, day, newest)
    return _EARLIER[key]


def _read_earlier(lake: Lake, zone: str, day: date, newest: pl.DataFrame) -> pl.DataFrame:
    found: list[pl.DataFrame] = []
    last = lake.version(_TABLE)
    for version in range(last - 1, max(last - 1 - _VERSIONS_BACK, -1), -1):
        try:
            rows = lake.read(_TABLE, zones=[zone], first_day=day, last_day=day, version=version)
        except (DeltaError, OSError, SpotdeskError):
            break  # its files are no longer kept
        rows = rows.filter(role="champion").sort("delivery_start_utc")
        if rows.is_empty():
            break  # the day was forecast later
        if not any(rows[_POINT].equals(other[_POINT]) for other in (newest, *found)):
            found.append(rows)
        if len(found) == _MOST_EARLIER:
            break
    return pl.concat(found) if found else newest.clear()
