"""Beginning the books, completing them after a crash, and pinning everything as it stands."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from resources.books.chain import FOLDER, Chain
from resources.books.commits import CERTIFIED
from resources.books.keys import signing_key
from resources.books.model_books import record_models
from resources.books.proofs import rows_written, why_not_own
from resources.books.settings_books import DONE as SETTINGS_DONE
from resources.books.settings_books import accepted_hashes
from resources.books.standing import (
    CHECKPOINT_END,
    LAST_CHECKPOINT,
    actions_of,
    added_paths,
    commits_in,
    files_of_commit,
    log_files,
    manifest_of,
    standing_models,
    store_of,
)
from resources.books.state_books import record_late_stops
from resources.files import write_whole
from resources.home.marker import desk_id_of
from resources.lake.checksums import LOG
from resources.lake.delta_table import StoredTable
from resources.locks.held import LockTakenError
from resources.settings.environment import Environment
from resources.wiring import make_lake
from spot.books.expected import (
    Expected,
    ExpectedModels,
    ExpectedTable,
    Manifest,
    expected_of,
    key_in_force,
    version_digest,
)
from spot.books.merkle import root_of
from spot.books.record import Record, canonical
from spot.books.rows import row_leaves
from spot.contracts.tables import TABLES
from spot.errors import ConfigurationError

_MANIFESTS = "manifests"


def pin(environment: Environment, cause: str, *, by: str = "", reason: str = "", **facts: Any) -> Record:
    """Record everything as it stands: tables, models, settings and the log of the stop button.

    Args:
        environment: The desk.
        cause: Kind of the record: `begin`, `restore`, `upgrade` or `accepted`.
        by: The person, where one answers for it.
        reason: Why.
        facts: What else the record says.

    Raises:
        ConfigurationError, ContractError, SourceUnavailableError: something cannot be read, or the books are
            held by others for too long.
        OSError: a file cannot be read or written.
    """
    chain = Chain(environment.home)
    text = canonical(manifest_of(environment))
    digest = hashlib.sha256(text).hexdigest()
    folder = environment.home / FOLDER / _MANIFESTS
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{digest}.json", text, durable=True)
    said = {"manifest": digest, "desk_id": desk_id_of(environment.home), "by": by, "reason": reason}
    record = chain.append(cause, {**said, **facts})
    chain.sync()
    return record


def read_manifest(chain: Chain, record: Record) -> Manifest:
    """The manifest that a record names.

    Raises:
        ConfigurationError: it is lost or was changed.
    """
    path = chain.home / FOLDER / _MANIFESTS / f"{record.content['manifest']}.json"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    if hashlib.sha256(text).hexdigest() != record.content["manifest"]:
        raise ConfigurationError(f"{path} is not what record {record.number} of the books pins")
    return parsed_manifest(text)


def parsed_manifest(text: bytes) -> Manifest:
    """A manifest from its text, whose hash was compared."""
    document: Mapping[str, Any] = json.loads(text)
    return document


def keep_books(environment: Environment) -> str:
    """Begin the books of a desk that has none, or complete those that a killed process left.

    Returns what was done, empty for nothing. What cannot be the desk's own is left alone:
    `spotdesk books verify` names it.

    Raises:
        ConfigurationError, ContractError, SourceUnavailableError, OSError: as `pin`.
    """
    chain = Chain(environment.home)
    if chain.head() is None:
        is_old = bool(make_lake(environment).tables())
        reason = (
            "a desk of an older version: what was before is pinned as it stands" if is_old else "a new desk"
        )
        pin(environment, "begin", reason=reason)
        _name_key(chain, [])
        return f"the books begin: {reason}"
    records, damage = chain.read()
    if damage:
        return f"the books do not verify (record {len(records)}: {damage}): `spotdesk books verify`"
    expected = expected_of(records, lambda record: read_manifest(chain, record))
    _name_key(chain, records)
    lake, key = make_lake(environment), key_in_force(records)
    n_late = sum(
        _complete_table(chain, lake.stored(name), expected.tables.get(name, ExpectedTable()), key)
        for name in TABLES
    )
    n_late += _complete_models(environment, expected) + _complete_settings(chain, expected)
    known = {line.pinned.sha256 for line in expected.state_lines}
    n_late += record_late_stops(chain, environment.trading_state, known)
    return f"{n_late} late records complete the books after a process that died" if n_late else ""


def _name_key(chain: Chain, records: list[Record]) -> None:
    """Record the public key of a desk whose key no record names yet."""
    key = signing_key(chain.home)
    if key is not None and not key_in_force(records):
        from spot.books.signing import public_key_of

        chain.append("key", {"public_key": public_key_of(key)})


def _complete_table(chain: Chain, stored: StoredTable, table: ExpectedTable, key: str) -> int:
    files = stored.files
    missing = [version for version in commits_in(log_files(files)) if version not in table.versions]
    n_late = 0
    for version in missing:
        if why_not_own(stored, version, table, key):
            return n_late  # this one, and all that build upon it, are for a person
        _drop_checkpoint(stored, version)
        pinned = files_of_commit(files, version, checkpoint=False)
        content: dict[str, Any] = {"table": stored.contract.name, "version": version, "files": pinned}
        if stored.contract.name == CERTIFIED and added_paths(actions_of(files, version)):
            rows = rows_written(stored, version)
            content["rows"] = root_of(row_leaves(rows, stored.contract.key))
        chain.append("commit", content, is_late=True)
        n_late += 1
    return n_late


def _drop_checkpoint(stored: StoredTable, version: int) -> None:
    """Remove the checkpoint of a commit without a record: no signature covers it, and readers need none."""
    path = f"{LOG}/{version:020d}{CHECKPOINT_END}"
    if stored.files.get_file_info(path).is_file:
        for gone in (LAST_CHECKPOINT, path):
            if stored.files.get_file_info(gone).is_file:
                stored.files.delete_file(gone)


def _complete_models(environment: Environment, expected: Expected) -> int:
    if not any(models.begun for models in expected.models.values()):
        return 0
    n_late = 0
    for name, standing in standing_models(environment):
        models = expected.models.get(name, ExpectedModels())
        usual = "" if models.champion is None else models.champion.sha256
        if models.begun is None or standing.champion not in (usual, models.begun.get("champion")):
            continue
        family, _, zone = name.partition(".")
        store = store_of(environment, family)
        try:
            with store.lock(zone, wait_seconds=0):
                own = [row["version"] for row in standing.rows if is_begun(models, row)]
                record_models(str(environment.home), store, name, own, is_late=True)
                n_late += 1
        except LockTakenError:
            continue  # its process lives
    return n_late


def is_begun(models: ExpectedModels, row: Mapping[str, Any]) -> bool:
    """Whether a version stands as a change that was begun leaves it."""
    begun, known = models.begun or {}, models.versions.get(row["version"])
    if known is None:
        return begun.get("tags") == version_digest(row["tags"])
    return begun.get("version") == row["version"] and begun.get("after") == version_digest(row)


def _complete_settings(chain: Chain, expected: Expected) -> int:
    settings = expected.settings
    if settings.begun is None:
        return 0
    found = accepted_hashes(chain.home)
    if all(found[name] in (settings.hashes.get(name), settings.begun[name]) for name in found):
        chain.append(SETTINGS_DONE, found, is_late=True)
        return 1
    return 0
