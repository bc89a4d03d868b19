"""The day that people look at: its forecasts, its orders with their reasons, and the prices that followed."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.settings.zones import Desk
from spot.contracts.vintages import newest_vintage

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
    challengers: pl.DataFrame
    """The same of versions in shadow."""
    orders: pl.DataFrame
    """The champion's signals that buy or sell."""
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
    forecasts = lake.read("day_ahead_forecasts", **span).sort("delivery_start_utc")  # type: ignore[arg-type]
    signals = lake.read("signals", **span).filter(  # type: ignore[arg-type]
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
        challengers=forecasts.filter(~is_champion),
        orders=signals.select(_ORDER_COLUMNS).sort("delivery_start_utc", "strategy"),
        prices=prices.sort("delivery_start_utc"),
    )
