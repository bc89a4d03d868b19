"""Versions of one registered model per zone in MLflow. Nothing here decides which one serves."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.books.model_books import alias_recorded, record_creation, record_models, tag_recorded
from resources.lake.access import note_read
from resources.locks.held import Held, held
from resources.models.mlflow_store import prepare_store, store_client
from resources.models.model_files import ModelFiles
from resources.models.version import (
    ModelVersion,
    VersionFacts,
    family_name,
    is_version,
    parse_version,
    version_tags,
)
from resources.wall_clock import utc_now
from spot.market.zones import find_zone

CHAMPION = "champion"
CHANGING_SECONDS = 120.0
"""Longest wait for another change of the same zone's versions."""
_UNKNOWN_MODEL = "RESOURCE_DOES_NOT_EXIST"
_PASSED_OVER = "a number that belongs to a version of a lost registry"


@dataclass(frozen=True, slots=True)
class VersionStore:
    """The versions of one family."""

    tracking_uri: str
    artifact_folder: str
    family: str
    home: str = ""
    """Folder of the desk whose books record every change; empty where none does."""

    @property
    def files(self) -> ModelFiles:
        """The place of their files."""
        return ModelFiles(self.tracking_uri, self.artifact_folder)

    def client(self) -> Any:
        """MLflow's client of an existing store."""
        note_read(family_name(self.family))
        prepare_store(self.tracking_uri, self.artifact_folder)
        return store_client(self.tracking_uri)

    def name(self, zone: str) -> str:
        """The zone's registered model."""
        return f"{self.family}.{find_zone(zone).name}"

    def lock(self, zone: str, *, wait_seconds: float = CHANGING_SECONDS) -> AbstractContextManager[Held]:
        """One change of the zone's versions at a time, among all processes of the desk.

        Raises:
            LockTakenError: another process changes them for longer than `wait_seconds`.
            SourceUnavailableError: Postgres, which keeps the lock, does not answer.
        """
        name = self.name(zone)
        return held(
            Path(self.artifact_folder) / f"{name}.lock",
            wait_seconds=wait_seconds,
            taken=f"versions of {name} are being changed",
            undone="nothing was changed",
        )

    def rows(self, zone: str) -> tuple[str | None, list[ModelVersion]]:
        """Number of the version that the alias names, and all versions of the zone, oldest first."""
        return self._champion(zone), self.versions(zone)

    def versions(self, zone: str) -> list[ModelVersion]:
        """All versions of the zone, oldest first."""
        found = self.client().search_model_versions(f"name='{self.name(zone)}'", max_results=1000)
        versions = (parse_version(zone, row) for row in found if is_version(row))
        return sorted(versions, key=lambda version: int(version.version))

    def _champion(self, zone: str) -> str | None:
        from mlflow.exceptions import MlflowException

        client, name = self.client(), self.name(zone)
        try:
            number = client.get_registered_model(name).aliases.get(CHAMPION)
        except MlflowException as error:
            if error.error_code == _UNKNOWN_MODEL:
                return None
            raise
        return None if number is None else str(number)

    def create(
        self, zone: str, files: Mapping[str, bytes], facts: VersionFacts, *, run_id: str | None, after: int
    ) -> ModelVersion:
        """A new version of a number above `after`; its files are stored before it is registered.

        The caller holds the zone's lock.
        """
        client, name = self.client(), self.name(zone)
        run = run_id or self._new_run(f"{name} {facts.trained_through}")
        _log_facts(client, run, zone, facts)
        self.files.write(run, files)
        self._ensure_registered(zone)
        self._pass_over(zone, after)
        source = f"{client.get_run(run).info.artifact_uri}/model"
        tags = version_tags(facts, files)
        record_creation(self.home, name, tags)
        made = client.create_model_version(name, source, run, tags=tags)
        record_models(self.home, self, name, [str(made.version)])
        if run_id is None:
            client.set_terminated(run, "FINISHED")
        return parse_version(zone, client.get_model_version(name, str(made.version)))

    def set_tag(self, zone: str, version: str, key: str, value: str) -> None:
        """Write one fact about a version; the caller holds the zone's lock."""
        name = self.name(zone)
        with tag_recorded(self.home, self, name, version, key, value):
            self.client().set_model_version_tag(name, version, key, value)

    def set_champion(self, zone: str, version: str) -> None:
        """Point the alias to this version, in one write; the caller holds the zone's lock."""
        name = self.name(zone)
        with alias_recorded(self.home, self, name, version):
            self.client().set_registered_model_alias(name, CHAMPION, version)

    def champions(self) -> dict[str, str]:
        """Each registered model of any family to the number of its champion, empty for none; by name."""
        found = self.client().search_registered_models(max_results=1000)
        return {
            one.name: str(one.aliases.get(CHAMPION, "")) for one in sorted(found, key=lambda one: one.name)
        }

    def facts(self, name: str) -> list[dict[str, Any]]:
        """The facts of every version of a registered model, as the books pin them, by number."""
        found = self.client().search_model_versions(f"name='{name}'", max_results=1000)
        return [_facts_of(row) for row in sorted(found, key=lambda row: int(row.version))]

    def facts_of(self, name: str, version: str) -> dict[str, Any]:
        """The facts of one version, as the books pin them."""
        return _facts_of(self.client().get_model_version(name, version))

    def champion_number(self, name: str) -> str:
        """Number of the version that the alias names; empty for none."""
        aliases: dict[str, str] = self.client().get_registered_model(name).aliases
        return str(aliases.get(CHAMPION, ""))

    def _new_run(self, name: str) -> str:
        experiment = prepare_store(self.tracking_uri, self.artifact_folder)
        return str(self.client().create_run(experiment, run_name=name).info.run_id)

    def _pass_over(self, zone: str, number: int) -> None:
        """Ensure that the next version's number is above `number`, which the ledger knows already."""
        newest = max((int(version.version) for version in self.versions(zone)), default=0)
        client, name = self.client(), self.name(zone)
        while newest < number:
            passed = client.create_model_version(name, _PASSED_OVER, None)
            newest = int(passed.version)
            client.delete_model_version(name, passed.version)

    def _ensure_registered(self, zone: str) -> None:
        from mlflow.exceptions import MlflowException

        client, name = self.client(), self.name(zone)
        try:
            client.get_registered_model(name)
        except MlflowException:
            text = f"{self.family} of {zone}, EUR/MWh, quantiles."
            client.create_registered_model(name, tags={"zone": zone}, description=text)


def _facts_of(row: Any) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": str(row.version),
        "run_id": row.run_id,
        "source": row.source,
        "status": str(row.status),
        "made_at_ms": row.creation_timestamp,
        "tags": dict(row.tags),
    }


def _log_facts(client: Any, run: str, zone: str, facts: VersionFacts) -> None:
    """Settings, origin and figures of the version, written to its MLflow run.

    They are the run's parameters and metrics.
    """
    from mlflow.entities import Metric, Param

    said = {**{f"model.{name}": value for name, value in facts.settings.items()}, "zone": zone, **facts.tags}
    at = int(utc_now().timestamp() * 1000)
    client.log_batch(
        run,
        metrics=[Metric(name, value, at, 0) for name, value in facts.metrics.items()],
        params=[Param(name, str(value)[:480]) for name, value in said.items()],
    )
