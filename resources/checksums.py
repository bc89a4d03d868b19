"""SHA-256 of every data file of a Delta table, kept in `_checksums/` beside its log: a flipped bit is otherwise read in silence.

One JSON file per version, path to checksum, written just after the commit. A process killed between the two leaves files without a checksum:
`verify_files` reports them as unrecorded, and `record_missing` adopts them.
"""

import hashlib
import json
from dataclasses import dataclass

from deltalake import DeltaTable
from deltalake._internal import DeltaFileSystemHandler  # the public wrapper cannot write: it hands over Arrow buffers where bytes are wanted

FOLDER = "_checksums"


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of all data files of one table found. `damaged` and `lost` name files; unrecorded ones were never checked."""

    table: str
    n_files: int
    n_unrecorded: int
    damaged: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Every file is there and none differs from its checksum."""
        return not (self.damaged or self.lost)


def record_checksums(delta: DeltaTable) -> None:
    """Store the checksums of the files that the version of `delta` added."""
    files = _files(delta)
    version = delta.version()
    actions = [json.loads(line) for line in _read(files, f"_delta_log/{version:020d}.json").splitlines()]
    _store(files, f"{version:020d}", [action["add"]["path"] for action in actions if "add" in action])


def record_missing(delta: DeltaTable) -> int:
    """Store the checksums of files that have none; returns how many."""
    files = _files(delta)
    missing = [path for path in _paths(delta) if path not in _recorded(files)]
    _store(files, f"{delta.version():020d}-adopted", missing)
    return len(missing)


def verify_files(delta: DeltaTable, table: str) -> Verification:
    """Read every data file of this version and compare it with its checksum."""
    files, damaged, lost, n_unrecorded = _files(delta), [], [], 0
    recorded, paths = _recorded(files), _paths(delta)
    for path in paths:
        if path not in recorded:
            n_unrecorded += 1
            continue
        try:
            if _sha256(files, path) != recorded[path]:
                damaged.append(path)
        except OSError:
            lost.append(path)
    return Verification(table, len(paths), n_unrecorded, tuple(damaged), tuple(lost))


def _files(delta: DeltaTable) -> DeltaFileSystemHandler:
    return DeltaFileSystemHandler(delta.table_uri, delta._storage_options)  # noqa: SLF001 - the table keeps them nowhere else


def _paths(delta: DeltaTable) -> list[str]:
    root = delta.table_uri.rstrip("/") + "/"
    return [uri.removeprefix(root).removeprefix(root.removeprefix("file://")) for uri in delta.file_uris()]


def _read(files: DeltaFileSystemHandler, path: str) -> bytes:
    file = files.open_input_file(path)
    return bytes(file.read(file.size()))


def _sha256(files: DeltaFileSystemHandler, path: str) -> str:
    return hashlib.sha256(_read(files, path)).hexdigest()


def _store(files: DeltaFileSystemHandler, name: str, paths: list[str]) -> None:
    if paths:
        out = files.open_output_stream(f"{FOLDER}/{name}.json")
        out.write(json.dumps({path: _sha256(files, path) for path in paths}).encode())
        out.close()  # type: ignore[attr-defined]


def _recorded(files: DeltaFileSystemHandler) -> dict[str, str]:
    found: dict[str, str] = {}
    for info in files.get_file_info_selector(FOLDER, allow_not_found=True):
        found |= json.loads(_read(files, info.path))
    return found
