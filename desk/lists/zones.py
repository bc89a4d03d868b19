"""`spotdesk zones`: the zones that can be traded."""

from typing import Any
from zoneinfo import ZoneInfo

from desk.screen.console import JsonFlag, emit
from resources.market.live_sources import LiveProviders
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment
from resources.wall_clock import utc_now
from spot.market.delivery import day_ahead_mtu_minutes
from spot.market.gates import next_gate
from spot.market.zones import TRADED_ZONES, find_zone


def zones(*, as_json: JsonFlag = False) -> None:
    """List the zones that can be traded.

    It shows the length of a market time unit, the currency, the next gate, whether the zone is coupled, which
    sources have its prices, and whether the desk has it. `spot/market/zones.csv` has all of it with sources.
    """
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
