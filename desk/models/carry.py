"""`spotdesk models export`, `import`: a version with its evidence, carried from one registry to another."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from desk.models.family import ByOption, Family, FamilyOption, ZoneOption, registry_of
from desk.screen.console import JsonFlag, emit_json, out
from resources.files import read_regular, write_whole
from resources.home.marker import desk_id_of
from resources.identity.person import recorded_name
from resources.models.carried import CARRIED, MAXIMUM_BYTES, CarriedVersion, pack, sum_of, unpack
from resources.models.model_files import ModelFiles
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion, checksums_of
from resources.plugins.members import restored_forecaster
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.wiring import make_lake, make_registry
from spot.errors import ConfigurationError, ModelIntegrityError


def export(
    *,
    zone: ZoneOption,
    version: Annotated[str, typer.Option("--version", help="Number of the version, or champion.")],
    file: Annotated[Path, typer.Option("--file", help="Where it is written; it must not exist.")],
    model: FamilyOption = Family.PRICE,
    as_json: JsonFlag = False,
) -> None:
    """Write a version with its facts, its files and the decisions on it to one file, and print its sha256.

    The sum names the file: send it another way than the file itself. The same version gives the same file.

    Exit code 2: there is no such version, its files are damaged, or the file exists.
    """
    environment = read_environment()
    registry = registry_of(environment, model)
    found = registry.version(zone, version)
    if file.exists():
        raise ConfigurationError(f"{file} exists: name another file")
    content = pack(
        found,
        registry.files(found),
        desk=desk_id_of(environment.home),
        decisions=_decisions_on(environment, found),
    )
    try:
        write_whole(file, content)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written: {error.strerror or error}") from error
    told = {"zone": found.zone, "version": found.version, "file": str(file), "sha256": sum_of(content)}
    if as_json:
        emit_json(told)
        return
    out.print(f"{found.label} of {found.zone} is in {file}, {len(content):,} bytes", highlight=False)
    out.print(f"sha256 {told['sha256']}", highlight=False)


def import_(
    file: Annotated[Path, typer.Argument(help="What `spotdesk models export` has written.")],
    *,
    sha256: Annotated[str, typer.Option("--sha256", help="Its sum, as the export printed it.")],
    by: ByOption,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Let it run in shadow, where the desk judges it itself.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Register a version that comes from another registry. It does not serve by that.

    It enters as a candidate with its evidence. The evaluation that it brings was made beside another champion
    and decides nothing here. With --shadow this desk judges it on days of its own; `spotdesk promote` lets it
    serve at once. A version that is there already is left as it is.

    Exit code 2: the sum is another, the file is damaged or of another kind, or this desk cannot use it.
    """
    environment = read_environment()
    try:
        content = read_regular(file, MAXIMUM_BYTES)
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror or error}") from error
    carried = unpack(content, sha256=sha256)
    registry = make_registry(environment).of_family(carried.family)
    _refuse_foreign(environment, carried)
    made, is_new = _registered(registry, carried, sum_of(content), by)
    if is_new and shadow:
        made = registry.set_stage(made.zone, made.version, "challenger")
    if as_json:
        emit_json({"zone": made.zone, "version": made.version, "stage": made.stage, "is_new": is_new})
        return
    what = f"{made.label} of {made.zone}"
    out.print(f"registered: {what}, {made.stage}" if is_new else f"it is there already: {what}, {made.stage}")


def _registered(
    registry: ModelRegistry, carried: CarriedVersion, sha256: str, by: str
) -> tuple[ModelVersion, bool]:
    """The version in this registry, and whether it is new."""
    known = registry.find(carried.zone, carried.facts.fingerprint)
    if known is not None:
        if known.checksums != checksums_of(carried.files):
            raise ModelIntegrityError(
                f"{known.label} of {known.zone} has the same fingerprint and other files: one of the two"
                " registries was changed; nothing was imported"
            )
        return known, False
    if not by.strip():
        raise ConfigurationError("an import needs the name of a person (--by)")
    origin = {
        "desk": carried.desk,
        "version": carried.version,
        "stage": carried.stage,
        "sha256": sha256,
        "by": recorded_name(by),
    }
    tags = {**carried.facts.tags, CARRIED: json.dumps(origin, sort_keys=True)}
    facts = replace(carried.facts, tags=tags)
    made = registry.register(carried.zone, carried.files, facts)
    files = ModelFiles(registry.tracking_uri, registry.artifact_folder)
    files.write_evidence(made.run_id, carried.manifest)
    return made, True


def _refuse_foreign(environment: Environment, carried: CarriedVersion) -> None:
    """Refuse what this desk could never let serve.

    Raises:
        ConfigurationError: the zone is not of the desk, or the version learnt from other data.
        ModelIntegrityError: this code cannot read the model.
    """
    from workflows.lifecycle.families import PRICE, SPREAD

    desk = desk_resource(environment)
    if carried.zone not in desk.zones:
        raise ConfigurationError(
            f"the file holds a model of {carried.zone[:20]}, which is no zone of this desk"
            f" ({', '.join(desk.zones)})"
        )
    family = PRICE if carried.family == PRICE.name else SPREAD
    lineage = family.lineage(desk, carried.zone)
    if lineage != carried.facts.lineage:
        raise ConfigurationError(
            f"the model learnt from the data {carried.facts.lineage[:60]}, zone {carried.zone} of this desk"
            f" reads {lineage or 'none of that kind'}: it could not serve here"
        )
    restored_forecaster(carried.files)


def _decisions_on(environment: Environment, version: ModelVersion) -> list[dict[str, Any]]:
    """Rows of `promotion_decisions` about the version, oldest first."""
    rows = make_lake(environment).read("promotion_decisions", zones=[version.zone])
    mine = (pl.col("candidate_version") == version.version) & (
        pl.col("model").fill_null(version.name) == version.name
    )
    return rows.filter(mine).sort("decided_at_utc", "decision_id").to_dicts()
