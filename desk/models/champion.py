"""`spotdesk promote`, `rollback`: what a person decides about a version.

Every decision of a person is a row of `promotion_decisions` before it is carried out, with a name and a
reason.
"""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

import polars as pl
import typer

from desk.models.family import ByOption, Family, FamilyOption, ReasonOption, ZoneOption, registry_of
from desk.models.signatures import two_signatures
from desk.screen.console import JsonFlag, emit_json, out
from resources.identity.person import recorded_name
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.environment import Environment, read_environment
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.errors import ConfigurationError, ModelNotFoundError
from spot.lifecycle.decision_record import DecisionContext, manual_decision_row
from spot.market.delivery import days_between, delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone

_DECISIONS = "promotion_decisions"


def promote(
    *,
    zone: ZoneOption,
    version: Annotated[str, typer.Option("--version", help="Version that will serve.")],
    by: ByOption,
    reason: ReasonOption,
    signed_off_by: Annotated[
        str | None, typer.Option(help="Second person, where the zone asks for one: another user.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password of --by; the terminal asks otherwise.")
    ] = None,
    second_password_file: Annotated[Path | None, typer.Option(help="The same for --signed-off-by.")] = None,
    model: FamilyOption = Family.PRICE,
    force: Annotated[
        bool, typer.Option("--force", help="Allow a version that was rejected or withdrawn.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a version serve on a person's responsibility. It takes effect at the next forecast.

    The policy promotes on evidence by itself. This command is for what the policy cannot know, and for a zone
    where a second person must sign: both are users of the desk (`spotdesk users`) and give their passwords.

    Exit code 2: the version cannot serve, serves already, or lacks a signature.
    """
    environment = read_environment()
    registry, name = registry_of(environment, model), find_zone(zone).name
    new = promotable(registry, name, version, model, force=force)
    if signed_off_by is not None or asks_for_signature(environment, name):
        two_signatures(environment.home, by, signed_off_by, files=(password_file, second_password_file))
    row = let_serve(environment, registry, new, by=by, reason=reason, signed_off_by=signed_off_by)
    _tell(registry, name, row, as_json=as_json)


def promotable(
    registry: ModelRegistry, zone: str, version: str, model: Family, *, force: bool = False
) -> ModelVersion:
    """The version, if a person may let it serve.

    Raises:
        ConfigurationError: it serves already, or it was rejected or withdrawn and nobody insists.
        ModelNotFoundError: there is no such version.
    """
    new = registry.version(zone, version)
    if new.stage in ("rejected", "withdrawn", "expired") and not force:
        why = f"spotdesk explain-decision --model {model} --zone {zone} --version {version}"
        raise ConfigurationError(
            f"version {version} of {zone} is {new.stage}: `{why}` says why; --force lets it serve anyway"
        )
    serving = registry.champion(zone)
    if serving is not None and serving.version == new.version and new.stage == "champion":
        raise ConfigurationError(f"version {new.version} of {zone} serves already: nothing was changed")
    return new


def let_serve(
    environment: Environment,
    registry: ModelRegistry,
    version: ModelVersion,
    *,
    by: str,
    reason: str,
    signed_off_by: str | None,
) -> dict[str, Any]:
    """Let a version serve from the first free day on; returns the decision, which is written first.

    Raises:
        ConfigurationError: the name or the reason is missing.
        ModelIntegrityError: its files are not those that were registered.
    """
    row = _record(
        "promote", environment, registry, version, by=by, reason=reason, signed_off_by=signed_off_by
    )
    registry.files(version)  # a version serves only with the files that were registered
    spoken = (
        make_lake(environment)
        .read("day_ahead_forecasts", zones=[version.zone])
        .filter(pl.col("role") == "champion")["delivery_day"]
        .max()
    )
    serves_from = first_free_day(version.zone, spoken, utc_now())  # type: ignore[arg-type]
    registry.promote(version.zone, version.version, serves_from=serves_from)
    return row


def rollback(
    *,
    zone: ZoneOption,
    by: ByOption,
    reason: ReasonOption,
    to: Annotated[
        str | None, typer.Option("--version", help="Version; the champion before this one by default.")
    ] = None,
    model: FamilyOption = Family.PRICE,
    as_json: JsonFlag = False,
) -> None:
    """Let an earlier version serve again, at once: the next forecast and signal use it.

    The version that served is withdrawn.

    Exit code 2: there is no earlier version, or a name or a reason is missing.
    """
    environment = read_environment()
    registry, name = registry_of(environment, model), find_zone(zone).name
    back = registry.version(name, to) if to else previous_champion(registry, name)
    if back.stage not in ("champion", "withdrawn") and asks_for_signature(environment, name):
        raise ConfigurationError(
            f"version {back.version} of {name} never served, and the zone asks for the sign-off of a second"
            " person: `spotdesk promote` asks both"
        )
    registry.files(back)
    row = _record("rollback", environment, registry, back, by=by, reason=reason, signed_off_by=None)
    registry.rollback(name, back.version)
    _tell(registry, name, row, as_json=as_json)


def first_free_day(zone: str, newest_forecast: date | None, now: datetime) -> date | None:
    """The first day that a version serves which a person promotes.

    It is the first day whose gate is open, or the day after the newest forecast. Earlier days keep their
    champion, so a replay of the past gives the same rows. None where nothing was ever forecast.
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
        ModelNotFoundError: there is none.
    """
    serving = registry.champion(zone)
    if serving is None:
        raise ModelNotFoundError(f"zone {zone} has no champion, so there is nothing to roll back")
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


def asks_for_signature(environment: Environment, zone: str) -> bool:
    """Whether the zone asks for the sign-off of a second person."""
    from resources.settings.desk import desk_resource
    from resources.settings.policies import promotion_settings

    return zone in promotion_settings(desk_resource(environment)).sign_off_zones


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
        raise ConfigurationError("a decision needs the name of a person (--by) and a reason (--reason)")
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
        decided_by=recorded_name(by),
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
