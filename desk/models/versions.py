"""`spotdesk models`, `promote`, `rollback`, `explain-decision`.

The versions of a zone, and what a person decides about them.

Every deed of a person is a row of `promotion_decisions` before it is done, with a name and a reason.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal

import polars as pl
import typer

from desk.screen.console import JsonFlag, emit, emit_json, err, out
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY, ModelVersion
from resources.plugins.shipped import settings_files
from resources.settings.environment import Environment, read_environment
from resources.settings.yaml_file import read_yaml
from resources.wall_clock import utc_now
from resources.wiring import make_lake, make_registry
from spot.errors import ConfigurationError, ModelNotFoundError
from spot.lifecycle.decision_record import DecisionContext, manual_decision_row
from spot.lifecycle.decision_record import explain_decision as decision_text
from spot.market.delivery import days_between, delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone

ZoneOption = Annotated[str, typer.Option("--zone", help="Bidding zone.")]
ByOption = Annotated[str, typer.Option("--by", help="Your name: it stands in the record.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stands in the record.")]
_DECISIONS = "promotion_decisions"
_ONLY_JSON = ("data_version", "commit", "trained_from")
"""Facts of a version that would make the table too wide."""


class Family(StrEnum):
    """Which models: of the day-ahead price, or of the spread to the second price that a strategy asks for."""

    PRICE = "price"
    SPREAD = "spread"


FamilyOption = Annotated[
    Family, typer.Option("--model", help="Of the day-ahead price, or of the spread that a strategy trades.")
]


def models(*, zone: ZoneOption, model: FamilyOption = Family.PRICE, as_json: JsonFlag = False) -> None:
    """All versions of a zone's model: which serves, what each learnt from, how it was judged."""
    environment = read_environment()
    registry, profiles = _registry_of(environment, model), _profiles(environment)
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
        title=f"models of {name}",
        empty="no version yet: spotdesk run or spotdesk retrain makes one",
    )
    if serving is None:
        err.print(f"zone {name} has no champion: nothing is forecast, and no signal is made")
        raise typer.Exit(1)


def _profiles(environment: Environment) -> dict[str, Any]:
    """Name to settings of every file in `conf/models` that can be read."""
    found = {}
    for name, path in settings_files(environment.conf_folder, "models").items():
        with suppress(ConfigurationError):
            found[name] = read_yaml(path).content
    return found


def version_row(version: ModelVersion, profiles: Mapping[str, Any], *, is_serving: bool) -> dict[str, Any]:
    """What a list shows of a version.

    Errors in EUR/MWh, on the days between training and service; its profile where one has its settings today.
    """
    return {
        "version": version.version,
        "stage": version.stage,
        "serves_now": "yes" if is_serving else "",
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
    """Mean absolute error on the days that it never saw, beside that of whoever was champion then.

    Empty before it was evaluated.

    Of a model of the spread: pinball loss beside that of past quantiles.
    """
    if version.family == SPREAD_FAMILY:
        figures = {
            "untouched_days_pinball": "pinball_loss",
            "past_quantiles_pinball": "pinball_loss_of_past_quantiles",
        }
        return {shown: version.metrics.get(name) for shown, name in figures.items()}
    stored = json.loads(version.tags.get("evaluation", "{}"))
    errors = {
        who: [loss for loss in stored.get(who) or [] if loss is not None] for who in ("candidate", "champion")
    }
    means = {who: sum(losses) / len(losses) if losses else None for who, losses in errors.items()}
    return {"untouched_days_mae": means["candidate"], "champion_mae": means["champion"]}


def promote(
    *,
    zone: ZoneOption,
    version: Annotated[str, typer.Option("--version", help="Version that shall serve.")],
    by: ByOption,
    reason: ReasonOption,
    signed_off_by: Annotated[
        str | None, typer.Option(help="Second person, where the zone asks for one.")
    ] = None,
    model: FamilyOption = Family.PRICE,
    force: Annotated[
        bool, typer.Option("--force", help="Also a version that was rejected or withdrawn.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a version serve on a person's responsibility. It takes effect at the next forecast.

    The policy promotes by itself on evidence; this is for what it cannot know, and for a zone where a second
    person signs.
    """
    environment = read_environment()
    registry, name = _registry_of(environment, model), find_zone(zone).name
    new = registry.version(name, version)
    if new.stage in ("rejected", "withdrawn", "expired") and not force:
        why = f"spotdesk explain-decision --zone {name} --version {version}"
        raise ConfigurationError(
            f"version {version} of {name} is {new.stage}: `{why}` says why; --force lets it serve all the"
            " same"
        )
    serving = registry.champion(name)
    if serving is not None and serving.version == new.version and new.stage == "champion":
        raise ConfigurationError(f"version {new.version} of {name} serves already")
    _require_signature(environment, name, by, signed_off_by)
    row = _record("promote", environment, registry, new, by=by, reason=reason, signed_off_by=signed_off_by)
    registry.files(new)  # a version whose files are not those that were registered never serves
    spoken = (
        make_lake(environment)
        .read("day_ahead_forecasts", zones=[name])
        .filter(pl.col("role") == "champion")["delivery_day"]
        .max()
    )
    registry.promote(name, new.version, serves_from=first_free_day(name, spoken, utc_now()))  # type: ignore[arg-type]
    _tell(registry, name, row, as_json=as_json)


def rollback(
    *,
    zone: ZoneOption,
    by: ByOption,
    reason: ReasonOption,
    to: Annotated[
        str | None, typer.Option("--to", help="Version; the champion before this one by default.")
    ] = None,
    model: FamilyOption = Family.PRICE,
    as_json: JsonFlag = False,
) -> None:
    """Let an earlier version serve again, at once: the next forecast and signal are made with it.

    The one that served is withdrawn.
    """
    environment = read_environment()
    registry, name = _registry_of(environment, model), find_zone(zone).name
    back = registry.version(name, to) if to else previous_champion(registry, name)
    registry.files(back)
    row = _record("rollback", environment, registry, back, by=by, reason=reason, signed_off_by=None)
    registry.rollback(name, back.version)
    _tell(registry, name, row, as_json=as_json)


def explain_decision(
    decision: Annotated[
        str | None, typer.Argument(help="Id of the decision; all of the zone by default.")
    ] = None,
    *,
    zone: Annotated[str | None, typer.Option("--zone", help="Bidding zone.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Only decisions on this version.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Why a version was rejected, put beside the champion, promoted or rolled back.

    Evidence, tests, limits, and who decided.
    """
    rows = find_decisions(make_lake(read_environment()), decision=decision, zone=zone, version=version)
    if rows.is_empty():
        err.print("no such decision; spotdesk explain-decision --zone Z lists those of a zone")
        raise typer.Exit(1)
    if as_json:
        emit_json(rows.to_dicts())
        return
    for row in rows.iter_rows(named=True):
        out.print(f"[bold]{row['decision_id']}[/bold]", highlight=False)
        out.print(decision_text(row), highlight=False, markup=False)


def find_decisions(
    lake: Lake, *, decision: str | None = None, zone: str | None = None, version: str | None = None
) -> pl.DataFrame:
    """Rows of `promotion_decisions`, oldest first; an id may be cut short.

    Raises:
        ConfigurationError: neither an id nor a zone.
    """
    if decision is None and zone is None:
        raise ConfigurationError("which decision? give its id, or --zone")
    rows = lake.read(_DECISIONS, zones=None if zone is None else [find_zone(zone).name])
    if decision is not None:
        rows = rows.filter(pl.col("decision_id").str.starts_with(decision))
    if version is not None:
        # A rollback names the version that serves again; it is a decision on the one that was withdrawn too.
        is_withdrawn = (pl.col("action") == "rollback") & (pl.col("champion_version") == version)
        rows = rows.filter((pl.col("candidate_version") == version) | is_withdrawn.fill_null(value=False))
    # of one instant, the older version was decided on first
    return rows.sort(
        "decided_at_utc", pl.col("candidate_version").cast(pl.Int64, strict=False), "decision_id"
    )


def first_free_day(zone: str, newest_forecast: date | None, now: datetime) -> date | None:
    """From when a version that a person promotes serves.

    The first day whose gate is open, or the one after the newest that was forecast.

    Earlier days keep the champion that they had, so that a replay of the past gives the same rows. None where
    nothing was ever forecast.
    """
    if newest_forecast is None:
        return None
    today = delivery_day_of(zone, now)
    is_open = next(
        day for day in days_between(today, today + timedelta(days=3)) if gate_closure_utc(zone, day) > now
    )
    return min(is_open, newest_forecast + timedelta(days=1))


def previous_champion(registry: ModelRegistry, zone: str) -> ModelVersion:
    """The version that served before the one that serves.

    Raises:
        ModelNotFoundError: there is none to go back to.
    """
    serving = registry.champion(zone)
    if serving is None:
        raise ModelNotFoundError(f"zone {zone} has no champion to roll back from")
    served = [
        v
        for v in registry.versions(zone)
        if v.stage == "champion" and v.lineage == serving.lineage and v.version != serving.version
    ]
    if not served:
        raise ModelNotFoundError(
            f"zone {zone}: no version served before {serving.version}; spotdesk halt stops trading instead"
        )
    return max(served, key=lambda version: (version.serves_from, int(version.version)))


def _registry_of(environment: Environment, model: Family) -> ModelRegistry:
    registry = make_registry(environment)
    return registry.of_family(SPREAD_FAMILY) if model is Family.SPREAD else registry


def _require_signature(environment: Environment, zone: str, by: str, signed_off_by: str | None) -> None:
    from resources.settings.environment import desk_resource
    from resources.settings.policies import promotion_settings

    if zone not in promotion_settings(desk_resource(environment)).sign_off_zones:
        return
    if not signed_off_by or signed_off_by.strip().casefold() == by.strip().casefold():
        raise ConfigurationError(
            f"zone {zone} asks for the sign-off of a second person: --signed-off-by with another name than"
            " --by"
        )


def _record(
    action: Literal["promote", "rollback"],
    environment: Environment,
    registry: ModelRegistry,
    version: ModelVersion,
    *,
    by: str,
    reason: str,
    signed_off_by: str | None,
) -> dict[str, Any]:
    """Write the decision before it is carried out."""
    if not by.strip() or by.strip().casefold() == "policy" or not reason.strip():
        raise ConfigurationError("a decision needs the name of a person and a reason")
    old = registry.champion(version.zone)
    context = DecisionContext(
        zone=version.zone,
        decided_at_utc=utc_now(),
        candidate_version=version.version,
        champion_version=None if old is None else old.version,
        cause="person",
        candidate_data_version=version.tags.get("data_version", "unknown"),
        champion_data_version=None if old is None else old.tags.get("data_version"),
        code_commit=environment.commit,
        decided_by=by.strip(),
        signed_off_by=signed_off_by,
        model=version.name,
    )
    row = manual_decision_row(action, context, reason=reason.strip())
    make_lake(environment).append_only(_DECISIONS, row)
    return row.row(0, named=True)


def _tell(registry: ModelRegistry, zone: str, row: dict[str, Any], *, as_json: bool) -> None:
    serving = registry.champion(zone)
    if as_json:
        emit_json({"zone": zone, "champion": None if serving is None else serving.version, "decision": row})
    else:
        out.print(
            f"zone {zone}: version {'none' if serving is None else serving.version} serves from the next"
            f" forecast on; decision {row['decision_id']}"
        )
