"""`spotdesk init`: a desk in a folder, its zones, and the sources of their data."""

import sys
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit_json, err, out
from desk.setup.zones_file import env_text, lacks, zones_before, zones_text
from resources.files import write_whole
from resources.home.find import (
    INNER,
    PROJECT_ROOT,
    TEMPLATES,
    NoDeskError,
    chosen_home,
    find_desk,
    is_desk,
    is_desk_without_marker,
    is_in_checkout,
    is_named,
    state_home,
)
from resources.home.make import add_missing_settings, make_home
from resources.home.open import open_desk
from resources.plugins.sources import SOURCES, all_secrets, check_feed, feeds, secrets_of
from resources.settings.acceptance.first import accepted_with_command
from resources.settings.at_use import provider_secret
from resources.settings.environment import OWN_FILES, read_environment
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError
from spot.market.zones import TRADED_ZONES, find_zone


def init(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help="Folder of the desk, made where it is missing.  \\[default: the desk in use]",
        ),
    ] = None,
    *,
    zone: Annotated[
        list[str] | None, typer.Option("--zone", help="Bidding zone; repeat for more.  \\[default: asked]")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="A source of `spotdesk sources`.  \\[default: asked]")
    ] = None,
    fallback: Annotated[
        list[str] | None,
        typer.Option(
            "--fallback",
            help="Source to ask where the first does not answer, in this order; `files` stands for what you"
            " ingest.",
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
                "Key or login as NAME=VALUE, NAME=- reads it from standard input; `spotdesk sources` has the"
                " names."
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
    """Make a desk in a folder, or change its zones and sources. Nothing outside the folder is written.

    A new desk has the settings of the package in `conf/`, and `.env` for keys, readable by you alone.
    Settings of a zone that stays are kept, except its source and fallbacks. Without flags it asks; with flags
    it never asks.

    Exit code 2: a name is wrong, or a zone would be lost; nothing was written.

        spotdesk init ~/desk --zone DE_LU --zone FR --source energy_charts --fallback smard
    """
    home = _home(folder)
    is_new = not is_desk(home)
    with chosen_home(home if folder is not None else None):
        path = _conf_folder(home) / "zones.yaml"
        asks = sys.stdin.isatty() and zone is None and source is None
        if is_new and not asks and zone is None and source is None:
            make_home(home)
            _say_made(home, as_json=as_json)
            return
        zones = [find_zone(name).name for name in zone or _ask_zones(asks=asks)]
        choice = _Choice(
            zones, _checked_source(source or _ask_source(asks=asks)), _checked_fallbacks(fallback or [])
        )
        if asks and not is_new and not add and not force:
            add, force = _keeps_others(path, zones)
        before = path if path.is_file() else TEMPLATES / "conf" / "zones.yaml"
        text = zones_text(
            before,
            zones,
            choice.feed,
            choice.fallbacks,
            add=add,
            force=force,
            more={"own_forecasts": True} if own_forecasts else {},
        )
        given = [*([f"entsoe={entsoe_token}"] if entsoe_token else []), *(secret or [])]
        secrets = _secrets(given, choice.feed, asks=asks)
        files = [*_write_settings(home, path, text, is_new=is_new), *_write_secrets(home, secrets)]
        if choice.feed == "files":
            (home / OWN_FILES).mkdir(exist_ok=True)
        _report(home, choice, files, secrets, as_json=as_json)


@dataclass(frozen=True, slots=True)
class _Choice:
    """The options of the command."""

    zones: list[str]
    feed: str
    fallbacks: list[str]


def _home(folder: Path | None) -> Path:
    """The folder in which to make a desk, or that has one.

    Raises:
        NoDeskError: no folder is named, none is a desk, and the working folder is in no checkout.
        ConfigurationError: the desk is of another format.
    """
    if folder is not None:
        home = folder.expanduser().resolve()
    elif is_named():
        home = state_home()
    else:
        try:
            home = find_desk()
        except NoDeskError:
            if not is_in_checkout():
                raise NoDeskError("name the folder of the new desk: spotdesk init DIR") from None
            home = PROJECT_ROOT / INNER
    if is_desk(home) or is_desk_without_marker(home):
        open_desk(home)
    return home


def _conf_folder(home: Path) -> Path:
    """The folder of the desk's settings, whether it exists yet or not.

    A home without a desk is read with the templates.
    """
    found = read_environment().conf_folder
    return home / "conf" if found == TEMPLATES / "conf" else found


def _keeps_others(path: Path, zones: list[str]) -> tuple[bool, bool]:
    """Ask what to do with zones that are not named: whether to keep them, and whether to drop them."""
    others = [name for name in zones_before(path) if name not in zones]
    if not others:
        return False, False
    keeps = typer.confirm(f"zones.yaml has {', '.join(others)} too: keep them?", default=True)
    return keeps, not keeps


def _write_settings(home: Path, path: Path, text: str, *, is_new: bool) -> list[Path]:
    """Write zones.yaml, and missing settings of its folder. A new desk is made with it."""
    if is_new and path.parent == home / "conf":
        make_home(home, settings={"zones.yaml": text})
        return [home]
    if is_new:
        make_home(home)
    path.parent.mkdir(parents=True, exist_ok=True)
    with accepted_with_command(home, path.parent, reason="spotdesk init") as notes:
        write_whole(path, text.encode())
        added = add_missing_settings(path.parent)
    for note in notes:
        err.print(note, soft_wrap=True)
    return [path, *added]


def _write_secrets(home: Path, secrets: dict[str, str]) -> list[Path]:
    if not secrets:
        return []
    path = home / ".env"
    known = all_secrets()
    values = {known[name].variable: value for name, value in secrets.items()}
    write_whole(path, env_text(path, values).encode(), durable=True, mode=0o600)
    return [path]


def _say_made(home: Path, *, as_json: bool) -> None:
    if as_json:
        emit_json({"home": str(home), "written": [str(home)]})
        return
    out.print(f"made a desk in {home}: its settings are in {home / 'conf'}, its keys in {home / '.env'}")
    out.print(f"next: cd {home}, or export SPOTDESK_HOME={home}, then spotdesk doctor", soft_wrap=True)


def _report(
    home: Path, choice: _Choice, files: list[Path], secrets: dict[str, str], *, as_json: bool
) -> None:
    missing = {name: lacks(name, choice.feed, choice.fallbacks) for name in choice.zones}
    if as_json:
        emit_json(
            {
                "home": str(home),
                "zones": choice.zones,
                "source": choice.feed,
                "fallbacks": choice.fallbacks,
                "written": [str(file) for file in files],
                "lacks": missing,
            }
        )
        return
    out.print(f"written: {', '.join(map(str, files))}")
    for name, tables in missing.items():
        if tables:
            what = (
                "cannot be traded without prices of its auction"
                if "day_ahead_prices" in tables
                else "there are fewer features"
            )
            none_of = ", ".join([choice.feed, *choice.fallbacks])
            out.print(f"{name}: none of {none_of} has {', '.join(tables)}; {what}")
    _print_next(choice.zones, choice.feed, secrets)


def _print_next(zones: list[str], feed: str, secrets: dict[str, str]) -> None:
    """The commands that come next, ready to paste."""
    unset = [
        own.variable
        for own in secrets_of(feed)
        if not (provider_secret(own.variable) or secrets.get(own.name))
    ]
    if unset:
        page = SOURCES[feed].docs
        how = f"; {page} says how to get it" if page else ""
        out.print(f"still missing: {', '.join(unset)} in {state_home() / '.env'}{how}")
    chosen = " ".join(f"--zone {name}" for name in zones)
    since = utc_now().date() - timedelta(days=3 * 365)
    history = {
        "simulated": f"spotdesk run {chosen} --from ... --to ...",
        "files": (
            f"put your files into {state_home() / OWN_FILES}, or spotdesk ingest FILE {chosen}; after that"
            f" spotdesk run {chosen} --from ... --to ..."
        ),
    }.get(feed, f"spotdesk backfill {chosen} --from {since}")
    out.print(f"next: spotdesk doctor, then {history}", soft_wrap=True)


def _checked_source(feed: str) -> str:
    """The name of a source that a zone may have; a plug-in is imported and checked."""
    name = check_feed(feed)
    secrets_of(name)
    return name


def _checked_fallbacks(names: list[str]) -> list[str]:
    known = (*SOURCES, "files")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ConfigurationError(
            f"no source to fall back to {', '.join(unknown)}: known are {', '.join(known)}"
        )
    return [_checked_fallback(name) for name in dict.fromkeys(names)]


def _checked_fallback(name: str) -> str:
    secrets_of(name)
    return name


def _ask_zones(*, asks: bool) -> list[str]:
    if not asks:
        raise ConfigurationError(
            "there is a desk already; name at least one --zone and a --source to change it, for example:"
            " spotdesk init --zone DE_LU --source energy_charts"
        )
    out.print(f"zones: {', '.join(sorted(TRADED_ZONES))}")
    return str(typer.prompt("Zones, separated by spaces", default="DE_LU FR")).split()


def _ask_source(*, asks: bool) -> str:
    if not asks:
        raise ConfigurationError(f"name a --source: {', '.join(feeds())}")
    out.print("simulated: a simulated market, needs nothing\nfiles: recorded data and your own tables")
    for entry in SOURCES.registrations():
        if entry.found is not None and entry.found.feeds_zones:
            key = "; needs a key" if entry.found.secrets else ""
            out.print(f"{entry.name}: {entry.found.summary}{key}", highlight=False)
    return str(typer.prompt("Which source", default="simulated"))


def _secrets(given: list[str], source: str, *, asks: bool) -> dict[str, str]:
    """Name to value of the given secrets, or of those that a person types for the source.

    Empty values are left out.
    """
    values: dict[str, str] = {}
    for entry in given:
        name, _, value = entry.partition("=")
        if name not in (known := all_secrets()):
            raise ConfigurationError(f"--secret {name}=...: known names are {', '.join(known)}")
        values[name] = (sys.stdin.readline() if value == "-" else value).strip()
    for own in secrets_of(source) if asks else ():
        if own.name not in values:
            text = f"{own.variable}, {own.what} (empty: set it in .env later)"
            typed = typer.prompt(text, default="", hide_input=True, show_default=False)
            values[own.name] = str(typed).strip()
    return {name: value for name, value in values.items() if value}
