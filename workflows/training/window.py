"""The days of one training run: days to learn from, and newer days to judge on."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.models.training_order import TrainingOrder
from resources.settings.zones import Desk, ZoneSettings
from spot.contracts.days import last_day_or_none
from spot.errors import ForecastError
from spot.market.delivery import days_between


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingWindow:
    """Days of one training run: days to learn from, and newer days to judge on."""

    zone: str
    first_day: date
    learn_through: date
    evaluate_through: date

    @property
    def evaluation_days(self) -> tuple[date, ...]:
        """Days that the model never sees."""
        return days_between(self.learn_through + timedelta(days=1), self.evaluate_through)

    @property
    def serves_from(self) -> date:
        """First day that the version may forecast."""
        return self.evaluate_through + timedelta(days=1)


def training_window(zone: str, lake: Lake, desk: Desk, order: TrainingOrder, clock: Clock) -> TrainingWindow:
    """The days of a training run under this order.

    Raises:
        ForecastError: no price is known.
    """
    settings = desk.zone(zone)
    through = order.through() or _newest_price_day(lake, zone, settings, clock.now())
    learn_through = through - timedelta(days=settings.evaluation_days)
    return TrainingWindow(
        zone=zone,
        first_day=learn_through - timedelta(days=settings.training_days - 1),
        learn_through=learn_through,
        evaluate_through=through,
    )


def _newest_price_day(lake: Lake, zone: str, settings: ZoneSettings, now: datetime) -> date:
    prices = read_raw(lake, "day_ahead_prices", zone, settings, first_day=None, last_day=None).filter(
        pl.col("available_at_utc") <= now
    )
    newest = last_day_or_none(prices)
    if newest is None:
        raise ForecastError(f"zone {zone}: no day-ahead price is known at {now:%Y-%m-%d %H:%M} UTC")
    return newest
