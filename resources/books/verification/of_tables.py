"""Tables: every file of their logs and every data file, compared with what the books pin."""

import json
from pathlib import PurePosixPath

from pyarrow import fs

from resources.books.proofs import why_not_own
from resources.books.standing import CHECKPOINT_END, LAST_CHECKPOINT, commits_in, log_files, sha256_at
from resources.books.verification.verdict import Found
from resources.lake.checksums import FOLDER as CHECKSUMS
from resources.lake.checksums import LOG, commit_path
from resources.lake.delta_table import StoredTable
from spot.books.expected import ExpectedTable

_LONGEST_CHECKSUM = 4 * 2**20
"""Chosen by hand: a bundle has some 200 bytes per file, so this is 20,000 files in one commit."""


def check_table(stored: StoredTable, table: ExpectedTable, key: str) -> Found:
    """Whether the table is as the books say.

    Args:
        stored: The table.
        table: What the books say.
        key: Public key in force; empty where there is none.
    """
    found, files, name = Found(), stored.files, stored.contract.name
    for path, pinned in table.files.items():
        if path in table.gone:
            continue
        try:
            if sha256_at(files, path) != pinned.sha256:
                found.add(pinned.number, f"table {name}: {path} was changed")
        except OSError:
            found.add(pinned.number, f"table {name}: {path} is gone")
    _check_checksums(found, files, table, name)
    if not found.findings:
        _check_rest_of_log(found, stored, table, key)
    return found


def _check_rest_of_log(found: Found, stored: StoredTable, table: ExpectedTable, key: str) -> None:
    """Files of the log that the books do not know: commits after the newest record, and what is foreign."""
    log, name = log_files(stored.files), stored.contract.name
    last = max(table.versions.values(), default=-1) + 1
    waiting: set[str] = set()
    for version in commits_in(log):
        if commit_path(version) in table.files:
            continue
        why = why_not_own(stored, version, table, key)
        if why:
            found.add(last, f"table {name}: commit {version} is not of the desk: {why}")
            return
        waiting |= {commit_path(version), f"{LOG}/{version:020d}{CHECKPOINT_END}"}
        found.waiting.append(f"table {name}: commit {version} waits for its record")
    known = {*table.files, *waiting, LAST_CHECKPOINT}
    for path in log:
        if path not in known:
            found.add(last, f"table {name}: {path} is not of the desk")
    if LAST_CHECKPOINT in log and not _names_a_checkpoint(stored.files, known):
        found.add(last, f"table {name}: {LAST_CHECKPOINT} names no checkpoint of the desk")


def _names_a_checkpoint(files: fs.SubTreeFileSystem, known: set[str]) -> bool:
    try:
        version = int(json.loads(_content(files, LAST_CHECKPOINT))["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return f"{LOG}/{version:020d}{CHECKPOINT_END}" in known


def _check_checksums(found: Found, files: fs.SubTreeFileSystem, table: ExpectedTable, name: str) -> None:
    """Checksums that the lake compares at each read: one that was changed would hide or fake damage."""
    pinned = {PurePosixPath(path).name: one for path, one in table.files.items()}
    listed = files.get_file_info(fs.FileSelector(CHECKSUMS, allow_not_found=True))
    for info in listed:
        if info.base_name.startswith("."):
            continue
        try:
            stated = _stated(info.base_name, _content(files, info.path))
        except (OSError, ValueError):
            found.add(0, f"table {name}: {info.path} cannot be read")
            continue
        for path, sha256 in stated.items():
            one = pinned.get(PurePosixPath(path).name)
            if one is not None and one.sha256 != sha256:
                found.add(one.number, f"table {name}: the checksum of {path} in {info.path} was changed")


def _stated(name: str, content: bytes) -> dict[str, str]:
    if name.endswith(".json"):
        return {str(path): str(sha256) for path, sha256 in dict(json.loads(content)).items()}
    return {name.removesuffix(".sha256"): content.decode()}


def _content(files: fs.SubTreeFileSystem, path: str) -> bytes:
    with files.open_input_stream(path, compression=None) as file:
        return bytes(file.read(_LONGEST_CHECKSUM))
