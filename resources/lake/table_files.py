"""The files of one version of a local Delta table and of every version before it, for a copy."""

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from resources.lake.checksums import FOLDER as CHECKSUMS
from spot.errors import ContractError

_LOG = "_delta_log"
_LAST_CHECKPOINT = "_last_checkpoint"
_HEX_DIGITS = 64
"""Of a SHA-256, which has 256 bits."""


def files_of_version(table: Path, version: int) -> Iterator[Path]:
    """Paths, relative to the folder of the table, of which a copy of the table at `version` consists.

    Data files never change once a version names them, so they can be read while other processes write. Files
    of later versions are left out, because they may be incomplete.

    Raises:
        ContractError: a commit of the version is missing or cannot be read, or a data file of it is missing.
    """
    yield from _log_files(table, version)
    for path, is_of_version in sorted(_data_files(table, version).items()):
        if (table / path).is_file():
            yield from _with_sidecar(table, path)
        elif is_of_version:  # vacuum deletes only what older versions name
            raise ContractError(
                f"table {table.name}: the data file {path} of version {version} is missing: restore the desk"
                " from an earlier backup"
            )
    yield from _bundles(table, version)


def _with_sidecar(table: Path, path: Path) -> Iterator[Path]:
    yield path
    sidecar = Path(CHECKSUMS) / f"{path.name}.sha256"
    if _is_whole_sidecar(table / sidecar):
        yield sidecar


def _log_files(table: Path, version: int) -> Iterator[Path]:
    for path in sorted((table / _LOG).iterdir()):
        number = path.name.partition(".")[0]
        if number.isdigit() and int(number) <= version:
            yield from _with_sidecar(table, path.relative_to(table))
    last = table / _LOG / _LAST_CHECKPOINT
    try:
        is_within = int(json.loads(last.read_text(encoding="utf-8"))["version"]) <= version
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or a reader can do without it
        return
    if is_within:
        yield last.relative_to(table)


def _data_files(table: Path, version: int) -> dict[Path, bool]:
    """Every data file that a version up to this one added, and whether it is still part of this one."""
    files: dict[Path, bool] = {}
    for number in range(version + 1):
        commit = table / _LOG / f"{number:020d}.json"
        try:
            actions = [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
        except (OSError, ValueError) as error:
            raise ContractError(f"table {table.name}: commit {number} cannot be read ({error})") from error
        files |= {Path(unquote(action["remove"]["path"])): False for action in actions if "remove" in action}
        files |= {Path(unquote(action["add"]["path"])): True for action in actions if "add" in action}
    return files


def _bundles(table: Path, version: int) -> Iterator[Path]:
    """Complete bundles of checksums.

    A bundle that is being written is left out. Its files count as unrecorded.
    """
    for path in sorted((table / CHECKSUMS).glob("*.json")):
        number = path.name[:20]
        if number.isdigit() and int(number) <= version and _is_json(path):
            yield path.relative_to(table)


def _is_whole_sidecar(path: Path) -> bool:
    try:
        return len(path.read_bytes().strip()) == _HEX_DIGITS
    except OSError:
        return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True
