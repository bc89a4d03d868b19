"""Changes of orders that people made: which, by whom, and what they earned beside the machine."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from desk.figures.opened import OpenedDesk
from resources.identity.person import system_user
from spot.contracts.words import OverrideAction
from spot.errors import ConfigurationError
from spot.market.clock import local_time
from spot.market.delivery import ZoneDays
from workflows.decisions.by_hand import AskedChange, Changing, refused
from workflows.decisions.by_hand_money import override_money


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One person's changes in one zone: override money minus machine money on the same units."""

    entered_by: str
    zone: str
    currency: str
    n_orders: int
    n_settled: int
    machine_pnl: float
    override_pnl: float

    @property
    def gain(self) -> float:
        """What the person added to what the machine would have earned."""
        return self.override_pnl - self.machine_pnl

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return {**asdict(self), "gain": self.gain}


def changes_of(opened: OpenedDesk, zone: str, first_day: date, last_day: date) -> pl.DataFrame:
    """Units whose newest change stands, with the money of both where prices are known, in local time."""
    rows = override_money(ZoneDays(zone, first_day, last_day), opened.lake, opened.desk)
    return rows.with_columns(local=local_time(zone).dt.strftime("%H:%M"))


def scores_of(changes: pl.DataFrame) -> list[Score]:
    """The rows of `changes_of`, any zones, summed by person; whoever gained most comes first."""
    scores = []
    for key, own in changes.group_by("entered_by", "zone", maintain_order=True):
        settled = own.drop_nulls(["machine_pnl", "override_pnl"])
        scores.append(
            Score(
                entered_by=str(key[0]),
                zone=str(key[1]),
                currency=str(settled["currency"][0]) if settled.height else "EUR",
                n_orders=own.height,
                n_settled=settled.height,
                machine_pnl=float(settled["machine_pnl"].sum()),
                override_pnl=float(settled["override_pnl"].sum()),
            )
        )
    return sorted(scores, key=lambda one: -one.gain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A change as people say it: local times of one strategy's day."""

    zone: str
    delivery_day: date
    strategy: str
    units: str
    """`all`, one local time such as `18:00`, or a span such as `18:00-20:00`, its end not included."""
    action: OverrideAction
    volume_mw: float | None = None
    limit_price_eur_per_mwh: float | None = None


def enter(
    opened: OpenedDesk, wish: Wish, *, by: str, reason: str, clock: Callable[[], datetime]
) -> pl.DataFrame:
    """Judge and write down a change; rows of `order_overrides`.

    Raises:
        ConfigurationError: it was refused, and nothing was changed; the message says why.
    """
    (zone,) = opened.zones(wish.zone)
    asked = AskedChange(
        zone=zone,
        delivery_day=wish.delivery_day,
        strategy=wish.strategy,
        starts_utc=tuple(units_meant(opened, wish)),
        action=wish.action,
        volume_mw=wish.volume_mw,
        limit_price_eur_per_mwh=wish.limit_price_eur_per_mwh,
        reason=reason,
        entered_by=by,
        system_user=system_user(),
    )
    changing = Changing(opened.lake, opened.desk, opened.registry, opened.environment.trading_state)
    return changing.change(asked, clock)


def units_meant(opened: OpenedDesk, wish: Wish) -> Sequence[datetime]:
    """Starts of the units of the strategy's day that the words mean.

    Raises:
        ConfigurationError: no such time, or nothing was decided.
    """
    (zone,) = opened.zones(wish.zone)
    rows = opened.lake.read("signals", zones=[zone], first_day=wish.delivery_day, last_day=wish.delivery_day)
    own = rows.filter(role="champion", strategy=wish.strategy).sort("delivery_start_utc")
    own = own.with_columns(local=local_time(zone).dt.strftime("%H:%M"))
    if own.is_empty():
        known = ", ".join(rows["strategy"].unique().sort()) or "none, the day was not decided yet"
        raise refused(f"{zone} has no orders of {wish.strategy!r} for {wish.delivery_day}: there are {known}")
    if wish.units == "all":
        return own["delivery_start_utc"].to_list()
    first, _, last = wish.units.partition("-")
    begin = _minutes(first)
    end = _minutes(last) if last else begin + int(own["resolution_minutes"][0])
    minutes = [_minutes(text) for text in own["local"]]
    chosen = [
        start for start, at in zip(own["delivery_start_utc"], minutes, strict=True) if begin <= at < end
    ]
    if not chosen:
        raise refused(f"no unit starts within {wish.units}: give a local time such as 18:00, or 18:00-20:00")
    return chosen


def _minutes(text: str) -> int:
    hours, _, minutes = text.strip().partition(":")
    try:
        at = timedelta(hours=int(hours), minutes=int(minutes or 0))
    except ValueError:
        raise refused(f"{text!r} is not a time of the form 18:00") from None
    total = int(at.total_seconds() // 60)
    if not 0 <= total <= 24 * 60:
        raise refused(f"{text!r} is not a time of the day")
    return total


def read_number(text: str, what: str) -> float | None:
    """A number that a person typed; None for nothing.

    Raises:
        ConfigurationError: it is no number.
    """
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise ConfigurationError(f"REFUSED, nothing was changed: {what} {text!r} is no number") from None
