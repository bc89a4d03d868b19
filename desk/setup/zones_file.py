"""The text of `conf/zones.yaml` with other zones in it, and of `.env` with other values."""

from pathlib import Path
from typing import Any

import yaml

from resources.market.live_sources import LiveProviders
from resources.plugins.sources import is_live
from resources.settings.yaml_file import SettingsFile, parse_yaml, read_yaml
from resources.settings.zones import parse_desk_settings
from resources.wall_clock import utc_now
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError
from spot.market.block_orders import groups_of_zone
from spot.market.zones import find_zone

_EXAMPLES: tuple[dict[str, int] | None, ...] = (None, {}, {"seed": 2})
"""Zones in the template."""
_SOURCES = frozenset({"source", "fallback_sources"})
"""Settings of a zone that are written anew; strategies that a person named stay."""
_US_STRATEGIES = ["real_time_spread", "storage"]
"""Strategies of a hub of PJM or ERCOT by default, because there is no intraday market."""
_WITH_GROUPS = ["settlement_spread", "storage_groups"]
"""Strategies of a zone whose exchange takes exclusive groups: its auction chooses a battery's hours."""


def zones_before(path: Path) -> list[str]:
    """Zones of zones.yaml with settings of their own. Those of the template are examples."""
    zones = _zones(read_yaml(path)) if path.exists() else {}
    return [name for name, own in zones.items() if own not in _EXAMPLES]


def zones_text(
    path: Path,
    zones: list[str],
    source: str,
    fallbacks: list[str],
    *,
    add: bool,
    force: bool,
    more: dict[str, Any],
) -> str:
    """The new text of zones.yaml: `defaults` and comments as they are, and the zones with their source.

    With `add`, other zones stay as they are. `more` are further settings of the named zones.

    Raises:
        ConfigurationError: the file is not readable, or would lose a zone without `--force`.
    """
    before = _zones(read_yaml(path))
    text = path.read_text(encoding="utf-8-sig")
    lost = [name for name in before if name not in zones and not add]
    # The zones of the template are examples, so nothing of a person is lost.
    if lost and not force and any(before[name] not in _EXAMPLES for name in lost):
        raise ConfigurationError(
            f"zones.yaml has {', '.join(lost)} with settings of their own: --add keeps them, --force drops"
            " them"
        )
    head = text.split("\nzones:")[0].rstrip() + "\n\nzones:\n"
    entries = {name: own or {} for name, own in before.items() if add and name not in zones}
    for name in zones:
        kept = {key: value for key, value in (before.get(name) or {}).items() if key not in _SOURCES}
        proposed = _entry(name, *_order(name, source, fallbacks))
        entries[name] = {**proposed, **kept, **more}
    body = yaml.safe_dump(entries, sort_keys=False, default_flow_style=False, width=140)
    made = head + "".join(f"  {line}\n" for line in body.splitlines())
    parse_desk_settings(parse_yaml(made.encode(), str(path)).content)
    return made


def _zones(file: SettingsFile) -> dict[str, Any]:
    """Zone to its settings as the file has them.

    Raises:
        ConfigurationError: they, or the settings of one of them, are not a mapping.
    """
    zones = file.content.get("zones") or {}
    own = zones if isinstance(zones, dict) else {}
    wrong = [("zones", name) for name, one in own.items() if not isinstance(one, dict | None)]
    if wrong or zones != own:
        place = wrong[0] if wrong else ("zones",)
        raise ConfigurationError(
            f"{file.name}: line {file.line_of(place)}: {'.'.join(place)}: expected a mapping (name: value)"
        )
    return own


def env_text(path: Path, values: dict[str, str]) -> str:
    """The text of `.env` with `values` set and every other line as it is."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in values]
    return "\n".join([*kept, *(f"{name}={value}" for name, value in values.items())]) + "\n"


def _order(zone: str, source: str, fallbacks: list[str]) -> tuple[str, list[str]]:
    """The zone's own source and its fallbacks.

    Where the first has nothing for the zone, the next that has something takes its place.
    """
    able = [name for name in (source, *fallbacks) if not is_live(name) or _offers(name, zone)]
    if is_live(source) and not _offers(source, zone) and not any(is_live(name) for name in able):
        raise ConfigurationError(
            f"{', '.join([source, *fallbacks])} have nothing for {zone}: `spotdesk sources` lists what each"
            " source has"
        )
    first = next(name for name in able if name != "files" or name == source)
    return first, [name for name in fallbacks if name != first]


def _entry(zone: str, source: str, fallbacks: list[str]) -> dict[str, Any]:
    offered = {name: set(_offers(name, zone)) for name in (source, *fallbacks)}
    orders: dict[str, list[str]] = {}
    for name in (name for name in fallbacks if name != source):
        # An own file is used where nobody else publishes a table. It never competes with a source that does.
        others = set().union(*(tables for other, tables in offered.items() if other != "files"))
        for table in sorted(_RAW - others if name == "files" else offered[name] & _RAW):
            orders.setdefault(table, []).append(name)
    return {"source": source, **({"fallback_sources": orders} if orders else {}), **_strategies(zone, source)}


def _strategies(zone: str, source: str) -> dict[str, Any]:
    """Strategies that fit the zone's auction; none named where those of `defaults` do."""
    if find_zone(zone).operator:
        return {"strategies": _US_STRATEGIES}
    # Only real orders gain from the order types of an exchange.
    takes_groups = source != "simulated" and groups_of_zone(zone, utc_now().date()) is not None
    return {"strategies": _WITH_GROUPS} if takes_groups else {}


def _offers(source: str, zone: str) -> frozenset[str]:
    """Raw tables that a live source has for the zone; nothing is known of the others."""
    return LiveProviders().tables(source, zone)


_RAW = frozenset(RAW_TABLES_OF_A_ZONE)


def lacks(zone: str, source: str, fallbacks: list[str]) -> list[str]:
    """Raw tables that none of the sources has for the zone; files may hold anything."""
    if not is_live(source) or "files" in fallbacks:
        return []
    return sorted(_RAW - {table for name in (source, *fallbacks) for table in _offers(name, zone)})
