"""Files of model versions: below the home's own model folder, or on an MLflow server.

With a local database, the place of a file follows from the home and the run, whatever path MLflow has stored.
So a home that was moved or copied reads and writes its own files, never those of another.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from resources.files import read_regular
from resources.models.mlflow_store import is_local, store_client
from spot.errors import ModelIntegrityError

_MODEL, _PICTURES, _EVIDENCE = "model", "plots", "evidence"
_MAXIMUM_FILES = 64
_MAXIMUM_BYTES = 256 * 1024 * 1024
"""Of one file. The largest model of six years has 30 million bytes."""
_CURE = "Restore the desk from a backup, or let another version serve (`spotdesk rollback`)"


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

    def write_evidence(self, run_id: str, manifest: bytes) -> None:
        """Store the manifest with which a version came from another registry."""
        self._write(run_id, _EVIDENCE, {"manifest.json": manifest})

    def read(self, run_id: str) -> dict[str, bytes]:
        """Name and content of each file of a version, as they are.

        Raises:
            ModelIntegrityError: the version has no folder, or it holds anything but plain files.
        """
        return dict(_read(self.tracking_uri, self.artifact_folder, run_id))

    def read_now(self, run_id: str) -> dict[str, bytes]:
        """The same from the disk, whatever this process has read before; with a local registry.

        Raises:
            ModelIntegrityError: the version has no folder.
        """
        return dict(_read_all(_folder(self.artifact_folder, run_id) / _MODEL))

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
    """Every file of the folder. A link, a folder, a fifo or a file that is too large is refused unread."""
    if any(part.is_symlink() for part in (folder, folder.parent, folder.parent.parent)):
        raise ModelIntegrityError(f"the folder of a model version is a link: {folder}. {_CURE}")
    if not folder.is_dir():
        raise ModelIntegrityError(f"the files of a model version are lost: {folder} does not exist. {_CURE}")
    paths = sorted(islice(folder.iterdir(), _MAXIMUM_FILES + 1))
    if len(paths) > _MAXIMUM_FILES:
        raise ModelIntegrityError(f"{folder} has more than {_MAXIMUM_FILES} files. {_CURE}")
    return tuple((path.name, _content(path)) for path in paths)


def _content(path: Path) -> bytes:
    try:
        return read_regular(path, _MAXIMUM_BYTES)
    except OSError as error:
        raise ModelIntegrityError(
            f"model file {path} cannot be read: {error.strerror or error}. {_CURE}"
        ) from error
