"""The message of the day: P&L, the plan, and what wants a person, in lines for mail or chat."""

from collections.abc import Iterator, Mapping
from typing import Any

_SHOWN_ALERTS = 5
_LONGEST_LINE = 300
"""Characters of a line; chat tools cut or refuse long messages."""


def daily_message(facts: Mapping[str, Any]) -> str:
    """The message of what `desk.every_day.follow.look` read of a desk."""
    lines = [f"Spotdesk, {facts['at_utc']:%Y-%m-%d %H:%M} UTC, desk in {facts['home']}"]
    parts = {"": _stops, "Can we trade?": _zones, "Net P&L": _money, "Orders and positions": _plan}
    for title, part in parts.items():
        found = list(part(facts))
        lines += [title] if title and found else []
        lines += found
    lines += ["Wants a person", *(list(_wanted(facts)) or ["  nothing"])]
    return "\n".join(line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]} ..." for line in lines)


def _stops(facts: Mapping[str, Any]) -> Iterator[str]:
    for line in facts["stopped"]:
        yield f"STOPPED: {line}"


def _zones(facts: Mapping[str, Any]) -> Iterator[str]:
    for row in facts["zones"]:
        told = f"yes, gate {row['gate']}" if row["can_trade"] else f"NO: {row['why']}"
        yield f"  {row['zone']} {row['day']}: {told}"


def _money(facts: Mapping[str, Any]) -> Iterator[str]:
    """A line per strategy with its periods; the day is the newest settled one."""
    lines: dict[tuple[str, str, str, str], list[str]] = {}
    for row in facts["pnl"]:
        key = (row["zone"], row["strategy"], row["mode"], row["currency"])
        period = str(row["last_day"]) if row["period"] == "day" else row["period"]
        lines.setdefault(key, []).append(f"{period} {row['pnl']:+,.0f}")
    for (zone, strategy, mode, currency), periods in lines.items():
        yield f"  {zone} {strategy} ({mode}), {currency}: {', '.join(periods)}"


def _plan(facts: Mapping[str, Any]) -> Iterator[str]:
    for row in facts["positions"]:
        yield (
            f"  {row['zone']} {row['delivery_day']} {row['strategy']} ({row['mode']}, {row['state']}):"
            f" buys {row['bought_mwh']:.1f} MWh, sells {row['sold_mwh']:.1f} MWh"
        )


def _wanted(facts: Mapping[str, Any]) -> Iterator[str]:
    alerts = facts["open_alerts"]
    for row in alerts[:_SHOWN_ALERTS]:
        yield f"  {row['severity']} {row['zone']} {row['kind']}: {row['message']}"
    if len(alerts) > _SHOWN_ALERTS:
        yield f"  and {len(alerts) - _SHOWN_ALERTS} more alerts: spotdesk alerts --open"
