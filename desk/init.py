"""`spotdesk init`: which zones, fed from where. Writes `conf/zones.yaml` and `.env`."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from desk.console import JsonFlag, emit_json, out
from resources.desk_settings import parse_desk_settings
from resources.environments import PROJECT_ROOT, read_environment
from resources.live_sources import LIVE_SOURCES, live_providers
from spot.errors import ConfigurationError
from spot.market.zones import ZONES, find_zone

_FEEDS = ("simulated", "files", "entsoe", "energy_charts", "smard", "elexon")
_TOKEN_NAME = "SPOTDESK_ENTSOE_TOKEN"  # noqa: S105 - the name of a variable, not its value


def init(
    *,
    zone: Annotated[list[str] | None, typer.Option("--zone", help="Bidding zone; repeat for more.  [default: asked]")] = None,
    source: Annotated[str | None, typer.Option("--source", help=f"One of {', '.join(_FEEDS)}.  [default: asked]")] = None,
    fallback: Annotated[
        list[str] | None, typer.Option("--fallback", help="Live source to ask where the first does not answer, in this order.")
    ] = None,
    entsoe_token: Annotated[
        str | None, typer.Option("--entsoe-token", help="Token of the ENTSO-E platform; `-` reads it from standard input.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace zones that zones.yaml has and this call does not name.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Set up the desk: write zones and their source to `conf/zones.yaml`, and a token to `.env` (readable by you alone).

    Settings of a zone that stays are kept. Without flags it asks; with flags it never does.

        spotdesk init --zone DE_LU --zone FR --source energy_charts --fallback smard
    """
    asks = sys.stdin.isatty() and zone is None and source is None
    zones = [find_zone(name).name for name in (zone or _ask_zones(asks=asks))]
    feed = source or _ask_source(asks=asks)
    if feed not in _FEEDS:
        raise ConfigurationError(f"no source {feed!r}: known are {', '.join(_FEEDS)}")
    fallbacks = _checked_fallbacks(fallback or [])
    path = read_environment().conf_folder / "zones.yaml"
    text = zones_text(path, zones, feed, fallbacks, force=force)
    token = _token(entsoe_token, feed, asks=asks)
    _write(path, text, mode=0o644)
    files = [str(path)]
    if token:
        _write(PROJECT_ROOT / ".env", env_text(PROJECT_ROOT / ".env", {_TOKEN_NAME: token}), mode=0o600)
        files.append(str(PROJECT_ROOT / ".env"))
    lacks = {name: _lacks(name, feed, fallbacks) for name in zones}
    if as_json:
        emit_json({"zones": zones, "source": feed, "fallbacks": fallbacks, "written": files, "lacks": lacks})
        return
    out.print(f"written: {', '.join(files)}")
    for name, missing in lacks.items():
        if missing:
            out.print(f"{name}: {feed} has no {', '.join(missing)}; the features shrink accordingly")
    out.print("next: [bold]spotdesk doctor[/bold]" + ("" if feed == "simulated" else ", then [bold]spotdesk backfill[/bold] for the history"))


def zones_text(path: Path, zones: list[str], source: str, fallbacks: list[str], *, force: bool) -> str:
    """The new text of zones.yaml: its `defaults` and comments as they are, the zones with their source.

    Raises:
        ConfigurationError: the file is not readable, or would lose a zone without `--force`.
    """
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else "defaults: {}\n"
        document = yaml.safe_load(text) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from error
    before: dict[str, Any] = document.get("zones") or {}
    lost = [name for name in before if name not in zones]
    # The zones of a fresh clone are examples: nobody has put anything into them yet.
    if lost and not force and any(before[name] not in (None, {}, {"seed": 2}) for name in lost):
        raise ConfigurationError(f"zones.yaml has {', '.join(lost)} with settings of their own: name them too, or --force to drop them")
    head = text.split("\nzones:")[0].rstrip() + "\n\nzones:\n"
    entries = {name: {**(before.get(name) or {}), **_entry(name, source, fallbacks)} for name in zones}
    body = yaml.safe_dump(entries, sort_keys=False, default_flow_style=False, width=140)
    made = head + "".join(f"  {line}\n" for line in body.splitlines())
    parse_desk_settings(yaml.safe_load(made))
    return made


def env_text(path: Path, values: dict[str, str]) -> str:
    """The text of `.env` with `values` set and every other line as it is."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in values]
    return "\n".join([*kept, *(f"{name}={value}" for name, value in values.items())]) + "\n"


def _entry(zone: str, source: str, fallbacks: list[str]) -> dict[str, Any]:
    providers = live_providers({})
    orders: dict[str, list[str]] = {}
    for name in fallbacks:
        if name != source:
            for table in sorted(providers[name].tables(zone)):
                if table in _RAW:
                    orders.setdefault(table, []).append(name)
    return {"source": source, **({"fallback_sources": orders} if orders else {})}


_RAW = frozenset({"day_ahead_prices", "imbalance_prices", "load_forecasts", "renewable_forecasts", "load_actuals", "generation_actuals"})


def _lacks(zone: str, source: str, fallbacks: list[str]) -> list[str]:
    if source not in LIVE_SOURCES:
        return []
    providers = live_providers({})
    offered = {table for name in (source, *fallbacks) for table in providers[name].tables(zone)}
    return sorted(_RAW - offered)


def _checked_fallbacks(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in LIVE_SOURCES]
    if unknown:
        raise ConfigurationError(f"no live source {', '.join(unknown)}: known are {', '.join(LIVE_SOURCES)}")
    return list(dict.fromkeys(names))


def _ask_zones(*, asks: bool) -> list[str]:
    if not asks:
        raise ConfigurationError("name at least one --zone")
    out.print(f"zones: {', '.join(sorted(ZONES))}")
    return str(typer.prompt("Which zones, separated by blanks", default="DE_LU FR")).split()


def _ask_source(*, asks: bool) -> str:
    if not asks:
        raise ConfigurationError(f"name a --source: {', '.join(_FEEDS)}")
    out.print("simulated needs nothing; energy_charts and smard are live without a key; entsoe has the most and needs a token")
    return str(typer.prompt("Which source", default="simulated"))


def _token(given: str | None, source: str, *, asks: bool) -> str:
    if given == "-":
        return sys.stdin.readline().strip()
    if given is None and source == "entsoe" and asks:
        return str(typer.prompt("ENTSO-E token (empty: set it in .env later)", default="", hide_input=True, show_default=False)).strip()
    return (given or "").strip()


def _write(path: Path, text: str, *, mode: int) -> None:
    """Whole or not at all, and never readable by others before its mode is set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as stream:
        stream.write(text)
    beside.replace(path)
