"""SHA-256 of every data file of a Delta table, kept in `_checksums/` beside its log.

A flipped bit is otherwise read in silence.

A commit of few files leaves one small file for each, named after it; a commit of many leaves one bundle. A
process killed between commit and checksum leaves files without one: `verify_files` counts them as unrecorded,
and `record_missing` adopts them.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from deltalake import DeltaTable
from pyarrow import fs

from resources.lake.s3 import files_below
from spot.errors import ContractError

FOLDER = "_checksums"
_BUNDLE_FROM_FILES = 9


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check of all data files of one table found.

    `damaged` and `lost` name files; unrecorded ones were never checked.
    """

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
    files, version = _files(delta), delta.version()
    actions = [json.loads(line) for line in _read(files, f"_delta_log/{version:020d}.json").splitlines()]
    _store(files, f"{version:020d}", [action["add"]["path"] for action in actions if "add" in action])


def record_missing(delta: DeltaTable) -> int:
    """Store the checksums of files that have none; returns how many."""
    files, paths = _files(delta), _paths(delta)
    recorded = _recorded(files, paths)
    missing = [path for path in paths if path not in recorded]
    _store(files, f"{delta.version():020d}-adopted", missing)
    return len(missing)


def verify_files(delta: DeltaTable, table: str, paths: Iterable[str] | None = None) -> Verification:
    """Read every data file of this version, or those of `paths`, and compare it with its checksum."""
    files, damaged, lost, n_unrecorded = _files(delta), [], [], 0
    wanted = _paths(delta) if paths is None else list(paths)
    recorded = _recorded(files, wanted)
    for path in wanted:
        if path not in recorded:
            n_unrecorded += 1
            continue
        try:
            if _sha256(files, path) != recorded[path]:
                damaged.append(path)
        except OSError:
            lost.append(path)
    return Verification(table, len(wanted), n_unrecorded, tuple(damaged), tuple(lost))


def refuse_damaged(delta: DeltaTable, table: str, uris: Iterable[str]) -> None:
    """Stop before files are read to be written anew: a damaged one would get a checksum that fits its damage.

    Raises:
        ContractError: a file is damaged or lost.
    """
    verification = verify_files(delta, table, [_relative(delta, uri) for uri in uris])
    if not verification.is_sound:
        raise ContractError(
            f"table {table}: files differ from their checksums:"
            f" {[*verification.damaged, *verification.lost]}; restore them first"
        )


def forget_vacuumed(delta: DeltaTable, vacuumed: Iterable[str]) -> None:
    """Remove the checksums of files that are gone."""
    files = _files(delta)
    for path in vacuumed:
        name = _sidecar(path)
        if files.get_file_info(name).is_file:
            files.delete_file(name)


def _files(delta: DeltaTable) -> fs.FileSystem:
    return files_below(delta.table_uri, delta._storage_options or {})  # noqa: SLF001 - the table keeps them nowhere else


def _paths(delta: DeltaTable) -> list[str]:
    return [_relative(delta, uri) for uri in delta.file_uris()]


def _relative(delta: DeltaTable, uri: str) -> str:
    root = delta.table_uri.rstrip("/") + "/"
    return uri.removeprefix(root).removeprefix(root.removeprefix("file://"))


def _sidecar(path: str) -> str:
    return f"{FOLDER}/{path.rpartition('/')[2]}.sha256"


def _read(files: fs.FileSystem, path: str) -> bytes:
    with files.open_input_stream(path, compression=None) as file:
        return bytes(file.read())


def _write(files: fs.FileSystem, path: str, content: str) -> None:
    files.create_dir(path.rpartition("/")[0], recursive=True)
    with files.open_output_stream(path, compression=None) as out:
        out.write(content.encode())


def _sha256(files: fs.FileSystem, path: str) -> str:
    return hashlib.sha256(_read(files, path)).hexdigest()


def _store(files: fs.FileSystem, bundle: str, paths: list[str]) -> None:
    checksums = {path: _sha256(files, path) for path in paths}
    if len(paths) >= _BUNDLE_FROM_FILES:
        _write(files, f"{FOLDER}/{bundle}.json", json.dumps(checksums))
        return
    for path, checksum in checksums.items():
        _write(files, _sidecar(path), checksum)


def _recorded(files: fs.FileSystem, paths: Iterable[str]) -> dict[str, str]:
    """Checksums of those paths that have one."""
    names = [info.path for info in files.get_file_info(fs.FileSelector(FOLDER, allow_not_found=True))]
    bundled: dict[str, str] = {}
    for name in names:
        if name.endswith(".json"):
            bundled |= json.loads(_read(files, name))
    sidecars = set(names)
    own = {path: _read(files, _sidecar(path)).decode() for path in paths if _sidecar(path) in sidecars}
    return bundled | own
