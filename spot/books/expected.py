"""What must stand on the disk and in the registry by the records of the books."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spot.books.record import Record, sha256_of

SNAPSHOTS = ("begin", "restore", "upgrade", "accepted")
"""Records that pin everything as it stands, by a manifest: the first one, and those after changes that are
not recorded action by action.
"""
Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Pinned:
    """A hash, and the number of the record that pins it."""

    sha256: str
    number: int


@dataclass(slots=True)
class ExpectedTable:
    """Files of one table: the log, and every data file that any version added."""

    files: dict[str, Pinned] = field(default_factory=dict)
    versions: dict[int, int] = field(default_factory=dict)
    """Version to the record that pins its commit."""
    gone: set[str] = field(default_factory=set)
    """Data files that a purge or a repair took away."""


@dataclass(slots=True)
class ExpectedModels:
    """Versions of one registered model, its alias, and changes that were begun and not recorded as done."""

    versions: dict[str, Pinned] = field(default_factory=dict)
    champion: Pinned | None = None
    """Of the number of the version, as text, in the place of a hash."""
    begun: Mapping[str, Any] | None = None


@dataclass(slots=True)
class ExpectedSettings:
    """Accepted settings: the record, its history and the copy."""

    hashes: Mapping[str, str] = field(default_factory=dict)
    number: int = -1
    """Of the record that pins them; -1 before the first."""
    begun: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ExpectedLine:
    """A line of the log of the stop button."""

    pinned: Pinned
    said: Mapping[str, Any]
    """What its record says."""
    is_late: bool = False
    """A stop whose record a later command wrote: lines after it may have earlier records."""


@dataclass(slots=True)
class Expected:
    """Everything that must stand."""

    tables: dict[str, ExpectedTable] = field(default_factory=dict)
    models: dict[str, ExpectedModels] = field(default_factory=dict)
    settings: ExpectedSettings = field(default_factory=ExpectedSettings)
    state_lines: list[ExpectedLine] = field(default_factory=list)
    """Lines of the log of the stop button, in the order of their records."""
    state_files: dict[str, Pinned] = field(default_factory=dict)
    """Scope to its file, where no later change is recorded."""


def expected_of(records: Sequence[Record], manifest_of: Callable[[Record], Manifest]) -> Expected:
    """What must stand after the records, from the newest record on that pins everything.

    Args:
        records: The chain.
        manifest_of: Gives the manifest that such a record names.
    """
    start = max((record.number for record in records if record.kind in SNAPSHOTS), default=-1)
    expected = Expected()
    for record in records[max(start, 0) :]:
        if record.kind in SNAPSHOTS:
            expected = _from_manifest(manifest_of(record), record.number)
        elif add := _ADD.get(record.kind):
            add(expected, record)
    return expected


def key_in_force(records: Sequence[Record]) -> str:
    """The public key that the newest record of a key names; empty where there is none."""
    for record in reversed(records):
        if record.kind == "key":
            return str(record.content["public_key"])
        if record.kind == "restore":  # another desk, which never had the key
            return ""
    return ""


def _from_manifest(manifest: Manifest, number: int) -> Expected:
    expected = Expected()
    for name, said in manifest["tables"].items():
        table = expected.tables[name] = ExpectedTable()
        table.files = {path: Pinned(sha256, number) for path, sha256 in said["files"].items()}
        table.versions = dict.fromkeys(said["versions"], number)
        table.gone = set(said["gone"])
    for name, said in manifest["models"].items():
        versions = {version: Pinned(sha256, number) for version, sha256 in said["versions"].items()}
        expected.models[name] = ExpectedModels(versions, Pinned(said["champion"], number))
    expected.settings = ExpectedSettings(manifest["settings"], number)
    lines = manifest["state_lines"]
    expected.state_lines = [ExpectedLine(Pinned(one["line"], number), one) for one in lines]
    expected.state_files = {
        scope: Pinned(sha256, number) for scope, sha256 in manifest["state_files"].items()
    }
    return expected


def _commit(expected: Expected, record: Record) -> None:
    table = expected.tables.setdefault(record.content["table"], ExpectedTable())
    version = record.content["version"]
    if version in table.versions:  # recorded twice: by its own process, and by one that found it first
        return
    table.versions[version] = record.number
    for path, sha256 in record.content["files"].items():
        table.files[path] = Pinned(sha256, record.number)


def _gone(expected: Expected, record: Record) -> None:
    expected.tables.setdefault(record.content["table"], ExpectedTable()).gone |= set(record.content["gone"])


def _model_begun(expected: Expected, record: Record) -> None:
    models = expected.models.setdefault(record.content["name"], ExpectedModels())
    models.begun = record.content


def _model_done(expected: Expected, record: Record) -> None:
    models = expected.models.setdefault(record.content["name"], ExpectedModels())
    models.begun = None
    for version, sha256 in record.content["versions"].items():
        models.versions[version] = Pinned(sha256, record.number)
    champion = record.content["champion"]
    if models.champion is None or models.champion.sha256 != champion:
        models.champion = Pinned(champion, record.number)


def _settings_begun(expected: Expected, record: Record) -> None:
    expected.settings.begun = record.content


def _settings_done(expected: Expected, record: Record) -> None:
    expected.settings = ExpectedSettings(record.content, record.number)


def _state(expected: Expected, record: Record) -> None:
    expected.state_files.pop(record.content["scope"], None)
    pinned = Pinned(record.content["line"], record.number)
    if pinned.sha256 not in {line.pinned.sha256 for line in expected.state_lines}:
        expected.state_lines.append(ExpectedLine(pinned, record.content, record.is_late))


_ADD: Mapping[str, Callable[[Expected, Record], None]] = {
    "commit": _commit,
    "gone": _gone,
    "model begins": _model_begun,
    "model": _model_done,
    "settings begin": _settings_begun,
    "settings": _settings_done,
    "state": _state,
}


def version_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 of one registered version: name, number, run, source, tags and when it was made."""
    return sha256_of(dict(row))
