"""A backup: everything of a desk in one compressed tar file, with a manifest of checksums.

Secrets are in it only when they are sealed.
"""

import hashlib
import io
import json
import os
import shutil
import socket
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from resources.home.contents import Contents, contents_of
from resources.home.find import is_desk_without_marker
from resources.home.marker import read_marker
from resources.home.secrets import public_part, seal
from resources.processes import is_process
from resources.settings.environment import Environment
from spot.errors import ConfigurationError

MANIFEST = "manifest.json"
SEALED = "secrets.sealed"
ENV = ".env"
_IN_MEMORY_BYTES = 32 * 2**20
_COMPRESSION = 3
"""Level of zlib. Data files are compressed already, and the databases shrink by nine tenths at any level."""


@dataclass(frozen=True, slots=True)
class BackupReport:
    """Contents of a backup."""

    file: str
    desk_id: str
    n_files: int
    n_bytes: int
    """Size of the file."""
    has_secrets: bool
    outside: list[str]
    """What belongs to the desk and is not in the file, in words."""


def back_up(environment: Environment, target: Path, *, now: datetime, passphrase: str | None) -> BackupReport:
    """Write the backup, completely or not at all. Runs may continue meanwhile.

    A desk of an older format can be backed up, too.

    Args:
        environment: The desk.
        target: The file. It must not exist, and must not be inside the desk.
        now: The instant for the manifest.
        passphrase: Encrypts the secrets; None leaves them out.

    Raises:
        ConfigurationError: the file exists, is inside the desk or cannot be written, or the passphrase is too
            short.
        SourceUnavailableError, ContractError: as `contents_of`.
    """
    home = environment.home
    marker = None if is_desk_without_marker(home) else read_marker(home)
    if target.exists():
        raise ConfigurationError(f"{target} exists already: name another file")
    if target.parent.resolve().is_relative_to(home):
        raise ConfigurationError(f"{target} is inside the desk itself: name a file outside {home}")
    env_text = _env_text(home)
    sealed = None if passphrase is None else seal(env_text, passphrase)
    _remove_leftovers(target.parent)
    mark = f".spotdesk-backup-{socket.gethostname()}-{os.getpid()}-"
    part = target.with_name(f"{mark}part")
    try:
        with tempfile.TemporaryDirectory(prefix=mark, dir=target.parent) as scratch:
            contents = contents_of(environment, Path(scratch))
            small = {ENV: public_part(env_text).encode(), **({} if sealed is None else {SEALED: sealed})}
            head = {
                "format": 0 if marker is None else marker.format,
                "desk_id": "" if marker is None else marker.desk_id,
                "kind": "desk" if marker is None else marker.kind,
                "made_at_utc": now.isoformat(),
                "code_commit": environment.commit,
                "table_versions": contents.versions,
                "outside": contents.outside,
            }
            n_files = _write(part, contents, small, head)
        part.replace(target)
    except OSError as error:
        raise ConfigurationError(f"no backup was made: {error}{_room(target.parent)}") from error
    finally:
        part.unlink(missing_ok=True)
    desk_id = "" if marker is None else marker.desk_id
    return BackupReport(
        str(target), desk_id, n_files, target.stat().st_size, sealed is not None, contents.outside
    )


def _remove_leftovers(folder: Path) -> None:
    """Remove what backups that were killed on this host have left beside their target."""
    begins = f".spotdesk-backup-{socket.gethostname()}-"
    for left in folder.glob(f"{begins}*"):
        pid = left.name.removeprefix(begins).partition("-")[0]
        if pid.isdecimal() and not is_process(int(pid)):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)


def as_document(report: BackupReport) -> dict[str, Any]:
    """The report as plain values."""
    return asdict(report)


def _write(part: Path, contents: Contents, small: Mapping[str, bytes], head: Mapping[str, Any]) -> int:
    """Write the tar file; the manifest, which holds every checksum, comes last."""
    checksums: dict[str, str] = {}
    descriptor = os.open(
        part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600
    )  # it may hold what its owner alone reads
    with (
        os.fdopen(descriptor, "wb") as file,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=_COMPRESSION) as tar,
    ):
        for name, content in small.items():
            checksums[name] = _add(tar, name, io.BytesIO(content), mode=0o600)
        for name, path in sorted(contents.files.items()):
            try:
                source = path.open("rb")
            except FileNotFoundError:
                if name in contents.passing:
                    continue
                raise
            with source:
                checksums[name] = _add(tar, name, source, mode=os.fstat(source.fileno()).st_mode & 0o777)
        manifest = json.dumps({**head, "files": checksums}, indent=1).encode()
        _add(tar, MANIFEST, io.BytesIO(manifest), mode=0o600)
        tar.close()
        file.flush()
        os.fsync(file.fileno())
    return len(checksums)


def _add(tar: tarfile.TarFile, name: str, source: BinaryIO, *, mode: int) -> str:
    """Add one file as it is now, and return its SHA-256.

    A file that grows while it is read is cut at the size that it had.
    """
    digest = hashlib.sha256()
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as copy:
        while chunk := source.read(2**20):
            digest.update(chunk)
            copy.write(chunk)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = copy.tell(), mode
        copy.seek(0)
        tar.addfile(entry, copy)
    return digest.hexdigest()


def _env_text(home: Path) -> str:
    try:
        return (home / ENV).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _room(folder: Path) -> str:
    try:
        return f"; {shutil.disk_usage(folder).free / 1e6:,.0f} MB are free in {folder}"
    except OSError:
        return ""
