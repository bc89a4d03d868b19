"""The page: facts as words, in local time, from the templates beside this file."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from desk.every_day.follow import countdown
from desk.figures.day import DayFacts
from desk.figures.limits import LimitUse
from desk.figures.money import PERIODS
from desk.figures.overrides import scores_of
from desk.figures.zone import ZoneFacts
from desk.screen.report import show_value
from desk.trader_screen.charts import day_chart
from desk.trader_screen.snapshot import STALE_AFTER, Snapshot
from desk.trading.zone_status import ZoneStatus
from resources.identity.roles import Identity, may
from resources.trading.state_files import StateRecord
from spot.market.clock import local_time
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.risk.state import TradingState, stricter

_SHOWN_LIMITS = 8
"""Chosen by hand: the fullest limits, so that a zone stays on one screen. `spotdesk limits` has all."""
_ACTIONS = ("halt", "reduce", "resume", "acknowledge", "sign_off", "override")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a page is made from."""

    home: Path
    snapshot: Snapshot | None
    problem: str
    records: tuple[StateRecord, ...]
    who: Identity
    now: datetime
    needs_login: bool


def page(shown: Shown) -> str:
    """The whole page as HTML."""
    return _template("screen.html.j2").render(**_words(shown))


def _words(shown: Shown) -> dict[str, Any]:
    snapshot = shown.snapshot
    is_old = snapshot is None or shown.now - snapshot.read_utc > STALE_AFTER
    return {
        "home": shown.home,
        "who": shown.who,
        "may": {action: may(shown.who, action) for action in _ACTIONS},
        "needs_login": shown.needs_login,
        "now": shown.now,
        "desk": _record(shown, "desk"),
        "problem": shown.problem,
        "is_old": is_old,
        "read_utc": None if snapshot is None else snapshot.read_utc,
        "outside": () if snapshot is None else snapshot.outside,
        "zones": [] if snapshot is None else [zone_words(facts, shown) for facts in snapshot.zones],
        "alerts": () if snapshot is None else snapshot.alerts,
        "is_simulated": snapshot is not None and any(facts.source == "simulated" for facts in snapshot.zones),
    }


def _record(shown: Shown, scope: str) -> StateRecord:
    """The record of a scope; one without a file of its own has that of nobody."""
    return next(
        (record for record in shown.records if record.scope == scope),
        StateRecord(scope, TradingState.ACTIVE, "", "", ""),
    )


def zone_words(facts: ZoneFacts, shown: Shown) -> dict[str, Any]:
    """One zone for the template; the trading state is that of now, not that of the snapshot."""
    own, desk = _record(shown, f"zone-{facts.zone}"), _record(shown, "desk")
    state = stricter(own.state, desk.state)
    clock = ZoneInfo(find_zone(facts.zone).market_time_zone)
    return {
        "name": facts.zone,
        "own": own,
        "state": state,
        "facts": facts,
        "clock": clock,
        "days": [_answer(facts.zone, status, state, clock, shown.now) for status in facts.statuses],
        "decided": _day_words(facts.day, "forecast and orders"),
        "outcome": _day_words(facts.outcome, "forecast and outcome"),
        "limits": limits_shown(facts.limits),
        "changes": facts.changes.to_dicts(),
        "scores": scores_of(facts.changes),
        "can_change": facts.day is not None and shown.now < gate_closure_utc(facts.zone, facts.day.day),
        "open_alerts": sum(
            alert.is_open and alert.zone in (facts.zone, "all")
            for alert in (shown.snapshot.alerts if shown.snapshot else ())
        ),
    }


def _answer(
    zone: str, status: ZoneStatus, state: TradingState, clock: ZoneInfo, now: datetime
) -> dict[str, Any]:
    """Can we trade the day. A halt counts at once, whatever the facts said when they were read."""
    tradeability = status.tradeability
    is_halted_since = tradeability.can_trade and state is TradingState.HALTED
    return {
        "day": status.delivery_day,
        "can_trade": tradeability.can_trade and not is_halted_since,
        "reasons": (f"{zone} is {state}: nothing leaves",) if is_halted_since else tradeability.reasons,
        "gate": status.gate_utc,
        "gate_local": f"{status.gate_utc.astimezone(clock):%d %b %H:%M}",
        "countdown": countdown(status.gate_utc, now),
    }


@lru_cache(maxsize=128)
def _day_words(day: DayFacts | None, what: str) -> dict[str, Any] | None:
    if day is None:
        return None
    orders = day.orders.with_columns(local=local_time(day.zone).dt.strftime("%H:%M"))
    return {
        "day": day.day,
        "chart": day_chart(day, label=f"{day.zone} {day.day}: {what} of the day-ahead price, EUR/MWh"),
        "orders": orders.to_dicts(),
        "expected_eur": float(day.orders["expected_value_eur"].sum()) if day.orders.height else None,
        "model": None if day.forecast.is_empty() else day.forecast["model_version"][0],
        "error": day.mean_absolute_error,
        "low": _extreme(day.forecast, "min"),
        "high": _extreme(day.forecast, "max"),
    }


def _extreme(forecast: pl.DataFrame, which: str) -> float | None:
    column = forecast["price_point_eur_per_mwh"]
    return None if column.is_empty() else float(column.min() if which == "min" else column.max())  # type: ignore[arg-type]


def limits_shown(limits: tuple[LimitUse, ...]) -> list[LimitUse]:
    """The fullest limits; scopes and strategies that use one alike share a line."""
    seen: dict[tuple[str, float | None, float | None], LimitUse] = {}
    for use in limits:
        seen.setdefault((use.limit, use.used, use.allowed), use)
    return list(seen.values())[:_SHOWN_LIMITS]


def age(instant: datetime | None, now: datetime) -> str:
    """How long ago, in words."""
    if instant is None:
        return "never"
    minutes = max(0, int((now - instant) / timedelta(minutes=1)))
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} days ago"


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["value"] = show_value
    environment.filters["amount"] = lambda value: f"{value:,.0f}"
    environment.globals |= {"age": age, "periods": PERIODS}
    return environment.get_template(name)
