"""`spotdesk init`: which zones, fed from where. Writes `conf/zones.yaml` and `.env`."""

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from desk.screen.console import JsonFlag, emit_json, out
from resources.market.live_sources import LIVE_SOURCES, live_providers
from resources.settings.environment import TOKEN_VARIABLES, provider_tokens, read_environment
from resources.settings.home import PROJECT_ROOT
from resources.settings.zones import RAW_TABLES_OF_A_ZONE, parse_desk_settings
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import TRADED_ZONES, find_zone

_FEEDS = ("simulated", "files", "entsoe", "energy_charts", "smard", "elexon", "pjm", "ercot")
_SECRETS: dict[str, tuple[str, ...]] = {
    "entsoe": ("entsoe",),
    "pjm": ("pjm",),
    "ercot": ("ercot", "ercot_username", "ercot_password"),
}
"""What a source wants to be given, by the names of `TOKEN_VARIABLES`."""
_EXAMPLES: tuple[dict[str, int] | None, ...] = (None, {}, {"seed": 2})
"""How zones stand in a fresh clone."""
_US_STRATEGIES = ["real_time_spread", "storage"]
"""What a hub of PJM or ERCOT trades unless it says otherwise: there is no intraday market."""


def init(
    *,
    zone: Annotated[
        list[str] | None, typer.Option("--zone", help="Bidding zone; repeat for more.  \\[default: asked]")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help=f"One of {', '.join(_FEEDS)}.  \\[default: asked]")
    ] = None,
    fallback: Annotated[
        list[str] | None,
        typer.Option(
            "--fallback",
            help="Source to ask where the first does not answer, in this order; `files`: what you ingest.",
        ),
    ] = None,
    entsoe_token: Annotated[
        str | None,
        typer.Option(
            "--entsoe-token", help="Token of the ENTSO-E platform; `-` reads it from standard input."
        ),
    ] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            "--secret",
            help=(
                "Key or login as NAME=VALUE, NAME=- reads it from standard input; names:"
                f" {', '.join(TOKEN_VARIABLES)}."
            ),
        ),
    ] = None,
    own_forecasts: Annotated[
        bool,
        typer.Option(
            "--own-forecasts",
            help=(
                "Forecast wind, solar and load here, from weather runs of open_meteo: known before the gate."
            ),
        ),
    ] = False,
    add: Annotated[
        bool,
        typer.Option("--add", help="Keep the zones that zones.yaml has, and add or change those named here."),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace zones that zones.yaml has and this call does not name.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Set up the desk: write zones and their source to `conf/zones.yaml`, and keys to `.env` (readable by you alone).

    Settings of a zone that stays are kept, but for its source and fallbacks. Without flags it asks; with
    flags it never does.

        spotdesk init --zone DE_LU --zone FR --source energy_charts --fallback smard
    """
    asks = sys.stdin.isatty() and zone is None and source is None
    zones = [find_zone(name).name for name in zone or _ask_zones(asks=asks)]
    feed = source or _ask_source(asks=asks)
    if feed not in _FEEDS:
        raise ConfigurationError(f"no source {feed!r}: known are {', '.join(_FEEDS)}")
    fallbacks = _checked_fallbacks(fallback or [])
    path = read_environment().conf_folder / "zones.yaml"
    if (
        asks
        and not add
        and not force
        and (others := [name for name in _zones_before(path) if name not in zones])
    ):
        add = typer.confirm(f"zones.yaml has {', '.join(others)} too: keep them?", default=True)
        force = not add
    more = {"own_forecasts": True} if own_forecasts else {}
    text = zones_text(path, zones, feed, fallbacks, add=add, force=force, more=more)
    secrets = _secrets(
        [*([f"entsoe={entsoe_token}"] if entsoe_token else []), *(secret or [])], feed, asks=asks
    )
    _write(path, text, mode=0o644)
    files = [str(path), *_other_settings(path.parent)]
    if secrets:
        _write(
            PROJECT_ROOT / ".env",
            env_text(
                PROJECT_ROOT / ".env", {TOKEN_VARIABLES[name]: value for name, value in secrets.items()}
            ),
            mode=0o600,
        )
        files.append(str(PROJECT_ROOT / ".env"))
    lacks = {name: _lacks(name, feed, fallbacks) for name in zones}
    if as_json:
        emit_json({"zones": zones, "source": feed, "fallbacks": fallbacks, "written": files, "lacks": lacks})
        return
    out.print(f"written: {', '.join(files)}")
    for name, missing in lacks.items():
        if missing:
            what = (
                "cannot be traded without prices of its auction"
                if "day_ahead_prices" in missing
                else "the features shrink accordingly"
            )
            out.print(f"{name}: nobody of {', '.join([feed, *fallbacks])} has {', '.join(missing)}; {what}")
    _print_next(zones, feed, secrets)


def _print_next(zones: list[str], feed: str, secrets: dict[str, str]) -> None:
    """The commands that come next, ready to be pasted."""
    tokens = provider_tokens()
    unset = [
        TOKEN_VARIABLES[name] for name in _SECRETS.get(feed, ()) if not (tokens[name] or secrets.get(name))
    ]
    if unset:
        out.print(
            f"still missing: {', '.join(unset)} in {PROJECT_ROOT / '.env'}; docs/sources/{feed}.md says how"
            " to get a key"
        )
    chosen = " ".join(f"--zone {name}" for name in zones)
    since = utc_now().date() - timedelta(days=3 * 365)
    history = {
        "simulated": f"spotdesk run {chosen} --from ... --to ...",
        "files": (
            f"spotdesk run --source files --data FOLDER {chosen} --from ... --to ..., or spotdesk ingest FILE"
            f" {chosen}"
        ),
    }.get(feed, f"spotdesk backfill {chosen} --from {since}")
    out.print(f"next: spotdesk doctor, then {history}", soft_wrap=True)


def _zones_before(path: Path) -> list[str]:
    """Zones that zones.yaml has with settings of their own: those of a fresh clone are examples."""
    document = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    return [name for name, own in ((document or {}).get("zones") or {}).items() if own not in _EXAMPLES]


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
    """The new text of zones.yaml: its `defaults` and comments as they are, the zones with their source.

    With `add` the others as they were.

    `more` are further settings of the named zones.

    Raises:
        ConfigurationError: the file is not readable, or would lose a zone without `--force`.
    """
    try:
        is_new = not path.exists()
        text = (PROJECT_ROOT / "conf" / "zones.yaml" if is_new else path).read_text(encoding="utf-8")
        document = yaml.safe_load(text) or {}
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}") from error
    before: dict[str, Any] = {} if is_new else document.get("zones") or {}
    lost = [name for name in before if name not in zones and not add]
    # The zones of a fresh clone are examples: nobody has put anything into them yet.
    if lost and not force and any(before[name] not in _EXAMPLES for name in lost):
        raise ConfigurationError(
            f"zones.yaml has {', '.join(lost)} with settings of their own: --add keeps them, --force drops"
            " them"
        )
    head = text.split("\nzones:")[0].rstrip() + "\n\nzones:\n"
    entries = {name: own or {} for name, own in before.items() if add and name not in zones}
    for name in zones:
        kept = {
            key: value
            for key, value in (before.get(name) or {}).items()
            if key not in ("source", "fallback_sources")
        }
        entries[name] = {**kept, **_entry(name, *_order(name, source, fallbacks)), **more}
    body = yaml.safe_dump(entries, sort_keys=False, default_flow_style=False, width=140)
    made = head + "".join(f"  {line}\n" for line in body.splitlines())
    parse_desk_settings(yaml.safe_load(made))
    return made


def env_text(path: Path, values: dict[str, str]) -> str:
    """The text of `.env` with `values` set and every other line as it is."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept = [line for line in lines if line.partition("=")[0].strip() not in values]
    return "\n".join([*kept, *(f"{name}={value}" for name, value in values.items())]) + "\n"


def _order(zone: str, source: str, fallbacks: list[str]) -> tuple[str, list[str]]:
    """The zone's own source and its fallbacks.

    Where the first has nothing for the zone, the next that has something takes its place.
    """
    able = [name for name in (source, *fallbacks) if name not in LIVE_SOURCES or _offers(name, zone)]
    if (
        source in LIVE_SOURCES
        and not _offers(source, zone)
        and not any(name in LIVE_SOURCES for name in able)
    ):
        raise ConfigurationError(
            f"{', '.join([source, *fallbacks])} have nothing for {zone}: docs/sources/README.md says who"
            " covers what"
        )
    first = next(name for name in able if name != "files" or name == source)
    return first, [name for name in fallbacks if name != first]


def _other_settings(folder: Path) -> list[str]:
    """Put the settings of the project into a folder that lacks them; what is there stays."""
    given = PROJECT_ROOT / "conf"
    new = [path for path in sorted(given.rglob("*.yaml")) if not (folder / path.relative_to(given)).exists()]
    for path in new:
        _write(folder / path.relative_to(given), path.read_text(encoding="utf-8"), mode=0o644)
    return [str(folder / path.relative_to(given)) for path in new]


def _entry(zone: str, source: str, fallbacks: list[str]) -> dict[str, Any]:
    offered = {name: set(_offers(name, zone)) for name in (source, *fallbacks)}
    orders: dict[str, list[str]] = {}
    for name in (name for name in fallbacks if name != source):
        # A file of one's own stands in where nobody else publishes; it never competes with a source that
        # does.
        others = set().union(*(tables for other, tables in offered.items() if other != "files"))
        for table in sorted(_RAW - others if name == "files" else offered[name] & _RAW):
            orders.setdefault(table, []).append(name)
    strategies = {"strategies": _US_STRATEGIES} if find_zone(zone).operator else {}
    return {"source": source, **({"fallback_sources": orders} if orders else {}), **strategies}


def _offers(source: str, zone: str) -> frozenset[str]:
    """Raw tables that a live source has for the zone; nothing is known of the others."""
    return live_providers({})[source].tables(zone) if source in LIVE_SOURCES else frozenset()


_RAW = frozenset(RAW_TABLES_OF_A_ZONE)


def _lacks(zone: str, source: str, fallbacks: list[str]) -> list[str]:
    if source not in LIVE_SOURCES or "files" in fallbacks:
        return []
    return sorted(_RAW - {table for name in (source, *fallbacks) for table in _offers(name, zone)})


def _checked_fallbacks(names: list[str]) -> list[str]:
    known = (*LIVE_SOURCES, "files")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigurationError(
            f"no source to fall back to {', '.join(unknown)}: known are {', '.join(known)}"
        )
    return list(dict.fromkeys(names))


def _ask_zones(*, asks: bool) -> list[str]:
    if not asks:
        raise ConfigurationError(
            "name at least one --zone and a --source, for example: spotdesk init --zone DE_LU --source"
            " energy_charts"
        )
    out.print(f"zones: {', '.join(sorted(TRADED_ZONES))}")
    return str(typer.prompt("Which zones, separated by blanks", default="DE_LU FR")).split()


def _ask_source(*, asks: bool) -> str:
    if not asks:
        raise ConfigurationError(f"name a --source: {', '.join(_FEEDS)}")
    out.print(
        "simulated needs nothing; energy_charts and smard are live without a key; entsoe has the most and"
        " needs a token"
    )
    out.print("elexon is for GB; pjm and ercot are for hubs in the US and need a key")
    return str(typer.prompt("Which source", default="simulated"))


def _secrets(given: list[str], source: str, *, asks: bool) -> dict[str, str]:
    """Name to value of what was given, or what the source wants and a person types.

    Empty values are left out.
    """
    values: dict[str, str] = {}
    for entry in given:
        name, _, value = entry.partition("=")
        if name not in TOKEN_VARIABLES:
            raise ConfigurationError(f"--secret {name}=...: known names are {', '.join(TOKEN_VARIABLES)}")
        values[name] = (sys.stdin.readline() if value == "-" else value).strip()
    for name in _SECRETS.get(source, ()) if asks else ():
        if name not in values:
            text = f"{TOKEN_VARIABLES[name]} (empty: set it in .env later)"
            values[name] = str(typer.prompt(text, default="", hide_input=True, show_default=False)).strip()
    return {name: value for name, value in values.items() if value}


def _write(path: Path, text: str, *, mode: int) -> None:
    """Whole or not at all, and never readable by others before its mode is set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(
        os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8"
    ) as stream:
        stream.write(text)
    beside.replace(path)
