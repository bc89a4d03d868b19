"""`spotdesk models`: the versions of a zone, which one serves, and how each was judged."""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import typer

from desk.models.family import Family, FamilyOption, ZoneOption, registry_of
from desk.screen.console import JsonFlag, emit, err
from resources.models.version import ModelVersion
from resources.plugins.shipped import settings_files
from resources.settings.environment import Environment, read_environment
from resources.settings.yaml_file import read_yaml
from spot.errors import ConfigurationError
from spot.market.zones import find_zone

_ONLY_JSON = ("data_version", "commit", "trained_from")
"""Facts of a version that are only in JSON, because the table would be too wide."""
_COMPARED = ("candidate", "champion", "naive")
_WITHOUT_CHAMPION = {
    Family.PRICE: "nothing is forecast and no signal is made; `spotdesk retrain` makes a version",
    Family.SPREAD: "a strategy that needs a model of the spread is flat",
}


def models(*, zone: ZoneOption, model: FamilyOption = Family.PRICE, as_json: JsonFlag = False) -> None:
    """List all versions of a zone's model: which one serves, its training data and its verdict.

    Exit code 1: the zone has no champion.
    """
    environment = read_environment()
    registry, profiles = registry_of(environment, model), _profiles(environment)
    name = find_zone(zone).name
    versions = registry.shown_versions(name)
    serving = registry.champion(name)
    rows = [
        version_row(version, profiles, is_serving=serving is not None and serving.version == version.version)
        for version in versions
    ]
    shown = (
        rows
        if as_json
        else [{key: value for key, value in row.items() if key not in _ONLY_JSON} for row in rows]
    )
    emit(
        shown,
        as_json=as_json,
        title=f"models of {name}" if model is Family.PRICE else f"models of the spread of {name}",
        empty="no version yet: spotdesk run or spotdesk retrain makes one",
    )
    if serving is None:
        err.print(f"zone {name} has no champion: {_WITHOUT_CHAMPION[model]}")
        raise typer.Exit(1)


def _profiles(environment: Environment) -> dict[str, Any]:
    """Name to settings of every file in `conf/models` that can be read."""
    found = {}
    for name, path in settings_files(environment.settings_folder, "models").items():
        with suppress(ConfigurationError):
            found[name] = read_yaml(path).content
    return found


def version_row(version: ModelVersion, profiles: Mapping[str, Any], *, is_serving: bool) -> dict[str, Any]:
    """The line of a version in a list.

    Errors are in EUR/MWh, on the days between training and service. The profile is shown where one has its
    settings today.
    """
    return {
        "version": version.version,
        "stage": version.stage,
        "serves_now": ("yes, pinned" if version.pinned else "yes") if is_serving else "",
        "model": (version.settings.get("kind") or version.settings.get("name") or version.family),
        "profile": next(
            (name for name, settings in profiles.items() if settings == dict(version.settings)), None
        ),
        "data": version.lineage,
        "trained_from": version.trained_from,
        "trained_through": version.trained_through,
        "serves_from": version.serves_from,
        **_walk_forward(version),
        "cause": version.tags.get("cause"),
        "data_version": version.tags.get("data_version"),
        "commit": (version.tags.get("code_commit") or "")[:10],
    }


def _walk_forward(version: ModelVersion) -> dict[str, float | None]:
    """Mean loss on the days that it never saw, and that of the champion at that time.

    Empty before it was evaluated. For a model of the spread they are pinball losses, with those of past
    quantiles too. Older code kept these among the figures of its training.
    """
    stored = json.loads(version.tags.get("evaluation", "{}"))
    known = {who: [loss for loss in stored.get(who) or [] if loss is not None] for who in _COMPARED}
    means = {who: sum(losses) / len(losses) for who, losses in known.items() if losses}
    if not version.is_spread:
        return {"untouched_days_mae": means.get("candidate"), "champion_mae": means.get("champion")}
    old = version.metrics
    return {
        "untouched_days_pinball": means.get("candidate", old.get("pinball_loss")),
        "champion_pinball": means.get("champion"),
        "past_quantiles_pinball": means.get("naive", old.get("pinball_loss_of_past_quantiles")),
    }
