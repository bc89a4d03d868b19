"""`spotdesk status --follow`: the desk in the terminal, read again every few seconds until Ctrl-C."""

import sys
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from desk.figures.opened import OpenedDesk
from desk.figures.positions import positions_of
from desk.screen.console import as_table, json_text, out
from desk.trading.zone_status import clock_line, second_place_line, stop_line, zone_statuses
from resources.settings.environment import read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.risk.state import TradingState

_SHOWN_ALERTS = 5
"""Chosen by hand: the newest alerts, so that zones and limits stay on a screen of 24 lines."""


def follow(seconds: float, *, as_json: bool) -> None:
    """Show the desk anew every `seconds`; as JSON, one document a line."""
    try:
        if as_json:
            for facts in _looks(seconds):
                sys.stdout.write(json_text(facts, indent=None) + "\n")
                sys.stdout.flush()
        elif out.is_terminal:
            with Live(console=out, auto_refresh=False, screen=True) as live:
                for facts in _looks(seconds):
                    live.update(_shown(facts), refresh=True)
        else:
            for facts in _looks(seconds):
                out.print(_shown(facts))
    except KeyboardInterrupt:
        return


def countdown(gate: datetime, now: datetime) -> str:
    """Time to a gate in words: `in 2 h 05 min`, `in 4 min 10 s`, `closed`."""
    left = int((gate - now).total_seconds())
    if left <= 0:
        return "closed"
    hours, minutes, seconds = left // 3600, left // 60 % 60, left % 60
    return f"in {hours} h {minutes:02} min" if hours else f"in {minutes} min {seconds:02} s"


def _looks(seconds: float) -> Iterator[dict[str, Any]]:
    while True:
        yield look(OpenedDesk(read_environment()), utc_now())
        time.sleep(seconds)


def look(opened: OpenedDesk, now: datetime) -> dict[str, Any]:
    """The desk at one instant: state, zones with their gate, money, positions, open alerts."""
    environment, lake = opened.environment, opened.lake
    records = TradingStateStore(environment.trading_state).records()
    return {
        "at_utc": now,
        "home": str(environment.home),
        "stopped": [stop_line(record) for record in records if record.state is not TradingState.ACTIVE]
        + [*clock_line(environment), *second_place_line(environment)],
        "zones": [
            {**status.row(), "gate": countdown(status.gate_utc, now)}
            for zone in opened.zones()
            for status in zone_statuses(lake, environment, opened.desk, zone, now)
        ],
        "pnl": [row.row() for zone in opened.zones() for row in opened.money(zone)],
        "positions": [
            row.row() for zone in opened.zones() for row in positions_of(opened.unit_positions(zone, now))
        ],
        "open_alerts": [alert.row() for alert in opened.alerts() if alert.is_open],
    }


def _shown(facts: dict[str, Any]) -> RenderableType:
    parts: list[RenderableType] = [Text(f"{facts['at_utc']:%Y-%m-%d %H:%M:%SZ}  desk in {facts['home']}")]
    parts += [Text(f"STOPPED: {line}", style="bold red") for line in facts["stopped"]]
    zones = [
        {
            "zone": row["zone"],
            "day": row["day"],
            "can trade": "yes" if row["can_trade"] else "NO",
            "gate": row["gate"],
            "why": row["why"],
        }
        for row in facts["zones"]
    ]
    money = [
        {
            "zone": row["zone"],
            "strategy": row["strategy"],
            "period": row["period"],
            "to": row["last_day"],
            "P&L": row["pnl"],
            "of perfect": None if row["foresight_share"] is None else f"{row['foresight_share']:.0%}",
            "currency": row["currency"],
        }
        for row in facts["pnl"]
    ]
    held = [
        {name: row[name] for name in ("zone", "delivery_day", "strategy", "bought_mwh", "sold_mwh", "state")}
        for row in facts["positions"]
    ]
    open_alerts = [
        {name: row[name] for name in ("severity", "zone", "kind", "message")}
        for row in facts["open_alerts"][:_SHOWN_ALERTS]
    ]
    tables = {"can we trade?": zones, "net P&L": money, "positions": held, "open alerts": open_alerts}
    parts += [as_table(rows, title=title) for title, rows in tables.items() if rows]
    return Group(*parts)
