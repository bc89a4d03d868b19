"""The settings in force: those that a person has accepted, kept with their digest.

`<home>/accepted/conf` is a copy of the settings as they were accepted, `record.json` says who accepted them.
People edit `conf`. While `conf` differs in what only a person may change, the copy is in force and the
difference waits. A change that needs nobody holds at once, and is taken into the copy when a desk is opened.

The addresses of `.env` to which a desk sends are accepted with the settings (`destinations.py`).

`SPOTDESK_ACCEPTED_SETTINGS` may name the digest of settings that were accepted elsewhere, for example in
staging: a deployment brings settings and digest together.
"""

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from resources.books.settings_books import FOLDER, HISTORY, RECORD, bytes_of, hashes_of, settings_recorded
from resources.files import append_regular, write_whole
from resources.settings.acceptance.changes import Change, changes_between, digest_of, strictest
from resources.settings.acceptance.destinations import changed_destinations, digests_of, is_in_file
from resources.settings.process import variable
from resources.settings.yaml_file import read_yaml
from spot.errors import ConfigurationError

DIGEST_VARIABLE = "SPOTDESK_ACCEPTED_SETTINGS"
_LOCK = ".lock"
_LOCK_SECONDS = 30.0
"""Longest wait. Chosen by hand: accepting takes milliseconds, so a process that takes longer hangs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A person who agreed."""

    name: str
    identity: str
    """Who it was for the machine: the user of the operating system, or of a login."""
    at_utc: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """What is in force, and what waits for a second signature."""

    digest: str
    signatures: tuple[Signature, ...]
    waiting_digest: str = ""
    """Digest of changed settings that one person has signed and that need two."""
    waiting: tuple[Signature, ...] = ()
    destinations: Mapping[str, str] | None = None
    """Name to digest of each address in `.env`; None in a record of older code, which judges no address."""
    salt: str = ""
    """Of these digests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsState:
    """Whether the settings that people edit are in force."""

    acceptance: Acceptance | None
    """None where no settings were accepted yet."""
    changes: tuple[Change, ...]
    """What `conf` and the addresses in `.env` have otherwise than what was accepted."""

    @property
    def is_waiting(self) -> bool:
        """Some change waits for a person, and the accepted settings are in force."""
        return self.acceptance is not None and strictest(list(self.changes)) != "nobody"


def folder_in_force(home: Path, conf: Path) -> Path:
    """The folder of settings to read: `conf`, or the accepted copy while a change of `conf` waits.

    Raises:
        ConfigurationError: the record or the accepted copy is damaged.
    """
    acceptance = read_acceptance(home)
    if acceptance is None or _is_accepted(acceptance, conf):
        return conf
    copy = home / FOLDER / "conf"
    _refuse_damaged_copy(copy, acceptance)
    return copy if strictest(changes_between(copy, conf)) != "nobody" else conf


def settings_state(home: Path, conf: Path) -> SettingsState:
    """What waits in `conf`.

    Raises:
        ConfigurationError: the record or the accepted copy is damaged.
    """
    acceptance = read_acceptance(home)
    if acceptance is None:
        return SettingsState(acceptance=None, changes=())
    sent = changed_addresses(home, acceptance)
    if _is_accepted(acceptance, conf):
        return SettingsState(acceptance=acceptance, changes=tuple(sent))
    copy = home / FOLDER / "conf"
    _refuse_damaged_copy(copy, acceptance)
    return SettingsState(acceptance=acceptance, changes=(*changes_between(copy, conf), *sent))


def changed_addresses(home: Path, acceptance: Acceptance | None) -> list[Change]:
    """Addresses of `.env` that are not those that were accepted."""
    if acceptance is None or acceptance.destinations is None:
        return []
    return changed_destinations(home, acceptance.destinations, acceptance.salt)


def is_held_back(home: Path, name: str, address: str) -> bool:
    """Whether an address of `.env` waits for a person, so that nothing may be sent there.

    Raises:
        ConfigurationError: the record is damaged.
    """
    waiting = [one.setting for one in changed_addresses(home, read_acceptance(home)) if one.needs != "nobody"]
    return name in waiting and is_in_file(home, name, address)


def read_acceptance(home: Path) -> Acceptance | None:
    """The record of what is in force; None where no settings were accepted yet.

    Raises:
        ConfigurationError: the record is damaged.
    """
    path = home / FOLDER / RECORD
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Acceptance(
            digest=_a_digest(document["digest"]),
            signatures=_signatures(document["signatures"]),
            waiting_digest=str(document["waiting_digest"]),
            waiting=_signatures(document["waiting"]),
            destinations=_destinations(document.get("destinations")),
            salt=str(document.get("salt", "")),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} cannot be read ({error}): restore it from a backup, or remove it and accept the settings"
            " again with `spotdesk settings accept`"
        ) from error


def accept(home: Path, conf: Path, signature: Signature) -> tuple[Acceptance, list[Change]]:
    """Let the settings of `conf` hold, or sign them first where they need two people.

    Returns the acceptance and what has changed. The settings hold where its digest is theirs.

    Raises:
        ConfigurationError: a file cannot be read, the same person signs twice, or a desk whose settings
            nobody accepted yet would go live. Nothing was written.
    """
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / _LOCK, timeout=_LOCK_SECONDS):
        before, digest = read_acceptance(home), digest_of(conf)
        changes = [*_changes(folder, conf, before), *changed_addresses(home, before)]
        unreadable = [one for one in changes if (one.after or "").startswith("unreadable: ")]
        if unreadable:
            raise ConfigurationError(
                "; ".join((one.after or "")[len("unreadable: ") :] for one in unreadable)
            )
        signed = before.waiting if before is not None and before.waiting_digest == digest else ()
        signatures = (*signed, signature)
        if before is not None and strictest(changes) == "two people":
            _refuse_same_person(signed, signature)
            if not signed:
                waiting = replace(before, waiting_digest=digest, waiting=signatures)
                _write(folder, waiting, "signed, a second person must sign", changes)
                return waiting, changes
        accepted = _with_addresses(Acceptance(digest=digest, signatures=signatures), home)
        _write(folder, accepted, "accepted", changes, conf)
        return accepted, changes


def adopt_harmless_changes(home: Path, conf: Path) -> list[Change]:
    """Take changes that need nobody into the accepted copy; returns them, none where any change waits.

    Raises:
        ConfigurationError: the record or the accepted copy is damaged.
    """
    state = settings_state(home, conf)
    if state.acceptance is None or state.is_waiting or not state.changes:
        return []
    folder = home / FOLDER
    with FileLock(folder / _LOCK, timeout=_LOCK_SECONDS):
        adopted = _with_addresses(replace(state.acceptance, digest=digest_of(conf)), home)
        _write(folder, adopted, "adopted, needs nobody", list(state.changes), conf)
    return list(state.changes)


def _changes(folder: Path, conf: Path, before: Acceptance | None) -> list[Change]:
    if before is not None:
        return changes_between(folder / "conf", conf)
    if any(name == "live" for name in _truths(read_yaml(conf / "zones.yaml").content)):
        raise ConfigurationError(
            f"a desk begins on paper: set `live: false` in {conf / 'zones.yaml'} and accept the settings. Two"
            " people then accept what goes live"
        )
    return []


def _truths(document: Any) -> Iterator[str]:
    """Names of all settings that are true."""
    if isinstance(document, Mapping):
        for name, value in document.items():
            if value is True:
                yield str(name)
            yield from _truths(value)


def _is_accepted(acceptance: Acceptance, conf: Path) -> bool:
    try:
        return digest_of(conf) in {acceptance.digest, variable(DIGEST_VARIABLE)}
    except ConfigurationError:
        return False


def _refuse_damaged_copy(copy: Path, acceptance: Acceptance) -> None:
    if digest_of(copy) != acceptance.digest:
        raise ConfigurationError(
            f"the accepted settings in {copy} are damaged: restore the folder from a backup, or accept the"
            " settings again with `spotdesk settings accept`"
        )


def _refuse_same_person(signed: tuple[Signature, ...], signature: Signature) -> None:
    for other in signed:
        if other.identity == signature.identity or other.name.casefold() == signature.name.casefold():
            raise ConfigurationError(
                f"{other.name} ({other.identity}) has signed these settings already: another person, with"
                " another login, must sign too"
            )


def _copy(conf: Path, folder: Path) -> None:
    """Swap a copy of the YAML files of `conf` in; a killed swap is seen by the digest and made again."""
    fresh = folder / ".conf.new"
    shutil.rmtree(fresh, ignore_errors=True)
    for path in sorted(conf.rglob("*.yaml")):
        target = fresh / path.relative_to(conf)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, path.read_bytes(), durable=True)
    old = folder / ".conf.old"
    shutil.rmtree(old, ignore_errors=True)
    if (folder / "conf").exists():
        (folder / "conf").rename(old)
    fresh.rename(folder / "conf")
    shutil.rmtree(old, ignore_errors=True)


def _write(
    folder: Path, acceptance: Acceptance, what: str, changes: list[Change], conf: Path | None = None
) -> None:
    text = json.dumps(asdict(acceptance), indent=1).encode()
    said = {"what": what, **asdict((acceptance.waiting or acceptance.signatures)[-1])}
    line = json.dumps({**said, "changes": [asdict(change) for change in changes]}).encode() + b"\n"
    after = hashes_of(text, bytes_of(folder / HISTORY) + line, conf or folder / "conf")
    with settings_recorded(folder.parent, after):
        if conf is not None:
            _copy(conf, folder)
        write_whole(folder / RECORD, text, durable=True)
        append_regular(folder / HISTORY, line.decode())


def _signatures(rows: list[dict[str, Any]]) -> tuple[Signature, ...]:
    return tuple(
        Signature(
            name=str(row["name"]),
            identity=str(row["identity"]),
            at_utc=datetime.fromisoformat(row["at_utc"]).isoformat(),
            reason=str(row["reason"]),
        )
        for row in rows
    )


def _with_addresses(acceptance: Acceptance, home: Path) -> Acceptance:
    """The acceptance with digests of the addresses that `.env` holds now."""
    salt = acceptance.salt or secrets.token_hex(16)
    return replace(acceptance, salt=salt, destinations=digests_of(home, salt))


def _destinations(rows: dict[str, str] | None) -> dict[str, str] | None:
    return None if rows is None else {str(name): _a_digest(digest) for name, digest in rows.items()}


def _a_digest(text: str) -> str:
    if len(text) != 64 or int(text, 16) < 0:
        raise ValueError(f"{text!r} is no digest")
    return text
