"""`spotdesk zones`: the zones that can be traded."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated, Any, get_args
from zoneinfo import ZoneInfo

import typer

from desk.screen.console import JsonFlag, emit
from resources.market.live_sources import LiveProviders
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.delivery import day_ahead_mtu_minutes
from spot.market.gates import Auction, gate_closure_utc, next_gate
from spot.market.price_limits import local_price_limits
from spot.market.zones import TRADED_ZONES, find_zone


def zones(
    *,
    zone: Annotated[
        str | None, typer.Option("--zone", help="All of one zone, also of one that was split or merged.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List the zones that can be traded.

    It shows the length of a market time unit, the currency, the next gate, whether the zone is coupled, which
    sources have its prices, and whether the desk has it.

    With `--zone` it tells all of one: its life, its gates of today, price limits, holidays, neighbours, what
    each source has for it, and where its dates come from.

        spotdesk zones --zone IT_CALA
    """
    if zone is not None:
        facts = _facts(find_zone(zone).name)
        emit(
            [facts] if as_json else [{"what": name, "is": _said(value)} for name, value in facts.items()],
            as_json=as_json,
            title=facts["zone"],
        )
        return
    own, today = desk_settings(read_environment()).zones, utc_now().date()
    living = [name for name in sorted(TRADED_ZONES) if (find_zone(name).last_day or today) >= today]
    emit([_row(name, own=name in own) for name in living], as_json=as_json, title="zones")


def _row(name: str, *, own: bool) -> dict[str, Any]:
    zone, (day, gate) = find_zone(name), next_gate(name, utc_now())
    local, providers = gate.astimezone(ZoneInfo(zone.market_time_zone)), LiveProviders()
    sources = [feed for feed in providers if "day_ahead_prices" in providers.tables(feed, name)]
    return {
        "zone": name,
        "mtu_minutes": day_ahead_mtu_minutes(name, day),
        "currency": zone.currency,
        "gate_local": f"{local:%H:%M} {zone.market_time_zone}",
        "next_gate_utc": gate,
        "coupled": "yes" if zone.is_coupled else "",
        "prices_from": ", ".join(sources) or "your files",
        "on_the_desk": "yes" if own else "",
    }


def _facts(name: str) -> dict[str, Any]:
    """All that is known of a zone, as of today or of its last day."""
    zone = find_zone(name)
    day = min(zone.last_day or date.max, utc_now().date() + timedelta(days=1))
    limits, providers = local_price_limits(name, day), LiveProviders()
    return {
        "zone": name,
        "eic": zone.eic,
        "first_day": zone.first_day,
        "last_day": zone.last_day,
        "coupled_from": zone.coupled_from,
        "coupled_to": zone.coupled_to,
        "time_zone": zone.market_time_zone,
        "currency": zone.currency,
        "mtu_minutes": day_ahead_mtu_minutes(name, day),
        "gates_utc": dict(_gates(name, day)),
        "price_limits": f"{limits.minimum:g} to {limits.maximum:g} {zone.currency}/MWh",
        "holidays": list(zone.holiday_countries),
        "neighbours": list(zone.neighbours),
        **{feed: sorted(tables) for feed in sorted(providers) if (tables := providers.tables(feed, name))},
        "files": "any table of docs/sources/files.md",
        "dates_from": zone.source or zone.operator,
    }


def _gates(zone: str, day: date) -> Iterator[tuple[Auction, datetime]]:
    """The auctions of the zone for delivery on the day, and when each closes."""
    for auction in get_args(Auction):
        try:
            yield auction, gate_closure_utc(zone, day, auction)
        except ConfigurationError:
            continue


def _said(value: Any) -> str:
    """A fact for people."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {at:%Y-%m-%d %H:%M}" for name, at in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value or "")
