"""What the registry's rows said when this desk last wrote them: a digest of each version, and who serves.

MLflow's database keeps no checksums, so a flipped bit changes a row in silence. This file lies beside the
serving pointer. It is written under the lock of the zone's versions, and compared at each read. Before a
change it says that one is under way: a process that is killed between the two writes leaves it so, and the
rows are then taken as they are.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from resources.files import write_whole
from resources.models.version import ModelVersion
from spot.errors import ModelIntegrityError

_ENDING = ".rows.json"


@dataclass(frozen=True, slots=True)
class KnownRows:
    """The rows of one registered model."""

    champion: str | None
    digests: Mapping[str, str]
    """Version to digest."""
    is_changing: bool

    def problem(self, champion: str | None, versions: Sequence[ModelVersion]) -> str:
        """How the rows of the registry differ; empty where they do not or a change is under way."""
        if self.is_changing:
            return ""
        found = {one.version: digest_of_version(one) for one in versions}
        odd = sorted(
            number
            for number in self.digests.keys() | found.keys()
            if self.digests.get(number) != found.get(number)
        )
        if odd:
            return f"the rows of version {', '.join(odd)} are not those that were written"
        if champion != self.champion:
            return f"version {champion} has the alias champion, it was given to {self.champion}"
        return ""


@dataclass(frozen=True, slots=True)
class KnownRowsFile:
    """The file of one registered model."""

    path: Path
    database: Path

    def read(self) -> KnownRows | None:
        """What was written; None where there is no such file or it is damaged, so that nothing is known."""
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            body = document["rows"]
            if document["sha256"] != _digest(body):
                return None
            return KnownRows(body["champion"], dict(body["digests"]), body["is_changing"] is True)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, champion: str | None, versions: Sequence[ModelVersion], *, is_changing: bool) -> None:
        """Write what the registry says now."""
        body = {
            "champion": champion,
            "digests": {one.version: digest_of_version(one) for one in versions},
            "is_changing": is_changing,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps({"rows": body, "sha256": _digest(body)}, indent=1).encode())

    def refusal(self, problem: str) -> ModelIntegrityError:
        """The error for rows that are not as they were written."""
        return ModelIntegrityError(
            f"{self.database} is damaged, or somebody changed it: {problem}. Restore the desk from a backup"
            f" (`spotdesk restore`). If you changed the registry on purpose, remove {self.path}"
        )


def forget_rows(artifact_folder: Path) -> None:
    """Forget what was written: the registry begins anew."""
    for path in folder_of(artifact_folder).glob(f"*{_ENDING}"):
        path.unlink(missing_ok=True)


def folder_of(artifact_folder: Path) -> Path:
    """Where the files lie, beside the serving pointers."""
    return artifact_folder / "serving"


def rows_file(artifact_folder: Path, name: str, database: Path) -> KnownRowsFile:
    """The file of the registered model `name`."""
    return KnownRowsFile(folder_of(artifact_folder) / f"{name}{_ENDING}", database)


def digest_of_version(version: ModelVersion) -> str:
    """SHA-256 over every fact of a version."""
    return _digest(asdict(version))


def _digest(body: object) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
