"""Studies: runs with settings other than the desk's, in a desk of their own below `studies/`.

A study has its own ledger and registry. So its rows never mix with those of the desk, and none of its
versions can become the desk's champion. It never goes live. Its settings are those of the desk with the
changes of the command, made again by each such command.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from resources.files import write_whole
from resources.home.find import is_desk
from resources.home.make import make_home
from resources.settings.zones import DeskSettings, ZoneSettings

STUDIES = "studies"
_NEVER_SENDS = ("SPOTDESK_WEBHOOK_URL", "SPOTDESK_SIGNAL_WEBHOOK_URL", "SPOTDESK_SIGNAL_WEBHOOK_SECRET")


def study_name(settings: DeskSettings, zones: Sequence[str], changes: Mapping[str, Any]) -> str | None:
    """Name of the study for a run of `zones` with `changes`; None if the run is the desk's own work.

    Only zones in `zones.yaml` count: the desk has no settings of its own for other zones.
    """
    differing = {
        field
        for zone in zones
        if zone in settings.zones
        for field, value in changes.items()
        if getattr(settings.zones[zone], field) != value
    }
    words = [_word(value) for field, value in changes.items() if field in differing]
    return "-".join(words) if words else None


def make_study(
    desk_home: Path,
    conf_folder: Path,
    name: str,
    settings: DeskSettings,
    zones: Sequence[str],
    changes: Mapping[str, Any],
) -> Path:
    """Make the study, or give an existing one today's settings of the desk; returns its folder.

    Raises:
        ConfigurationError: the folder cannot be made.
    """
    home = desk_home / STUDIES / name
    files = {
        str(path.relative_to(conf_folder)): path.read_text(encoding="utf-8")
        for path in sorted(conf_folder.rglob("*.yaml"))
    }
    files["zones.yaml"] = _zones_text(desk_home, settings, zones, changes)
    if not is_desk(home):
        make_home(home, kind="study", settings=files, origin="study")
    for relative, text in files.items():
        path = home / "conf" / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    _copy_keys(desk_home / ".env", home / ".env")
    return home


def _zones_text(
    desk_home: Path, settings: DeskSettings, zones: Sequence[str], changes: Mapping[str, Any]
) -> str:
    known = {**settings.zones, **{zone: settings.zones.get(zone, settings.defaults) for zone in zones}}
    changed = {zone: own.model_copy(update=changes) if zone in zones else own for zone, own in known.items()}
    own = {name: one.model_dump(mode="json") for name, one in settings.own_zones.items()}
    document = {
        **({"own_zones": own} if own else {}),
        "defaults": _plain(settings.defaults),
        "zones": {zone: _plain(own) for zone, own in changed.items()},
    }
    return f"# A study of {desk_home.name}: `spotdesk run` makes this file anew.\n" + yaml.safe_dump(
        document, sort_keys=False
    )


def _plain(settings: ZoneSettings) -> dict[str, Any]:
    return {**settings.model_dump(mode="json"), "live": False, "is_scheduled": False}


def _copy_keys(source: Path, target: Path) -> None:
    """Copy the desk's variables and keys, except where its alerts and orders are sent."""
    if not source.is_file():
        return
    lines = source.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if line.partition("=")[0].strip() not in _NEVER_SENDS]
    write_whole(target, "".join(kept).encode(), mode=0o600)


def _word(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
