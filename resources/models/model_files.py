"""Files of model versions: below the home's own model folder, or on an MLflow server.

With a local database, the place of a file follows from the home and the run, whatever path MLflow has stored.
So a home that was moved or copied reads and writes its own files, never those of another.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from resources.models.mlflow_store import is_local, store_client
from spot.errors import ModelIntegrityError

_MODEL, _PICTURES = "model", "plots"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """The place of the files of one registry's runs."""

    tracking_uri: str
    artifact_folder: str

    def write(self, run_id: str, files: Mapping[str, bytes]) -> None:
        """Store the files of a version."""
        self._write(run_id, _MODEL, files)

    def write_picture(self, run_id: str, name: str, png: bytes) -> None:
        """Store a picture beside the version; the same name again replaces it."""
        self._write(run_id, _PICTURES, {f"{name}.png": png})

    def read(self, run_id: str) -> dict[str, bytes]:
        """Name and content of each file of a version, as they are.

        Raises:
            ModelIntegrityError: the version has no folder.
        """
        return dict(_read(self.tracking_uri, self.artifact_folder, run_id))

    def _write(self, run_id: str, part: str, files: Mapping[str, bytes]) -> None:
        if is_local(self.tracking_uri):
            _write_all(_folder(self.artifact_folder, run_id) / part, files)
            return
        with tempfile.TemporaryDirectory() as folder:
            _write_all(Path(folder), files)
            store_client(self.tracking_uri).log_artifacts(run_id, folder, part)


def forget_files() -> None:
    """Drop cached files, so that every file is read again at its next use."""
    _read.cache_clear()


@lru_cache(maxsize=32)
def _read(tracking_uri: str, artifact_folder: str, run_id: str) -> tuple[tuple[str, bytes], ...]:
    """Cached, because a version's files never change."""
    if is_local(tracking_uri):
        return _read_all(_folder(artifact_folder, run_id) / _MODEL)
    with tempfile.TemporaryDirectory() as folder:
        return _read_all(Path(store_client(tracking_uri).download_artifacts(run_id, _MODEL, folder)))


def _folder(artifact_folder: str, run_id: str) -> Path:
    """The folder of a run, laid out as MLflow does below the place of an experiment."""
    return Path(artifact_folder) / run_id / "artifacts"


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def _read_all(folder: Path) -> tuple[tuple[str, bytes], ...]:
    if not folder.is_dir():
        raise ModelIntegrityError(
            f"the files of a model version are lost: {folder} does not exist. Restore the desk from a backup"
        )
    return tuple((file.name, file.read_bytes()) for file in sorted(folder.iterdir()))
