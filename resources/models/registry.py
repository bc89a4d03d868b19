"""The model registry over MLflow.

Versions, their files with checksums, and the alias `champion` that names the version which serves.

One registered model per zone. A version is files (JSON, npz, CatBoost's own format) in the artifact store and
tags that say what it is. The alias is moved in one write, so a killed promotion leaves the old or the new
champion, never none and never half of one. Loading compares the sha256 of every file before any of them is
parsed: a damaged file can crash the process that parses it.
"""

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dagster import ConfigurableResource
from filelock import FileLock

from resources.lake.access import note_read
from resources.models.mlflow_store import make_store
from resources.plugins.members import restored_forecaster
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError, ModelIntegrityError, ModelNotFoundError
from spot.market.zones import find_zone

if TYPE_CHECKING:
    from spot.forecast.hourly_forecaster import HourlyForecaster

CHAMPION = "champion"
PRICE_FAMILY = "day_ahead_price"
SPREAD_FAMILY = "settlement_spread"
EXPERIMENT = "spotdesk"
Stage = Literal["candidate", "challenger", "champion", "served", "rejected", "expired", "withdrawn"]
"""What is stored as `champion` is every version that ever served; the alias says which one does now, and
`shown_versions` calls the others `served`. `withdrawn` was rolled back.
"""
_FOLDER = "model"
_RESERVED = (
    "fingerprint",
    "stage",
    "lineage",
    "trained_from",
    "trained_through",
    "serves_from",
    "checksums",
    "settings",
    "metrics",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """What is known about one registered version, without loading it."""

    zone: str
    name: str
    """Registered model."""
    version: str
    stage: Stage
    fingerprint: str
    lineage: str
    """Source of the data and what was admitted: versions of different lineage never stand in for each other."""
    trained_from: date
    trained_through: date
    """Newest delivery day the model learnt from."""
    serves_from: date
    """First delivery day it may forecast."""
    settings: dict[str, Any]
    metrics: dict[str, float]
    tags: dict[str, str]
    """Everything else that was registered: data_version, code_commit, code_version, cause, seed and so on."""
    checksums: dict[str, str]
    run_id: str
    created_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """What is said about a version when it is registered; the fields are those of `ModelVersion`."""

    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    fingerprint: str
    lineage: str
    trained_from: date
    trained_through: date
    serves_from: date
    tags: Mapping[str, str]


class ModelRegistry(ConfigurableResource):  # type: ignore[type-arg]
    """Versions of every zone's model in MLflow at `tracking_uri`.

    `artifact_folder` holds the files where that is a local database.
    """

    tracking_uri: str
    artifact_folder: str
    family: str = PRICE_FAMILY
    """What the models say: the day-ahead price, or a spread. Each family has versions, an alias and locks of its
    own.
    """

    def of_family(self, family: str) -> "ModelRegistry":
        """The same registry for models of another family."""
        return ModelRegistry(
            tracking_uri=self.tracking_uri, artifact_folder=self.artifact_folder, family=family
        )

    def prepare(self) -> str:
        """Create the database and the experiment once, safely among several processes.

        Returns the experiment's id.
        """
        return _prepare(self.tracking_uri, self.artifact_folder)

    def register(
        self, zone: str, files: Mapping[str, bytes], facts: VersionFacts, *, run_id: str | None = None
    ) -> ModelVersion:
        """Store the files and name them a version (stage `candidate`).

        The same fingerprint again is the version that is there.

        Raises:
            ConfigurationError: a tag has a name that the registry keeps for itself.
        """
        _refuse_reserved(facts.tags)
        with self._lock(zone):
            known = self.find(zone, facts.fingerprint)
            if known is not None:
                return known
            client = self._client()
            run = (
                run_id
                or client.create_run(
                    self.prepare(), run_name=f"{self._name(zone)} {facts.trained_through}"
                ).info.run_id
            )
            _log_facts(client, run, zone, facts)
            with tempfile.TemporaryDirectory() as folder:
                for name, content in files.items():
                    (Path(folder) / name).write_bytes(content)
                client.log_artifacts(run, folder, _FOLDER)
            self._ensure_registered(zone)
            source = f"{client.get_run(run).info.artifact_uri}/{_FOLDER}"
            made = client.create_model_version(self._name(zone), source, run, tags=_all_tags(facts, files))
            if run_id is None:
                client.set_terminated(run, "FINISHED")
            return self.version(zone, str(made.version))

    def versions(self, zone: str) -> list[ModelVersion]:
        """All versions of the zone, oldest first."""
        found = self._client().search_model_versions(f"name='{self._name(zone)}'", max_results=1000)
        return sorted((_parsed(zone, row) for row in found), key=lambda version: int(version.version))

    def shown_versions(self, zone: str) -> list[ModelVersion]:
        """The same for people: one champion at most, and who was champion before it is `served`."""
        champion = self.champion(zone)
        serving = None if champion is None else champion.version
        return [
            replace(v, stage="served") if v.stage == "champion" and v.version != serving else v
            for v in self.versions(zone)
        ]

    def version(self, zone: str, version: str) -> ModelVersion:
        """One version, or the one that an alias names.

        Raises:
            ModelNotFoundError: there is no such version.
        """
        from mlflow.exceptions import MlflowException

        client = self._client()
        try:
            if version.isdigit():
                return _parsed(zone, client.get_model_version(self._name(zone), version))
            return _parsed(zone, client.get_model_version_by_alias(self._name(zone), version))
        except MlflowException as error:
            raise ModelNotFoundError(f"zone {zone} has no model version {version}") from error

    def find(self, zone: str, fingerprint: str) -> ModelVersion | None:
        """The version with this fingerprint, if there is one."""
        found = self._client().search_model_versions(
            f"name='{self._name(zone)}' and tags.fingerprint='{fingerprint}'"
        )
        return _parsed(zone, found[0]) if found else None

    def champion(self, zone: str) -> ModelVersion | None:
        """The version that the alias names, if any."""
        try:
            return self.version(zone, CHAMPION)
        except ModelNotFoundError:
            return None

    def champion_for(self, zone: str, delivery_day: date, lineage: str) -> ModelVersion:
        """The version that serves `delivery_day`.

        The champion, or for days before its time the newest former champion that knew only the past.

        A replay of the past thus never uses a model that learnt from it, and gives the same rows each time.

        Raises:
            ModelNotFoundError: none ever served that day; nothing is forecast then.
        """
        version = self.serving(zone, [delivery_day], lineage)[delivery_day]
        if version is None:
            raise ModelNotFoundError(f"zone {zone} has no champion for {delivery_day} (data: {lineage})")
        return version

    def serving(self, zone: str, days: Sequence[date], lineage: str) -> dict[date, ModelVersion | None]:
        """Who serves each of `days`, by the rule of `champion_for`; None where no version ever did."""
        champion, versions = self.champion(zone), self.versions(zone)
        return {day: _serving(champion, versions, day, lineage) for day in days}

    def champion_before(self, zone: str, version: ModelVersion) -> ModelVersion | None:
        """Who serves, or would serve, in the place of `version`: its rival."""
        others = [other for other in self.versions(zone) if other.version != version.version]
        champion = self.champion(zone)
        rival = None if champion is None or champion.version == version.version else champion
        return _serving(rival, others, version.serves_from, version.lineage)

    def log_metrics(self, version: ModelVersion, metrics: Mapping[str, float]) -> None:
        """Add metrics to the MLflow run that made the version."""
        for name, value in metrics.items():
            self._client().log_metric(version.run_id, name, value)

    def log_picture(self, version: ModelVersion, name: str, png: bytes) -> None:
        """Add a picture to the MLflow run that made the version; the same name again replaces it."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{name}.png"
            file.write_bytes(png)
            self._client().log_artifact(version.run_id, str(file), "plots")

    def load(self, zone: str, version: str) -> "tuple[HourlyForecaster[Any], ModelVersion]":
        """The model of a version or alias, its files compared with their checksums first.

        Raises:
            ModelNotFoundError: there is no such version.
            ModelIntegrityError: a file is missing, too many, or not what was registered, or the member that
                made it is not there.
        """
        found = self.version(zone, version)
        return restored_forecaster(self.files(found)), found

    def files(self, version: ModelVersion) -> dict[str, bytes]:
        """The files of a version, compared with their checksums.

        Raises:
            ModelIntegrityError: a file is missing, too many, or not what was registered.
        """
        files = dict(_download(self.tracking_uri, version.run_id))
        if {name: _sha256(content) for name, content in files.items()} != version.checksums:
            _download.cache_clear()
            raise ModelIntegrityError(
                f"model {version.name} version {version.version}: its files are not those that were"
                " registered"
            )
        return files

    def promote(self, zone: str, version: str, *, serves_from: date | None = None) -> ModelVersion:
        """Let `version` serve, from `serves_from` where that is later than what was registered.

        The alias moves at once, in one write. A champion of later days keeps it: a replay of the past moves
        nothing.

        Raises:
            ModelNotFoundError: there is no such version.
        """
        old, known = self.champion(zone), self.version(zone, version)
        # who holds the alias keeps its first day: a promotion that was killed half-way may be finished days
        # later
        is_serving = old is not None and old.version == known.version
        if serves_from is not None and serves_from > known.serves_from and not is_serving:
            self._client().set_model_version_tag(self._name(zone), version, "serves_from", str(serves_from))
        new = self.version(zone, version)
        if old is None or old.lineage != new.lineage or old.serves_from <= new.serves_from:
            self._client().set_registered_model_alias(self._name(zone), CHAMPION, new.version)
        return self.set_stage(zone, new.version, "champion")

    def rollback(self, zone: str, version: str) -> ModelVersion:
        """Let an earlier version serve again, at once.

        The one that served is marked `withdrawn` and its rival takes its place.

        Raises:
            ModelNotFoundError: there is no such version.
        """
        back, old = self.version(zone, version), self.champion(zone)
        self._client().set_registered_model_alias(self._name(zone), CHAMPION, back.version)
        if old is not None and old.version != back.version:
            self.set_stage(zone, old.version, "withdrawn")
        return self.set_stage(zone, back.version, "champion")

    def set_stage(self, zone: str, version: str, stage: Stage) -> ModelVersion:
        """Write the stage of a version."""
        self._client().set_model_version_tag(self._name(zone), version, "stage", stage)
        return self.version(zone, version)

    def set_tag(self, zone: str, version: str, key: str, value: str) -> None:
        """Write one more fact about a version.

        Raises:
            ConfigurationError: the registry keeps this name for itself.
        """
        _refuse_reserved({key: value})
        self._client().set_model_version_tag(self._name(zone), version, key, value)

    def _client(self) -> Any:
        note_read(family_name(self.family))
        self.prepare()
        return _client(self.tracking_uri)

    def _ensure_registered(self, zone: str) -> None:
        from mlflow.exceptions import MlflowException

        client = self._client()
        try:
            client.get_registered_model(self._name(zone))
        except MlflowException:
            client.create_registered_model(
                self._name(zone),
                tags={"zone": zone},
                description=f"{self.family} of {zone}, EUR/MWh, quantiles.",
            )

    def _name(self, zone: str) -> str:
        return f"{self.family}.{find_zone(zone).name}"

    def _lock(self, zone: str) -> FileLock:
        folder = Path(self.artifact_folder)
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{self._name(zone)}.lock", timeout=120)


def family_name(family: str) -> str:
    """What an asset declares that asks the registry for models of `family`."""
    return f"registry:{family}"


@cache
def _client(tracking_uri: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)


@cache
def _prepare(tracking_uri: str, artifact_folder: str) -> str:
    folder = Path(artifact_folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Two processes that both make a fresh SQLite store break it: the first one makes it, the others wait.
    with FileLock(folder / "prepare.lock", timeout=300):
        make_store(tracking_uri)
        client = _client(tracking_uri)
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        location = folder.resolve().as_uri() if tracking_uri.startswith("sqlite:") else None
        return str(client.create_experiment(EXPERIMENT, artifact_location=location))


@lru_cache(maxsize=32)
def _download(tracking_uri: str, run_id: str) -> tuple[tuple[str, bytes], ...]:
    """Name and content of each file of a version; kept, since a version's files never change."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(_client(tracking_uri).download_artifacts(run_id, _FOLDER, folder))
        return tuple((file.name, file.read_bytes()) for file in sorted(path.iterdir()))


def _serving(
    champion: ModelVersion | None, versions: Sequence[ModelVersion], day: date, lineage: str
) -> ModelVersion | None:
    if champion is not None and champion.lineage == lineage and champion.serves_from <= day:
        return champion
    served = [v for v in versions if v.stage == "champion" and v.lineage == lineage and v.serves_from <= day]
    return max(served, key=lambda v: (v.serves_from, int(v.version)), default=None)


def _log_facts(client: Any, run: str, zone: str, facts: VersionFacts) -> None:
    """Settings, where the version comes from, and its figures, as parameters and metrics of the MLflow run that made it."""
    from mlflow.entities import Metric, Param

    said = {**{f"model.{name}": value for name, value in facts.settings.items()}, "zone": zone, **facts.tags}
    at = int(utc_now().timestamp() * 1000)
    client.log_batch(
        run,
        metrics=[Metric(name, value, at, 0) for name, value in facts.metrics.items()],
        params=[Param(name, str(value)[:480]) for name, value in said.items()],
    )


def _refuse_reserved(tags: Mapping[str, str]) -> None:
    clash = set(tags) & set(_RESERVED)
    if clash:
        raise ConfigurationError(f"registry: tags {sorted(clash)} are the registry's own")


def _all_tags(facts: VersionFacts, files: Mapping[str, bytes]) -> dict[str, str]:
    return {
        **facts.tags,
        "fingerprint": facts.fingerprint,
        "stage": "candidate",
        "lineage": facts.lineage,
        "trained_from": str(facts.trained_from),
        "trained_through": str(facts.trained_through),
        "serves_from": str(facts.serves_from),
        "checksums": json.dumps({name: _sha256(content) for name, content in sorted(files.items())}),
        "settings": json.dumps(dict(facts.settings), sort_keys=True, default=str),
        "metrics": json.dumps(dict(facts.metrics), sort_keys=True),
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _parsed(zone: str, row: Any) -> ModelVersion:
    tags = dict(row.tags)
    return ModelVersion(
        zone=zone,
        name=row.name,
        version=str(row.version),
        stage=tags.get("stage", "candidate"),
        fingerprint=tags["fingerprint"],
        lineage=tags["lineage"],
        trained_from=date.fromisoformat(tags["trained_from"]),
        trained_through=date.fromisoformat(tags["trained_through"]),
        serves_from=date.fromisoformat(tags["serves_from"]),
        settings=json.loads(tags["settings"]),
        metrics=json.loads(tags["metrics"]),
        tags={key: value for key, value in tags.items() if key not in _RESERVED},
        checksums=json.loads(tags["checksums"]),
        run_id=row.run_id,
        created_at_utc=datetime.fromtimestamp(row.creation_timestamp / 1000, UTC),
    )
