"""The model registry over MLflow.

It holds versions, their files with checksums, and the alias `champion` that names the serving version.

There is one registered model per zone. A version is files (JSON, npz, CatBoost's own format) in the artifact
store, and tags that describe it. The alias is moved in one write, so a killed promotion leaves the old or the
new champion, never none and never half of one. Loading compares the sha256 of every file before any of them
is parsed, because a damaged file can crash the process that parses it.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from resources.fixed_resource import FixedResource
from resources.locks.held import LockTakenError
from resources.models.checked_rows import CheckedRows
from resources.models.mlflow_store import database_of, is_local, prepare_store
from resources.models.model_files import forget_files
from resources.models.serving_pointer import PointerFile, ServingPointer, change_counter, pointer_of
from resources.models.version import (
    PRICE_FAMILY,
    ModelVersion,
    Stage,
    VersionFacts,
    checksums_of,
    refuse_reserved,
    refuse_to_replace,
)
from resources.models.version_store import CHAMPION, VersionStore
from resources.plugins.members import restored_forecaster
from spot.errors import ModelIntegrityError, ModelNotFoundError
from spot.lifecycle.serving import serving_version

if TYPE_CHECKING:
    from spot.forecast.hourly_forecaster import HourlyForecaster


class ModelRegistry(FixedResource):
    """Versions of every zone's model in MLflow at `tracking_uri`.

    `artifact_folder` holds the files where that is a local database. The books of `home` record changes.
    """

    tracking_uri: str
    artifact_folder: str
    family: str = PRICE_FAMILY
    """What the models forecast: the day-ahead price, or a spread. Each family has versions, an alias and
    locks of its own.
    """
    home: str = ""

    def of_family(self, family: str) -> "ModelRegistry":
        """The same registry for models of another family."""
        place = {"tracking_uri": self.tracking_uri, "artifact_folder": self.artifact_folder}
        return ModelRegistry(**place, family=family, home=self.home)

    def prepare(self) -> str:
        """Create the database and the experiment once, safely among several processes.

        Returns the experiment's id.
        """
        return prepare_store(self.tracking_uri, self.artifact_folder)

    def register(
        self,
        zone: str,
        files: Mapping[str, bytes],
        facts: VersionFacts,
        *,
        run_id: str | None = None,
        after: int = 0,
    ) -> ModelVersion:
        """Store the files as a new version (stage `candidate`), whose number is above `after`.

        The same fingerprint again gives the existing version.

        Raises:
            ConfigurationError: a tag has a name that the registry reserves.
        """
        refuse_reserved(facts.tags)
        with self._store.lock(zone):
            known = self.find(zone, facts.fingerprint)
            if known is not None:
                return known
            with self._rows.changing(zone):
                return self._store.create(zone, files, facts, run_id=run_id, after=after)

    def versions(self, zone: str) -> list[ModelVersion]:
        """All versions of the zone, oldest first.

        Raises:
            ModelIntegrityError: the registry is damaged: a row is not what was written.
        """
        return self._truth(zone)[1]

    def shown_versions(self, zone: str) -> list[ModelVersion]:
        """All versions for people to see: at most one is champion, and former champions are `served`."""
        serving, versions = self._truth(zone)
        former = {v.version for v in versions if v.stage == "champion" and v.version != serving}
        return [replace(v, stage="served") if v.version in former else v for v in versions]

    def version(self, zone: str, version: str) -> ModelVersion:
        """One version, or the one that an alias names.

        Raises:
            ModelNotFoundError: there is no such version.
            ModelIntegrityError: the registry is damaged.
        """
        champion, versions = self._truth(zone)
        number = champion if version == CHAMPION else version
        for one in versions:
            if one.version == number:
                return one
        known = ", ".join(one.version for one in versions[-5:])
        hint = f"the newest are {known}" if known else "it has none yet, `spotdesk retrain` trains one"
        raise ModelNotFoundError(f"zone {zone} has no model version {version[:40]}: {hint}")

    def find(self, zone: str, fingerprint: str) -> ModelVersion | None:
        """The version with this fingerprint, if there is one."""
        return next((one for one in self.versions(zone) if one.fingerprint == fingerprint), None)

    def champion(self, zone: str) -> ModelVersion | None:
        """The version that the alias names, if any."""
        try:
            return self.version(zone, CHAMPION)
        except ModelNotFoundError:
            return None

    def champion_for(self, zone: str, delivery_day: date, lineage: str) -> ModelVersion:
        """The version that serves `delivery_day`, by the rule of `spot.lifecycle.serving`.

        Raises:
            ModelNotFoundError: no version ever served that day, so nothing is forecast.
        """
        version = self.serving(zone, [delivery_day], lineage)[delivery_day]
        if version is None:
            raise ModelNotFoundError(f"zone {zone} has no champion for {delivery_day} (data: {lineage})")
        return version

    def serving(self, zone: str, days: Sequence[date], lineage: str) -> dict[date, ModelVersion | None]:
        """The version that serves each of `days`, by the same rule; None where no version ever did."""
        champion, versions = self._truth(zone)
        if is_local(self.tracking_uri) and self._pointer_file(zone).read() is None:
            self._remember(zone)  # a training run has written since; the next look is fast again
        return {day: serving_version(champion, versions, day, lineage) for day in days}

    def champion_before(self, zone: str, version: ModelVersion) -> ModelVersion | None:
        """The version that serves, or would serve, instead of `version`: its rival."""
        champion, versions = self._truth(zone)
        others = [other for other in versions if other.version != version.version]
        return serving_version(champion, others, version.serves_from, version.lineage)

    def pointer(self, zone: str) -> ServingPointer:
        """The serving versions, from the pointer's file if it is up to date, else from the registry."""
        if is_local(self.tracking_uri) and not database_of(self.tracking_uri).exists():
            return ServingPointer(champion=None, served=())
        return self._pointer_file(zone).read() or self._remember(zone)

    def log_metrics(self, version: ModelVersion, metrics: Mapping[str, float]) -> None:
        """Add metrics to the MLflow run that made the version."""
        for name, value in metrics.items():
            self._store.client().log_metric(version.run_id, name, value)

    def log_picture(self, version: ModelVersion, name: str, png: bytes) -> None:
        """Add a picture to the MLflow run that made the version; the same name again replaces it."""
        self._store.files.write_picture(version.run_id, name, png)

    def load(self, zone: str, version: str) -> "tuple[HourlyForecaster[Any], ModelVersion]":
        """The model of a version or alias, after its files were compared with their checksums.

        Raises:
            ModelNotFoundError: there is no such version.
            ModelIntegrityError: a file is missing, superfluous, or not what was registered, or the member
                that made it is not installed.
        """
        found = self.version(zone, version)
        return restored_forecaster(self.files(found)), found

    def files(self, version: ModelVersion) -> dict[str, bytes]:
        """The files of a version, compared with their checksums.

        Raises:
            ModelIntegrityError: a file is missing, superfluous, or not what was registered.
        """
        files = self._store.files.read(version.run_id)
        if checksums_of(files) != version.checksums:
            forget_files()
            raise ModelIntegrityError(
                f"model {version.name} version {version.version}: its files are not those that were"
                " registered"
            )
        return files

    def promote(self, zone: str, version: str, *, serves_from: date | None = None) -> ModelVersion:
        """Let `version` serve, from `serves_from` where that is later than the registered day.

        The alias moves at once, in one write. If a champion of later days has it, it stays: a replay of the
        past moves nothing.

        Raises:
            ModelNotFoundError: there is no such version.
            ConfigurationError: the serving version is pinned.
        """
        with self._changing(zone):
            old, known = self.champion(zone), self.version(zone, version)
            refuse_to_replace(old, known)
            # A version that already has the alias keeps its first day, because a killed promotion may be
            # finished days later.
            is_serving = old is not None and old.version == known.version
            if serves_from is not None and serves_from > known.serves_from and not is_serving:
                self._store.set_tag(zone, version, "serves_from", str(serves_from))
            new = self.version(zone, version)
            if old is None or old.lineage != new.lineage or old.serves_from <= new.serves_from:
                self._store.set_champion(zone, new.version)
            self._store.set_tag(zone, new.version, "stage", "champion")
            return self.version(zone, new.version)

    def rollback(self, zone: str, version: str) -> ModelVersion:
        """Let an earlier version serve again, at once; the one that served is marked `withdrawn`.

        Raises:
            ModelNotFoundError: there is no such version.
            ConfigurationError: the serving version is pinned.
        """
        with self._changing(zone):
            back, old = self.version(zone, version), self.champion(zone)
            refuse_to_replace(old, back)
            self._store.set_champion(zone, back.version)
            if old is not None and old.version != back.version:
                self._store.set_tag(zone, old.version, "stage", "withdrawn")
            self._store.set_tag(zone, back.version, "stage", "champion")
            return self.version(zone, back.version)

    def set_stage(self, zone: str, version: str, stage: Stage) -> ModelVersion:
        """Write the stage of a version."""
        with self._changing(zone):
            self._store.set_tag(zone, version, "stage", stage)
            return self.version(zone, version)

    def set_tag(self, zone: str, version: str, key: str, value: str) -> None:
        """Write one more fact about a version.

        Raises:
            ConfigurationError: the registry keeps this name for itself.
        """
        refuse_reserved({key: value})
        with self._changing(zone):
            self._store.set_tag(zone, version, key, value)

    @property
    def _store(self) -> VersionStore:
        return VersionStore(self.tracking_uri, self.artifact_folder, self.family, self.home)

    @property
    def _rows(self) -> CheckedRows:
        return CheckedRows(self._store)

    def _truth(self, zone: str) -> tuple[str | None, list[ModelVersion]]:
        """Number of the version that the alias names, and every version, as they were written."""
        return self._rows.read(zone)

    @contextmanager
    def _changing(self, zone: str) -> Iterator[None]:
        """One change of the zone's versions at a time. The pointer's file is written after it."""
        with self._store.lock(zone):
            with self._rows.changing(zone):
                yield
            self._write_pointer(zone)

    def _remember(self, zone: str) -> ServingPointer:
        """Write the pointer from the registry.

        If another process is changing the zone's versions, it writes the file.
        """
        try:
            with self._store.lock(zone, wait_seconds=0):
                self._rows.note(zone)
                return self._write_pointer(zone)
        except LockTakenError:
            return pointer_of(*self._truth(zone))

    def _write_pointer(self, zone: str) -> ServingPointer:
        """The pointer from the registry. Its file is written if nothing changed in the meantime."""
        count = self._count()
        pointer = pointer_of(*self._truth(zone))
        self._pointer_file(zone).write(pointer, count if self._count() == count else None)
        return pointer

    def _count(self) -> int | None:
        return change_counter(database_of(self.tracking_uri)) if is_local(self.tracking_uri) else None

    def _pointer_file(self, zone: str) -> PointerFile:
        path = Path(self.artifact_folder) / "serving" / f"{self._store.name(zone)}.json"
        return PointerFile(path, database_of(self.tracking_uri))
