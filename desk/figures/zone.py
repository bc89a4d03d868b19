"""Everything that a person at the desk wants to know of one zone, read at one instant."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from desk.figures.day import DayFacts, newest_decided_day, read_day
from desk.figures.limits import LimitUse
from desk.figures.models import ModelFacts, model_facts
from desk.figures.money import Money, Rivals
from desk.figures.monitors import MonitorVerdict, monitor_verdicts
from desk.figures.opened import OpenedDesk
from desk.figures.overrides import changes_of
from desk.figures.positions import Position, positions_of
from desk.trading.zone_status import ZoneStatus, mode_of, zone_statuses
from spot.market.delivery import delivery_day_of
from workflows.market_data.freshness import freshness_of_zone


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneFacts:
    """One zone at `read_utc`."""

    zone: str
    read_utc: datetime
    source: str
    mode: str
    statuses: tuple[ZoneStatus, ...]
    """Tomorrow, and after its gate the day whose gate comes next."""
    day: DayFacts | None
    """The newest decided day; None where nothing was ever decided."""
    outcome: DayFacts | None
    """The newest decided day whose prices are known; None where there is none."""
    money: tuple[Money, ...]
    positions: tuple[Position, ...]
    limits: tuple[LimitUse, ...]
    monitors: tuple[MonitorVerdict, ...]
    models: tuple[ModelFacts, ...]
    changes: pl.DataFrame
    """Orders of the last month that people changed, as `changes_of` reads them."""
    freshness: pl.DataFrame
    """Under `FRESHNESS_SCHEMA`."""

    @property
    def is_behind(self) -> bool:
        """Whether the newest decided day is not a coming one."""
        return self.day is None or self.day.day <= delivery_day_of(self.zone, self.read_utc)


def read_zone(opened: OpenedDesk, zone: str, now: datetime, naive: Rivals | None = None) -> ZoneFacts:
    """Read all facts of a zone; `naive` as `OpenedDesk.rivals` walks them."""
    lake, desk = opened.lake, opened.desk
    newest = newest_decided_day(lake, zone)
    day = None if newest is None else read_day(lake, desk, zone, newest)
    return ZoneFacts(
        zone=zone,
        read_utc=now,
        source=desk.zone(zone).source,
        mode=mode_of(opened.environment, zone),
        statuses=tuple(zone_statuses(lake, opened.environment, desk, zone, now)),
        day=day,
        outcome=_outcome(opened, zone, day),
        money=tuple(opened.money(zone, naive=naive)),
        positions=tuple(positions_of(opened.unit_positions(zone, now))),
        limits=tuple(opened.limits(zone)),
        monitors=tuple(monitor_verdicts(lake, zone)),
        models=tuple(model_facts(opened.registry, lake, zone)),
        changes=changes_of(opened, zone, *_last_month(zone, now)),
        freshness=freshness_of_zone(lake, desk, zone, now),
    )


def _last_month(zone: str, now: datetime) -> tuple[date, date]:
    tomorrow = delivery_day_of(zone, now) + timedelta(days=1)
    return tomorrow - timedelta(days=30), tomorrow


def _outcome(opened: OpenedDesk, zone: str, day: DayFacts | None) -> DayFacts | None:
    """The newest day with a price that is not after `day`: today's while tomorrow is not cleared yet."""
    if day is None or day.prices.height:
        return day
    priced = opened.lake.newest_day("day_ahead_prices", zone)
    if priced is None:
        return None
    found = read_day(opened.lake, opened.desk, zone, min(priced, day.day))
    return found if found.forecast.height and found.prices.height else None
