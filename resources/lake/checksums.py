"""SHA-256 of every file of a Delta table, data and log, kept in `_checksums/` beside the log.

Without it, a flipped bit would be read without notice.

A commit of few data files leaves one small file for each, named after it. A commit of many leaves one bundle.
Each commit and each checkpoint of the log has a small file of its own. A process killed between commit and
checksum leaves files without one. `verify_files` counts them as unrecorded; `record_missing` records them.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from threading import get_ident

from deltalake import DeltaTable
from pyarrow import fs

from resources.lake.s3 import files_below
from spot.errors import ContractError

FOLDER = "_checksums"
LOG = "_delta_log"
"""Folder of the log in a table."""
_BUNDLE_FROM_FILES = 9
"""Chosen by hand: a daily commit writes a file or two, a load of history one per month. A bundle is one
request on S3.
"""


@dataclass(frozen=True, slots=True)
class Verification:
    """Result of a check of all data files of one table.

    `damaged` and `lost` name files. Unrecorded files have no checksum to compare with.
    """

    table: str
    n_files: int
    n_unrecorded: int
    damaged: tuple[str, ...]
    lost: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether every file is there and none differs from its checksum."""
        return not (self.damaged or self.lost)


def record_checksums(delta: DeltaTable) -> dict[str, str]:
    """Store the checksums of the commit of this version, of its checkpoint and of the files that it added.

    Returns path to checksum.
    """
    files, version = _files(delta), delta.version()
    commit = commit_path(version)
    actions = [json.loads(line) for line in _read(files, commit).splitlines()]
    added = [action["add"]["path"] for action in actions if "add" in action]
    return {
        **_store(files, f"{version:020d}", added),
        **_store_each(files, [commit, *_present(files, [checkpoint_path(version)])]),
    }


def commit_checksums(files: fs.SubTreeFileSystem, version: int) -> dict[str, str]:
    """Path to checksum of one commit of the log, and of its checkpoint."""
    paths = [commit_path(version), *_present(files, [checkpoint_path(version)])]
    return {path: _sha256(files, path) for path in paths}


def record_missing(delta: DeltaTable) -> int:
    """Store the checksums of data files and of files of the log that have none; returns how many."""
    files, paths = _files(delta), _paths(delta)
    recorded = _recorded(files, paths)
    missing = [path for path in paths if path not in recorded]
    _store(files, f"{delta.version():020d}-adopted", missing)
    return len(missing) + len(record_log(files))


def record_log(files: fs.SubTreeFileSystem) -> dict[str, str]:
    """Store the checksums of files of the log that have none; returns path to checksum of these."""
    missing = [path for path in log_paths(files) if not files.get_file_info(_sidecar(path)).is_file]
    return _store_each(files, missing)


def verify_files(delta: DeltaTable, table: str) -> Verification:
    """Read every data file of this version and the log that it is read from, and compare with the checksums.

    Only data files are counted.
    """
    files = _files(delta)
    data, log = compare_files(files, table, _paths(delta)), compare_files(files, table, log_paths(files))
    return replace(data, damaged=(*log.damaged, *data.damaged), lost=(*log.lost, *data.lost))


def compare_files(files: fs.SubTreeFileSystem, table: str, paths: Sequence[str]) -> Verification:
    """Read the files at `paths`, relative to the table, and compare each with its checksum."""
    damaged, lost, n_unrecorded = [], [], 0
    recorded = _recorded(files, paths)
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


def log_paths(files: fs.SubTreeFileSystem) -> list[str]:
    """Files of the log that a reader of the newest version needs: the last checkpoint and every later commit.

    A commit that has a checksum and is not there is named too: it is lost.
    """
    start = _last_checkpoint(files)
    paths = [] if start is None else [checkpoint_path(start)]
    version = 0 if start is None else start + 1
    while True:
        commit = commit_path(version)
        if not files.get_file_info(commit).is_file:
            return [*paths, commit] if files.get_file_info(_sidecar(commit)).is_file else paths
        paths += [commit, *_present(files, [checkpoint_path(version)])]
        version += 1


def log_paths_of(files: fs.SubTreeFileSystem, version: int) -> list[str]:
    """Files of the log that a reader of an older version needs."""
    start = version
    while start >= 0 and not files.get_file_info(checkpoint_path(start)).is_file:
        start -= 1
    checkpoint = [checkpoint_path(start)] if start >= 0 else []
    return checkpoint + [commit_path(number) for number in range(start + 1, version + 1)]


def commit_path(version: int) -> str:
    """The file of one commit, relative to the table."""
    return f"{LOG}/{version:020d}.json"


def checkpoint_path(version: int) -> str:
    """The checkpoint at one commit, relative to the table."""
    return f"{LOG}/{version:020d}.checkpoint.parquet"


def _last_checkpoint(files: fs.SubTreeFileSystem) -> int | None:
    """Version of the newest checkpoint; None for a table that has none.

    `_last_checkpoint` says it. Where that file is missing or cannot be read, the listing of the log does, as
    it does for a Delta reader.
    """
    try:
        version = int(json.loads(_read(files, f"{LOG}/_last_checkpoint"))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        version = -1
    if version >= 0 and files.get_file_info(checkpoint_path(version)).is_file:
        return version
    listed = files.get_file_info(fs.FileSelector(LOG, allow_not_found=True))
    names = [info.base_name for info in listed if info.base_name.endswith(".checkpoint.parquet")]
    return max((int(name[:20]) for name in names if name[:20].isdigit()), default=None)


def _present(files: fs.SubTreeFileSystem, paths: Sequence[str]) -> list[str]:
    return [path for path in paths if files.get_file_info(path).is_file]


def forget_vacuumed(delta: DeltaTable, vacuumed: Iterable[str]) -> None:
    """Remove the checksums of files that are gone."""
    files = _files(delta)
    for path in vacuumed:
        name = _sidecar(path)
        if files.get_file_info(name).is_file:
            files.delete_file(name)


def _files(delta: DeltaTable) -> fs.SubTreeFileSystem:
    return files_below(delta.table_uri, delta._storage_options or {})  # noqa: SLF001 - the table keeps them nowhere else


def _paths(delta: DeltaTable) -> list[str]:
    return [relative_path(delta, uri) for uri in delta.file_uris()]


def relative_path(delta: DeltaTable, uri: str) -> str:
    """The path of a data file below its table."""
    root = delta.table_uri.rstrip("/") + "/"
    return uri.removeprefix(root).removeprefix(root.removeprefix("file://"))


def _sidecar(path: str) -> str:
    return f"{FOLDER}/{path.rpartition('/')[2]}.sha256"


def _read(files: fs.SubTreeFileSystem, path: str) -> bytes:
    with files.open_input_stream(path, compression=None) as file:
        return bytes(file.read())


def _write(files: fs.SubTreeFileSystem, path: str, content: str) -> None:
    """Write whole: a reader that finds half of a checksum would call its file damaged.

    An object on S3 appears whole by itself.
    """
    folder, _, name = path.rpartition("/")
    files.create_dir(folder, recursive=True)
    is_local = isinstance(files.base_fs, fs.LocalFileSystem)
    written = f"{folder}/.{name}.{os.getpid()}.{get_ident()}.tmp" if is_local else path
    with files.open_output_stream(written, compression=None) as out:
        out.write(content.encode())
    if is_local:
        files.move(written, path)


def _sha256(files: fs.SubTreeFileSystem, path: str) -> str:
    return hashlib.sha256(_read(files, path)).hexdigest()


def _store(files: fs.SubTreeFileSystem, bundle: str, paths: list[str]) -> dict[str, str]:
    if len(paths) < _BUNDLE_FROM_FILES:
        return _store_each(files, paths)
    checksums = {path: _sha256(files, path) for path in paths}
    _write(files, f"{FOLDER}/{bundle}.json", json.dumps(checksums))
    return checksums


def _store_each(files: fs.SubTreeFileSystem, paths: Sequence[str]) -> dict[str, str]:
    checksums = {path: _sha256(files, path) for path in paths}
    for path, checksum in checksums.items():
        _write(files, _sidecar(path), checksum)
    return checksums


def _recorded(files: fs.SubTreeFileSystem, paths: Iterable[str]) -> dict[str, str]:
    """Checksums of those paths that have one."""
    names = [info.path for info in files.get_file_info(fs.FileSelector(FOLDER, allow_not_found=True))]
    bundled: dict[str, str] = {}
    for name in names:
        if name.endswith(".json"):
            bundled |= _bundle(files, name)
    sidecars = set(names)
    own = {
        path: _read(files, _sidecar(path)).decode(errors="replace")
        for path in paths
        if _sidecar(path) in sidecars
    }
    return bundled | own


def _bundle(files: fs.SubTreeFileSystem, name: str) -> dict[str, str]:
    try:
        return dict(json.loads(_read(files, name)))
    except ValueError as error:
        table = files.base_path.rstrip("/").rpartition("/")[2]
        raise ContractError(
            f"table {table}: {name} cannot be read ({error}); restore it from a backup, or remove it and let"
            " `lake_maintained` take its files as they are"
        ) from error
