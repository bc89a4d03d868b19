"""What if on the screen: the situation of each zone kept while its tables stay as they are."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from desk.figures.day import DayFacts, newest_decided_day
from desk.figures.opened import OpenedDesk
from desk.figures.what_if import MARK, Asked, answer, ask
from desk.trader_screen.charts import day_chart
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.contracts.tables import find_contract
from spot.errors import ConfigurationError
from spot.walk.what_if import WhatIf
from workflows.decisions.what_if import READ_TABLES

_LOOK_AGAIN_SECONDS = 5.0
"""How long a situation is believed before the versions of its tables are asked again."""
_MOST_CHANGES = 8
"""Chosen by hand: as many as a zone has sliders, and some more."""


@dataclass(slots=True)
class _Kept:
    key: tuple[Any, ...]
    asked: Asked
    looked_at: float
    turn: threading.Lock = field(default_factory=threading.Lock)
    """One answer at a time: a model is not made for two at once."""


@dataclass(slots=True)
class WhatIfs:
    """Answers of one desk. The first of a zone reads its situation, which takes seconds."""

    open_desk: Callable[[], OpenedDesk]
    clock: Callable[[], datetime] = utc_now
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, zone: str, texts: Sequence[str]) -> dict[str, Any]:
        """The answer as `desk.figures.what_if.answer` gives it, with a drawing.

        Raises:
            ConfigurationError: there is no forecast to ask, or the changes cannot be read.
        """
        if len(texts) > _MOST_CHANGES:
            raise ConfigurationError(f"{len(texts)} changes were asked, at most {_MOST_CHANGES} are answered")
        kept = self._situation(zone)
        with kept.turn:
            found, facts = answer(kept.asked, texts)
        return facts | {"chart": _drawn(kept.asked, found)}

    def _situation(self, zone: str) -> _Kept:
        with self._reading:
            kept = self._kept.get(zone)
            if kept is not None and time.monotonic() - kept.looked_at < _LOOK_AGAIN_SECONDS:
                return kept
            opened = self.open_desk()
            (name,) = opened.zones(zone)
            key = _key(opened, name)
            if kept is None or kept.key != key:
                kept = _Kept(key, ask(opened, name, self.clock()), 0.0)
                self._kept[zone] = kept
            kept.looked_at = time.monotonic()
            return kept


def _key(opened: OpenedDesk, zone: str) -> tuple[Any, ...]:
    """What a situation rests on: the day, the tables, the trading state and the models in service."""
    return (
        newest_decided_day(opened.lake, zone),
        *(opened.lake.state(table) for table in READ_TABLES),
        TradingStateStore(opened.environment.trading_state).records(),
        str(opened.registry.pointer(zone)),
    )


def _drawn(asked: Asked, found: WhatIf) -> str:
    """The fan and the orders that would be, with the machine's own forecast faint behind."""
    machine = asked.machine.forecast
    facts = DayFacts(
        zone=asked.zone,
        day=asked.situation.day,
        forecast=found.forecast,
        earlier=machine,
        challengers=machine.clear(),
        orders=found.orders,
        prices=find_contract("day_ahead_prices").empty(),
    )
    label = f"{MARK}. {asked.zone} {asked.situation.day}: forecast of the day-ahead price, EUR/MWh"
    return day_chart(facts, label=label, stamp="WHAT IF")
