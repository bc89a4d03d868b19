"""The serving versions, as a small file beside the registry.

It is read without MLflow, whose import takes longer than the answer.

The registry is the truth. Promotion, rollback and each change of a stage write the file again. It holds the
change counter of the registry's database (SQLite file format, 1.3.7, "File change counter") at that time. A
file that is missing, damaged or older than the database counts as none: the registry is asked, and the file
is written again. So a process that is killed between the two writes does no harm.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from resources.files import write_whole
from resources.models.version import ModelVersion
from spot.lifecycle.serving import serving_version

_HEADER_BYTES = 28
"""Up to the end of the file change counter (sqlite.org/fileformat.html, section 1.3)."""
_COUNTER = slice(24, 28)
_ROLLBACK_JOURNAL = b"\x01\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedVersion:
    """The facts about one version that decide which one serves."""

    version: str
    stage: str
    lineage: str
    trained_through: date
    serves_from: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingPointer:
    """The version that the alias names, and every version that ever served."""

    champion: str | None
    served: tuple[ServedVersion, ...]

    def serving(self, day: date, lineage: str) -> ServedVersion | None:
        """The version that serves the day on data of this lineage."""
        return serving_version(self.champion, self.served, day, lineage)


def pointer_of(champion: str | None, versions: Sequence[ModelVersion]) -> ServingPointer:
    """The pointer that matches the registry."""
    served = [one for one in versions if one.stage == "champion" or one.version == champion]
    return ServingPointer(
        champion=champion,
        served=tuple(
            ServedVersion(
                version=one.version,
                stage=one.stage,
                lineage=one.lineage,
                trained_through=one.trained_through,
                serves_from=one.serves_from,
            )
            for one in served
        ),
    )


@dataclass(frozen=True, slots=True)
class PointerFile:
    """The file of one registered model."""

    path: Path
    database: Path

    def read(self) -> ServingPointer | None:
        """The pointer; None where the registry must be asked."""
        counter = change_counter(self.database)
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
            body = document["serving"]
            if counter is None or document["sha256"] != _digest(body) or body["counter"] != counter:
                return None
            return _parsed(body)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, pointer: ServingPointer, counter: int | None) -> None:
        """Write the pointer as read from the registry at this count. Without a count there is no file."""
        if counter is None:
            self.path.unlink(missing_ok=True)
            return
        body = {"counter": counter, "champion": pointer.champion, "served": _rows(pointer)}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"serving": body, "sha256": _digest(body)}, indent=1)
        write_whole(self.path, text.encode())


def change_counter(database: Path) -> int | None:
    """How often the SQLite file was changed.

    None where it does not exist or has no count (a write-ahead log).
    """
    try:
        with database.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError:
        return None
    is_counted = len(header) == _HEADER_BYTES and header[18:20] == _ROLLBACK_JOURNAL
    return int.from_bytes(header[_COUNTER], "big") if is_counted else None


def _rows(pointer: ServingPointer) -> list[dict[str, str]]:
    return [{name: str(value) for name, value in asdict(one).items()} for one in pointer.served]


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()


def _parsed(body: dict[str, Any]) -> ServingPointer:
    served = (
        ServedVersion(
            version=row["version"],
            stage=row["stage"],
            lineage=row["lineage"],
            trained_through=date.fromisoformat(row["trained_through"]),
            serves_from=date.fromisoformat(row["serves_from"]),
        )
        for row in body["served"]
    )
    return ServingPointer(champion=body["champion"], served=tuple(served))
