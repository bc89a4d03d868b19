"""Orders changed by a person before the gate: judged as the machine's own, written down, and then sent.

A change is a record in `order_overrides` and never touches `signals`. What it uses of each limit stands in
`override_conformance`; changed orders leave only where that is of the machine's newest decision.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.settings.zones import Desk
from resources.trading.locks import deciding, writing_decision
from resources.trading.state import TradingStateStore
from spot.arrays import Floats
from spot.contracts.override_tables import ORDER_OVERRIDES, OVERRIDE_CONFORMANCE
from spot.contracts.words import OverrideAction
from spot.errors import ConfigurationError
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.risk.state import TradingState
from spot.strategy.by_hand.changes import also_changed, standing_changes
from spot.strategy.by_hand.judge import JudgedOrders, judge_orders
from spot.strategy.request import SignalRequest
from spot.walk.inputs import Book, decision_instant
from spot.walk.request import signal_requests
from workflows.decisions.inputs import book_before, walk_inputs

_ID_LENGTH, _LONGEST = 24, 500
"""Digits of an id, as of a signal's; most characters of a text that a person typed. Chosen by hand.
"""
_PLAIN = "day_ahead"
"""Market of orders that are filled unit by unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedChange:
    """What a person asks for: some units of one strategy's day."""

    zone: str
    delivery_day: date
    strategy: str
    starts_utc: tuple[datetime, ...]
    action: OverrideAction
    volume_mw: float | None = None
    """None leaves the power as it is."""
    limit_price_eur_per_mwh: float | None = None
    """None leaves the price as it is."""
    reason: str
    entered_by: str
    system_user: str


@dataclass(frozen=True)
class Changing:
    """The desk on which orders are changed."""

    lake: Lake
    desk: Desk
    registry: ModelRegistry
    state_folder: Path

    def change(self, asked: AskedChange, clock: Callable[[], datetime]) -> pl.DataFrame:
        """Judge what is asked and write it down; rows of `order_overrides`.

        Raises:
            ConfigurationError: the gate is closed, the zone is halted, there is no such order, or a limit
                does not allow it. Nothing was changed, and the message says why.
            SourceUnavailableError: other zones have been deciding for too long.
        """
        _check(asked)
        with deciding(self.state_folder):
            now = clock()
            self._check_open(asked, now)
            machine = self._machine(asked.zone, asked.delivery_day, asked.strategy)
            before = self._overrides(asked.zone, asked.delivery_day)
            now = max(now, _after(before))
            rows = _rows(asked, machine, before, now)
            judged = self._judge(machine, pl.concat([before, rows]), now)
            if judged.problems:
                raise refused("; ".join(judged.problems))
            rows = rows.with_columns(
                value_at_risk_eur=pl.lit(judged.value_at_risk_eur),
                expected_shortfall_eur=pl.lit(judged.expected_shortfall_eur),
            )
            self._write(judged, rows, machine)
        return rows

    def judge_again(self, span: ZoneDays, now: datetime) -> dict[tuple[date, str], tuple[str, ...]]:
        """Judge what stands against a new decision of the machine; called while `deciding` is held.

        Day and strategy of each change that the limits no longer allow, and why: its orders do not leave.
        """
        refused = {}
        overrides = self.lake.read(
            ORDER_OVERRIDES.name, zones=[span.zone], first_day=span.first_day, last_day=span.last_day
        )
        for day, strategy in overrides.select("delivery_day", "strategy").unique().sort(pl.all()).iter_rows():
            if now >= gate_closure_utc(span.zone, day):
                continue
            machine = self._machine(span.zone, day, strategy)
            judged = self._judge(machine, overrides.filter(delivery_day=day, strategy=strategy), now)
            if judged.problems:
                refused[day, strategy] = judged.problems
            else:
                self._write(judged, ORDER_OVERRIDES.empty(), machine)
        return refused

    def _check_open(self, asked: AskedChange, now: datetime) -> None:
        gate = gate_closure_utc(asked.zone, asked.delivery_day)
        if now >= gate:
            raise refused(
                f"the gate of {asked.zone} for {asked.delivery_day} closed at {gate:%Y-%m-%d %H:%M} UTC"
            )
        state = TradingStateStore(self.state_folder).state(asked.zone)
        if state is TradingState.HALTED:
            raise refused(f"{asked.zone} is HALTED, so no order leaves; `spotdesk state` says why")

    def _machine(self, zone: str, day: date, strategy: str) -> pl.DataFrame:
        """The champion's signals of the strategy's day, by delivery start."""
        rows = self.lake.read("signals", zones=[zone], first_day=day, last_day=day).filter(role="champion")
        own = rows.filter(strategy=strategy).sort("delivery_start_utc")
        if own.is_empty():
            known = ", ".join(rows["strategy"].unique().sort()) or "none: the day was not decided yet"
            raise refused(f"{zone} has no orders of {strategy!r} for {day}; strategies of the day: {known}")
        return own

    def _overrides(self, zone: str, day: date) -> pl.DataFrame:
        return self.lake.read(ORDER_OVERRIDES.name, zones=[zone], first_day=day, last_day=day)

    def _judge(self, machine: pl.DataFrame, overrides: pl.DataFrame, now: datetime) -> JudgedOrders:
        """The whole day of one strategy with what stands, on the desk as it is now."""
        zone, day, strategy = machine.select("zone", "delivery_day", "strategy").row(0)
        own = standing_changes(overrides.filter(strategy=strategy))
        exposure, price = _wanted(machine, own)
        return judge_orders(self._request(zone, day, strategy, now), exposure, price)

    def _request(self, zone: str, day: date, strategy: str, now: datetime) -> SignalRequest:
        span = ZoneDays(zone, day, day)
        inputs = walk_inputs(span, self.lake, self.desk, self.registry, self.state_folder, now)
        chosen = next((one for one in inputs.strategies if one.strategy == strategy), None)
        if chosen is None:
            raise refused(f"{strategy} is no longer a strategy of {zone}")
        today = self.lake.read("signals", zones=[zone], first_day=day, last_day=day)
        before = book_before(span, self.lake)
        others = also_changed(today, self._overrides(zone, day))
        book = Book(
            signals=pl.concat([before.signals, others.filter(pl.col("strategy") != strategy)]),
            settlements=before.settlements,
        )
        instant = decision_instant(inputs, day, halted_until=date.min)
        return signal_requests(inputs, instant, chosen, book)[0]

    def _write(self, judged: JudgedOrders, rows: pl.DataFrame, machine: pl.DataFrame) -> None:
        """Limits first: changed orders without limits of their own never leave."""
        conformance = judged.conformance.with_columns(decided_as_of_utc=pl.lit(machine["as_of_utc"][0]))
        with writing_decision(self.state_folder):
            self.lake.append_only(OVERRIDE_CONFORMANCE.name, conformance.cast(OVERRIDE_CONFORMANCE.schema))
            if rows.height:
                self.lake.append_only(ORDER_OVERRIDES.name, rows)


def refused(why: str) -> ConfigurationError:
    """The error of a change that was not made."""
    return ConfigurationError(f"REFUSED, nothing was changed: {why}")


def _check(asked: AskedChange) -> None:
    for said, what in ((asked.reason, "a reason"), (asked.entered_by, "the name of a person")):
        if not said.strip():
            raise refused(f"{what} is missing")
    numbers = [one for one in (asked.volume_mw, asked.limit_price_eur_per_mwh) if one is not None]
    if not all(np.isfinite(one) for one in numbers):
        raise refused("volume and price are finite numbers")
    if asked.volume_mw is not None and asked.volume_mw <= 0:
        raise refused("a volume is above zero; leave the order out instead")
    if asked.action == "change" and not numbers:
        raise refused("a new volume or a new price is missing")
    if asked.action != "change" and numbers:
        raise refused("volume and price belong to a change")


def _rows(asked: AskedChange, machine: pl.DataFrame, before: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Rows of what is asked, before their limits are known."""
    chosen = machine.filter(pl.col("delivery_start_utc").is_in(list(asked.starts_utc)))
    if asked.action == "withdraw":
        standing = standing_changes(before.filter(strategy=asked.strategy))
        standing = standing.filter(pl.col("action") != "withdraw")
        chosen = chosen.join(standing, on="delivery_start_utc", how="semi")
        if chosen.is_empty():
            raise refused(f"nobody has changed an order of {asked.strategy} in these units")
    else:
        chosen = chosen.filter(pl.col("side") != "flat")
    if chosen.is_empty():
        raise refused(
            f"{asked.strategy} has no order in these units of {asked.delivery_day}; only orders that the desk"
            " makes can be changed"
        )
    if blocks := chosen.filter(pl.col("market") != _PLAIN)["market"].unique().sort().to_list():
        raise refused(
            f"orders of {', '.join(blocks)} are filled as a whole, so that one unit cannot be changed yet;"
            " halt the zone to stop them"
        )
    is_out, is_change = asked.action == "leave_out", asked.action == "change"
    volume = asked.volume_mw if is_change and asked.volume_mw is not None else None
    price = asked.limit_price_eur_per_mwh if is_change else None
    text = json.dumps({**asdict(asked), "now": now}, default=str, sort_keys=True)
    rows = chosen.select(
        override_id=pl.lit(hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]),
        zone="zone",
        delivery_day="delivery_day",
        delivery_start_utc="delivery_start_utc",
        resolution_minutes="resolution_minutes",
        strategy="strategy",
        action=pl.lit(asked.action),
        side=pl.lit("flat") if is_out else pl.col("side"),
        volume_mw=pl.lit(0.0) if is_out else pl.col("volume_mw") if volume is None else pl.lit(volume),
        limit_price_eur_per_mwh=(
            pl.lit(None, pl.Float64)
            if is_out
            else pl.col("limit_price_eur_per_mwh")
            if price is None
            else pl.lit(price)
        ),
        machine_signal_id="signal_id",
        machine_side="side",
        machine_volume_mw="volume_mw",
        machine_limit_price_eur_per_mwh="limit_price_eur_per_mwh",
        value_at_risk_eur=pl.lit(0.0),
        expected_shortfall_eur=pl.lit(0.0),
        decided_as_of_utc="as_of_utc",
        as_of_utc=pl.lit(now),
        entered_by=pl.lit(asked.entered_by.strip()[:_LONGEST]),
        system_user=pl.lit(asked.system_user),
        reason=pl.lit(" ".join(asked.reason.split())[:_LONGEST]),
    )
    return rows.cast(ORDER_OVERRIDES.schema)


def _after(before: pl.DataFrame) -> datetime:
    """The first instant after every earlier change, so that the newest of a unit is one."""
    newest = before["as_of_utc"].max()
    moment = timedelta(microseconds=1)
    return newest + moment if isinstance(newest, datetime) else datetime.min.replace(tzinfo=UTC)


def _wanted(machine: pl.DataFrame, standing: pl.DataFrame) -> tuple[Floats, Floats]:
    """(P,) signed power and (P,) limit price of the day as people want it."""
    other = standing.filter(pl.col("action") != "withdraw").select(
        "delivery_start_utc", new_side="side", new_mw="volume_mw", new_price="limit_price_eur_per_mwh"
    )
    both = machine.join(other, on="delivery_start_utc", how="left", maintain_order="left")
    is_other = pl.col("new_side").is_not_null()
    side = pl.when(is_other).then("new_side").otherwise("side")
    mw = pl.when(is_other).then("new_mw").otherwise("volume_mw")
    price = pl.when(is_other).then("new_price").otherwise("limit_price_eur_per_mwh")
    sign = side.replace_strict({"buy": 1.0, "sell": -1.0, "flat": 0.0}, return_dtype=pl.Float64)
    rows = both.select(exposure=sign * mw, price=price.fill_null(0.0))
    return rows["exposure"].to_numpy(), rows["price"].to_numpy()
