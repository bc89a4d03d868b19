"""Restoring a backup into a new folder: a desk with an identity of its own, halted and on paper."""

import gzip
import hashlib
import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resources.books.begin import pin
from resources.books.chain import chain_of
from resources.files import write_whole
from resources.home.backup import ENV, MANIFEST, SEALED
from resources.home.find import MARKER
from resources.home.marker import FORMAT, new_marker
from resources.home.secrets import unseal
from resources.settings.environment import read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError

_PLACES = (
    "SPOTDESK_HOME",
    "SPOTDESK_CONF",
    "SPOTDESK_LAKE_URI",
    "SPOTDESK_ANALYST_DATABASE",
    "MLFLOW_TRACKING_URI",
)


class BackupDamagedError(ConfigurationError):
    """A file is not a backup, is incomplete, or holds a file that differs from its checksum."""


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """What was restored."""

    home: str
    desk_id: str
    origin: str
    n_files: int
    has_secrets: bool
    outside: list[str]
    """What belonged to the desk and was not in the backup, in words."""


def restore(file: Path, home: Path, *, passphrase: str | None) -> RestoreReport:
    """Restore the backup into `home`, whole or not at all.

    Every file is compared with its checksum first. The desk gets a new identity and is halted; sealed secrets
    are restored where the passphrase is given.

    Raises:
        BackupDamagedError: the file is not a complete backup.
        ConfigurationError: there is something in `home`, the backup is of another format, the passphrase is
            wrong,
            or the disk does not take it.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise ConfigurationError(f"{home} is there and not empty: name a new folder")
    home.parent.mkdir(parents=True, exist_ok=True)
    # A volume of a container cannot be replaced: the desk is made inside it.
    is_volume = home.is_mount()
    beside = (home if is_volume else home.parent) / f".{home.name}.{os.getpid()}.restoring"
    try:
        beside.mkdir()
        manifest = _extract(file, beside)
        desk_id = _finish(beside, manifest, passphrase)
        if is_volume:
            _move_up(beside, home)
        else:
            if home.exists():
                home.rmdir()
            beside.rename(home)
        _pin(home, manifest)
    except OSError as error:
        raise ConfigurationError(f"nothing was restored: {error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    has_secrets = SEALED in manifest["files"] and passphrase is not None
    n_files = len(manifest["files"])
    return RestoreReport(
        str(home), desk_id, _origin(manifest), n_files, has_secrets, list(manifest["outside"])
    )


def _move_up(beside: Path, home: Path) -> None:
    """Move the desk into the folder around it; the marker last, so that a kill leaves no desk."""
    for path in sorted(beside.iterdir(), key=lambda found: found.name == MARKER):
        path.rename(home / path.name)
    beside.rmdir()


def _pin(home: Path, manifest: Mapping[str, Any]) -> None:
    """Record in the books that this is another desk now, and everything as it stands.

    A kill before it leaves books that do not verify: restore again, into another folder.
    """
    if chain_of(home) is not None:
        pin(read_environment(home), "restore", reason=_origin(manifest))


def has_sealed_secrets(file: Path) -> bool:
    """Whether the backup holds secrets, which are at its beginning.

    Raises:
        BackupDamagedError: it is not a backup.
    """
    try:
        with tarfile.open(file, "r:gz") as tar:
            for entry, _ in zip(tar, range(2), strict=False):
                if entry.name == SEALED:
                    return True
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise _damaged(file, error) from error
    return False


def _extract(file: Path, folder: Path) -> Mapping[str, Any]:
    """Unpack into `folder`; every file is in the manifest and is what was packed."""
    found: dict[str, str] = {}
    try:
        with gzip.open(file) as stream, tarfile.open(fileobj=stream) as tar:
            for entry in tar:
                found[entry.name] = _unpack(tar, entry, folder, file)
            while stream.read(2**20):  # the checksum of the whole stands at the end, behind what tar reads
                pass
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        checksums, found_format = dict(manifest["files"]), int(manifest["format"])
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise _damaged(file, error) from error
    if found_format > FORMAT:
        raise ConfigurationError(
            f"{file} was made by a newer Spotdesk (format {found_format}, this one reads {FORMAT}): update"
            " Spotdesk"
        )
    del found[MANIFEST]
    if wrong := sorted(name for name in found.keys() | checksums if found.get(name) != checksums.get(name)):
        raise _damaged(file, f"{len(wrong)} files differ from the manifest, {wrong[0]} first")
    (folder / MANIFEST).unlink()
    return manifest


def _unpack(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, file: Path) -> str:
    """Write one file below `folder` and return its SHA-256.

    An entry that is a link, or leads out of the folder, is refused.
    """
    place = Path(entry.name)
    content = tar.extractfile(entry) if entry.isreg() else None
    if content is None or place.is_absolute() or ".." in place.parts or (folder / place).exists():
        raise _damaged(file, f"{entry.name} is not a file of a desk")
    target, digest = folder / place, hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, entry.mode & 0o777), "wb") as out:
        while chunk := content.read(2**20):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _finish(home: Path, manifest: Mapping[str, Any], passphrase: str | None) -> str:
    """Secrets, the halt and, last, the new identity.

    Returns the identity, empty for a desk without a marker.
    """
    sealed = home / SEALED
    if sealed.exists():
        if passphrase is not None:
            text = _without_places(unseal(sealed.read_bytes(), passphrase))
            write_whole(home / ENV, text.encode(), mode=0o600)
        sealed.unlink()
    reason = f"restored from a {_origin(manifest)}: only one of them may trade"
    TradingStateStore(home / "trading_state").halt(None, reason=reason, actor="spotdesk restore")
    if manifest["format"] == 0:  # for an older Spotdesk, or `spotdesk upgrade`
        return ""
    (home / MARKER).unlink(missing_ok=True)
    return new_marker(home, kind=manifest["kind"], now=utc_now(), origin=_origin(manifest)).desk_id


def _origin(manifest: Mapping[str, Any]) -> str:
    return (
        f"backup of desk {manifest['desk_id'] or 'without a name'} of {str(manifest['made_at_utc'])[:19]} UTC"
    )


def _without_places(env_text: str) -> str:
    """`.env` without what names a ledger, a registry or a folder elsewhere.

    With it, two desks would write to the same place.
    """
    lines = env_text.splitlines()
    return "".join(
        (
            f"# not restored, another desk may use it: {line}\n"
            if line.partition("=")[0].strip() in _PLACES
            else f"{line}\n"
        )
        for line in lines
    )


def _damaged(file: Path, why: object) -> BackupDamagedError:
    return BackupDamagedError(f"{file} is not a complete backup of a desk ({why}); nothing was restored")
