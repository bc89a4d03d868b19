"""The rows of a registered model, compared at each read with what was last written of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from resources.models.known_rows import KnownRowsFile, rows_file
from resources.models.mlflow_store import database_of, is_local
from resources.models.readable import readable
from resources.models.version import ModelVersion
from resources.models.version_store import VersionStore

Rows = tuple[str | None, list[ModelVersion]]
"""Number of the version that the alias names, and every version, oldest first."""


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """Rows of one family. Others may write those of an MLflow server, so nothing is compared there."""

    store: VersionStore

    def read(self, zone: str) -> Rows:
        """The rows of the zone, as they were written.

        Raises:
            ModelIntegrityError: the database cannot be read, or a row is not what was written.
        """
        if not is_local(self.store.tracking_uri):
            return self.store.rows(zone)
        file = self._file(zone)
        known = file.read()
        while True:
            with readable(file.database):
                champion, versions = self.store.rows(zone)
            problem = "" if known is None else known.problem(champion, versions)
            if not problem:
                return champion, versions
            before, known = known, file.read()
            if known == before:
                raise file.refusal(problem)  # nobody has written in the meantime

    @contextmanager
    def changing(self, zone: str) -> Iterator[None]:
        """Note that rows are about to change, and what they are afterwards. The caller holds the zone's lock.

        Raises:
            ModelIntegrityError: they are damaged already; nothing may be changed on top of that.
        """
        if not is_local(self.store.tracking_uri):
            yield
            return
        file = self._file(zone)
        file.write(*self.read(zone), is_changing=True)
        try:
            yield
        finally:
            with readable(file.database):
                file.write(*self.store.rows(zone), is_changing=False)

    def note(self, zone: str) -> None:
        """Note the rows where nothing is known of them: a desk of older code, or a change that was killed.

        The caller holds the zone's lock.

        Raises:
            ModelIntegrityError: as `read`.
        """
        if not is_local(self.store.tracking_uri):
            return
        file = self._file(zone)
        known = file.read()
        if known is None or known.is_changing:
            file.write(*self.read(zone), is_changing=False)

    def _file(self, zone: str) -> KnownRowsFile:
        database = database_of(self.store.tracking_uri)
        return rows_file(Path(self.store.artifact_folder), self.store.name(zone), database)
