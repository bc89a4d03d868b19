"""The desk opened for reading: its settings, its tables, and the zones that were asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

import polars as pl

from desk.figures.alerts import Alert, alerts_of
from desk.figures.limits import LimitUse, limit_uses
from desk.figures.money import Money, Rivals, money_of, period_days
from desk.figures.positions import unit_positions
from resources.lake.lake import Lake
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment
from resources.settings.zones import Desk
from resources.wiring import make_lake, make_registry
from spot.errors import ConfigurationError
from spot.market.delivery import days_between, delivery_day_of
from spot.market.zones import find_zone
from spot.strategy.by_hand.changes import with_changes

if TYPE_CHECKING:
    from resources.models.registry import ModelRegistry


@dataclass(frozen=True)
class OpenedDesk:
    """One desk and what its tables say; each method reads anew."""

    environment: Environment

    @cached_property
    def lake(self) -> Lake:
        """The tables."""
        return make_lake(self.environment)

    @cached_property
    def registry(self) -> "ModelRegistry":
        """The models; slow to import, so made when it is asked for."""
        return make_registry(self.environment)

    @cached_property
    def desk(self) -> Desk:
        """The settings in force; a zone that was run is there, whether `zones.yaml` lists it or not."""
        return desk_resource(self.environment, zones=self.lake.zones("day_ahead_forecasts"))

    def zones(self, zone: str | None = None) -> tuple[str, ...]:
        """Every zone of the desk, or the one that was asked for.

        Raises:
            ConfigurationError: there is no such zone, or the desk does not have it.
        """
        if zone is None:
            return tuple(self.desk.zones)
        name = find_zone(zone).name
        if name not in self.desk.zones:
            raise ConfigurationError(f"the desk does not have {name}: it has {', '.join(self.desk.zones)}")
        return (name,)

    def settled_span(self, zone: str, *, last: date | None = None) -> tuple[date, date] | None:
        """First and last day of the longest period up to `last`, by default the newest settled day."""
        newest = last or self.lake.newest_day("settlements", zone)
        return None if newest is None else (min(day for day, _ in period_days(newest).values()), newest)

    def money(self, zone: str, *, last: date | None = None, naive: Rivals | None = None) -> list[Money]:
        """P&L of day, seven days and month up to `last`, by default the newest settled day.

        `naive` are the rivals on the days of `settled_span`, as `rivals` walks them.
        """
        span = self.settled_span(zone, last=last)
        if span is None:
            return []
        settled = self.lake.read("settlements", zones=[zone], first_day=span[0], last_day=span[1])
        return money_of(settled, span[1], naive=naive)

    def rivals(self, zone: str, *, last: date | None = None) -> tuple[Rivals, str]:
        """What naive rivals would have earned on the days of `settled_span`, and why there are none.

        It walks every strategy again, which takes seconds.
        """
        span = self.settled_span(zone, last=last)
        if span is None:
            return {}, "nothing is settled yet"
        from desk.figures.naive import naive_money  # the walk is slow to import

        return naive_money(
            zone,
            days_between(*span),
            lake=self.lake,
            desk=self.desk,
            registry=self.registry,
            environment=self.environment,
        )

    def unit_positions(self, zone: str, now: datetime, *, day: date | None = None) -> pl.DataFrame:
        """Units with an order from today on, or of `day`; of the newest decided day where there are none."""
        today = delivery_day_of(zone, now)
        newest = self.lake.newest_day("signals", zone)
        first = day or min(today, newest or today)
        span = {"zones": [zone], "first_day": first, "last_day": day}
        signals, sent, settled, changed, judged = (
            self.lake.read(table, **span)  # type: ignore[arg-type]
            for table in (
                "signals",
                "publications",
                "settlements",
                "order_overrides",
                "override_conformance",
            )
        )
        return unit_positions(with_changes(signals, changed, judged).signals, sent, settled, now)

    def limits(self, zone: str, *, day: date | None = None) -> list[LimitUse]:
        """Limits used on `day`, by default the newest that was decided."""
        judged = self.lake.newest_day("limit_conformance", zone) if day is None else day
        if judged is None:
            return []
        machine, people = (
            self.lake.read(table, zones=[zone], first_day=judged, last_day=judged)
            for table in ("limit_conformance", "override_conformance")
        )
        both = pl.concat([machine, people.select(machine.columns)])
        is_newest = pl.col("as_of_utc") == pl.col("as_of_utc").max().over("strategy", "role")
        return limit_uses(both.filter(is_newest), judged)

    def alerts(self, zones: Sequence[str] | None = None, *, since: datetime | None = None) -> list[Alert]:
        """Alerts, open ones first."""
        return alerts_of(self.lake, since=since, zones=zones)
