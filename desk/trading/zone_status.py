"""What `spotdesk status` shows of one zone and a coming day.

It is gathered from the lake, the registry and the stop button in well under a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of
from resources.settings.at_use import second_place
from resources.settings.desk import desk_settings
from resources.settings.environment import Environment
from resources.settings.risk_limits import read_limit_book
from resources.settings.zones import Desk
from resources.trading.clock_watch import ClockWatch
from resources.trading.leases import LeaseStore
from resources.trading.state import TradingStateStore
from resources.trading.state_files import StateRecord
from resources.wiring import make_registry
from spot.errors import ConfigurationError
from spot.market.delivery import delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.risk.state import TradingState
from spot.strategy.readiness.data_age import ESSENTIAL_FEEDS, essential_data_utc
from spot.strategy.readiness.tradeability import (
    ServingModel,
    Tradeability,
    TradeabilityFacts,
    assess_tradeability,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneStatus:
    """The answer for one zone and day, and its facts."""

    zone: str
    delivery_day: date
    tradeability: Tradeability
    champion: str | None
    essential_data_utc: datetime | None
    gate_utc: datetime

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return {
            "zone": self.zone,
            "day": self.delivery_day,
            "can_trade": self.tradeability.can_trade,
            "why": "; ".join(self.tradeability.reasons),
            "gate_utc": self.gate_utc,
            "champion": self.champion,
            "champion_age_days": self.tradeability.model_age_days,
            "newest_data_utc": self.essential_data_utc,
            "data_age_hours": self.tradeability.data_age_hours,
        }


def zone_statuses(
    lake: Lake, environment: Environment, desk: Desk, zone: str, now: datetime
) -> list[ZoneStatus]:
    """Tomorrow, and after tomorrow's gate also the day whose gate comes next."""
    tomorrow = delivery_day_of(zone, now) + timedelta(days=1)
    days = [tomorrow]
    if now >= gate_closure_utc(zone, tomorrow):
        days.append(tomorrow + timedelta(days=1))
    newest = newest_essential(lake, desk, zone, now)
    return [_of_day(lake, environment, desk, zone, day, now=now, newest=newest) for day in days]


def mode_of(environment: Environment, zone: str) -> str:
    """Paper or live, and the lease. A zone that is live in its settings shows what keeps it on paper."""
    settings = desk_settings(environment).zones.get(zone)
    if settings is None:
        return "paper, not in zones.yaml"
    if not settings.live:
        return "paper"
    lease = LeaseStore(environment.home).held(zone)
    return f"live, lease {lease.number}" if lease else f"paper, no lease: spotdesk live --zone {zone}"


def stops(environment: Environment, zone: str) -> tuple[str, ...]:
    """What lets nothing leave for the zone, each with its reason and its remedy.

    Halts and reductions here and at the second place, and a clock that is not trusted.
    """
    store = TradingStateStore(environment.trading_state)
    desk, own = store.record("desk"), store.record(f"zone-{zone}")
    # If the whole folder is missing, that is shown once.
    is_same = not own.since_utc and own.reason == desk.reason
    here = tuple(
        stop_line(record)
        for record in (desk, *(() if is_same else (own,)))
        if record.state is not TradingState.ACTIVE
    )
    return (*here, *clock_line(environment), *second_place_line(environment, zone))


def clock_line(environment: Environment) -> tuple[str, ...]:
    """Why the clock of the machine is not trusted, and the cure; nothing where it is."""
    problem = ClockWatch(environment.trading_state).problem()
    cure = 'a person confirms it with `spotdesk clock confirm --by NAME --reason "..."`'
    return (f"the clock is not trusted, {problem}; {cure}",) if problem else ()


def second_place_line(environment: Environment, zone: str | None = None) -> tuple[str, ...]:
    """What the second place of the stop button forbids; nothing where it forbids nothing or is not set."""
    place = second_place(environment)
    found = place.ask(zone) if place is not None else None
    if found is None or found.state is TradingState.ACTIVE:
        return ()
    return (f"{found.state} at the second place: {found.reason}",)


def stop_line(record: StateRecord) -> str:
    """Who is stopped, why, and the command that undoes it."""
    who = "desk" if record.scope == "desk" else record.scope.removeprefix("zone-")
    means = " (only orders that close open positions)" if record.state is TradingState.REDUCING else ""
    return f"{who} {record.state}{means}, {record.reason}; to resume: `{record.cure}`"


def newest_essential(lake: Lake, desk: Desk, zone: str, now: datetime) -> datetime | None:
    """When the essential feed with the oldest data last had a new day.

    Only the sources that the zone trusts count.
    """
    sources, raw = list(desk.zone(zone).sources), {}
    for table in ESSENTIAL_FEEDS:
        newest = lake.newest_day(table, zone)
        if newest is not None:
            first = min(newest, now.date()) - timedelta(days=7)
            raw[table] = lake.read(table, zones=[zone], first_day=first).filter(
                pl.col("source").is_in(sources)
            )
    return essential_data_utc(raw, zone=zone, as_of_utc=now)


def _of_day(
    lake: Lake,
    environment: Environment,
    desk: Desk,
    zone: str,
    day: date,
    *,
    now: datetime,
    newest: datetime | None,
) -> ZoneStatus:
    settings, gate = desk.zone(zone), gate_closure_utc(zone, day)
    version = make_registry(environment).pointer(zone).serving(day, lineage_of(settings))
    tables = {
        name: lake.read(name, zones=[zone], first_day=day, last_day=day)
        for name in ("day_ahead_forecasts", "signals", "risk_events", "publications")
    }
    strategies, unread = _kinds(desk, settings.strategies)
    facts = TradeabilityFacts(
        zone=zone,
        source=settings.source,
        delivery_day=day,
        now=now,
        stops=stops(environment, zone),
        limits=read_limit_book(environment.settings_folder / "risk_limits.yaml"),
        strategies=strategies,
        unread_strategies=unread,
        model=(
            None
            if version is None
            else ServingModel(version=version.version, trained_through=version.trained_through)
        ),
        essential_data_utc=newest,
        forecasts_at_utc=(
            gate - timedelta(minutes=settings.gate_lead_minutes) if settings.is_scheduled else None
        ),
        forecasts=tables["day_ahead_forecasts"],
        signals=tables["signals"],
        events=tables["risk_events"],
        publications=tables["publications"],
    )
    champion = None if version is None else version.version
    return ZoneStatus(
        zone=zone,
        delivery_day=day,
        tradeability=assess_tradeability(facts),
        champion=champion,
        essential_data_utc=newest,
        gate_utc=gate,
    )


def _kinds(desk: Desk, names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The kinds of these strategies, and why others of them are not known."""
    kinds, unread = [], []
    for name in names:
        try:
            kinds.append(_kind(desk, name))
        except ConfigurationError as error:
            unread.append(f"strategy {name}: {error}")
    return tuple(kinds), tuple(unread)


def _kind(desk: Desk, name: str) -> str:
    """The strategy that a file in `conf/strategies` sets: how its signals are named."""
    kind = desk.document("strategies", name).content.get("strategy")
    if not isinstance(kind, str):
        raise ConfigurationError(f"conf/strategies/{name}.yaml names no strategy")
    return kind
