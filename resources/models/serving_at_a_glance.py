"""Which version serves a day, asked of the registry without MLflow where it is a local SQLite file.

Importing MLflow takes longer than the answer.

It reads what `resources/models/registry.py` writes, by the same rule (`serving_version`), and writes nothing.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from resources.settings.environment import Environment
from spot.market.zones import find_zone

_SQLITE = "sqlite:///"
_CHAMPION = "champion"
_FAMILY = "day_ahead_price"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionGlance:
    """What decides who serves, of one version."""

    version: str
    stage: str
    lineage: str
    trained_through: date
    serves_from: date


def serving_at_a_glance(environment: Environment, zone: str, day: date, lineage: str) -> VersionGlance | None:
    """The version that serves `day` on data of `lineage`.

    None where none does or nothing was ever registered.
    """
    path = Path(environment.tracking_uri.removeprefix(_SQLITE))
    if not environment.tracking_uri.startswith(_SQLITE):
        return _asked_of_mlflow(environment, zone, day, lineage)
    if not path.exists():
        return None
    try:
        champion, versions = _stored(path, f"{_FAMILY}.{find_zone(zone).name}")
    except sqlite3.Error:  # another layout than this MLflow's: let MLflow read it
        return _asked_of_mlflow(environment, zone, day, lineage)
    return serving_version(champion, versions, day, lineage)


def _asked_of_mlflow(environment: Environment, zone: str, day: date, lineage: str) -> VersionGlance | None:
    from resources.wiring import make_registry

    found = make_registry(environment).serving(zone, [day], lineage)[day]
    return (
        None
        if found is None
        else _glance(found.version, found.stage, found.lineage, found.trained_through, found.serves_from)
    )


def _stored(path: Path, name: str) -> tuple[str | None, list[VersionGlance]]:
    """Version that the alias names, and every version of the registered model."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10.0)) as connection:
        alias = connection.execute(
            "SELECT version FROM registered_model_aliases WHERE name = ? AND alias = ?", (name, _CHAMPION)
        ).fetchone()
        tags = connection.execute(
            "SELECT version, key, value FROM model_version_tags WHERE name = ?", (name,)
        ).fetchall()
    by_version: dict[str, dict[str, str]] = {}
    for version, key, value in tags:
        by_version.setdefault(str(version), {})[key] = value
    return None if alias is None else str(alias[0]), [
        _parsed(version, own) for version, own in by_version.items()
    ]


def serving_version(
    champion: str | None, versions: Sequence[VersionGlance], day: date, lineage: str
) -> VersionGlance | None:
    """The champion where it may serve the day, else the newest former champion that may.

    The rule of `ModelRegistry.serving`.
    """
    fit = [one for one in versions if one.lineage == lineage and one.serves_from <= day]
    now = next((one for one in fit if one.version == champion), None)
    return now or max(
        (one for one in fit if one.stage == "champion"),
        key=lambda one: (one.serves_from, int(one.version)),
        default=None,
    )


def _parsed(version: str, tags: dict[str, str]) -> VersionGlance:
    days = (date.fromisoformat(tags[name]) for name in ("trained_through", "serves_from"))
    return _glance(version, tags["stage"], tags["lineage"], *days)


def _glance(
    version: str, stage: str, lineage: str, trained_through: date, serves_from: date
) -> VersionGlance:
    return VersionGlance(
        version=version,
        stage=stage,
        lineage=lineage,
        trained_through=trained_through,
        serves_from=serves_from,
    )
