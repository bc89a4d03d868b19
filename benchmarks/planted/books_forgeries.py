"""Forgeries of what lies beside the tables: the chain, the stop button, settings, models and the registry.

As in `books_edits.py`, each forger can write everywhere and has no key.
"""

import json
import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from resources.books.chain import RECORD, Chain
from resources.settings.acceptance.changes import digest_of
from spot.books.record import GENESIS, Record, canonical
from spot.books.signing import public_key_of, sign

_FORGER = Ed25519PrivateKey.from_private_bytes(bytes(32))


def desk_rolled_back(home: Path, rng: random.Random) -> str:  # noqa: ARG001 - one like the other
    """Tables, state, settings and books as they were earlier; all signatures are right."""
    earlier = home.with_suffix(".earlier")
    for name in ("lake", "books", "trading_state", "accepted"):
        shutil.rmtree(home / name)
        shutil.copytree(earlier / name, home / name)
    return "record"


def relink(home: Path, records: list[Record], *, key: Ed25519PrivateKey | None = _FORGER) -> None:
    """Write the records as a chain without a break, signed with the forger's key in place of the desk's."""
    previous, lines = GENESIS, []
    for number, record in enumerate(records):
        content: Any = record.content
        if record.kind == "key" and key is not None:
            content = {"public_key": public_key_of(key)}
        linked = replace(record, number=number, previous=previous, content=content)
        if key is not None:
            linked = linked.signed(sign(key, RECORD, linked.hash))
        lines.append(canonical(linked.as_document()))
        previous = linked.hash
    Chain(home).path.write_bytes(b"".join(line + b"\n" for line in lines))


def newest_records_removed(home: Path, rng: random.Random) -> str:
    """The end of the chain."""
    path = Chain(home).path
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: rng.randrange(1, len(lines))]))
    return "record"


def record_removed(home: Path, rng: random.Random) -> str:
    """A record from the middle, and the chain linked anew, with the old signatures."""
    records = Chain(home).records()
    del records[rng.randrange(len(records) - 1)]
    relink(home, records, key=None)
    return "record"


def record_rewritten(home: Path, rng: random.Random) -> str:
    """What a record says, and every record after it, signed with the forger's key."""
    records = Chain(home).records()
    place = rng.randrange(len(records))
    records[place] = replace(records[place], at_utc="2020-01-01T00:00:00+00:00")
    relink(home, records)
    return "record"


def record_edited(home: Path, rng: random.Random) -> str:
    """What a record says, and nothing else."""
    path = Chain(home).path
    lines = path.read_text().splitlines()
    place = rng.randrange(len(lines))
    document = json.loads(lines[place])
    lines[place] = canonical({**document, "at_utc": "2020-01-01T00:00:00+00:00"}).decode()
    path.write_text("".join(f"{line}\n" for line in lines))
    return f"record {place}"


def manifest_edited(home: Path, rng: random.Random) -> str:  # noqa: ARG001 - there is one
    """What the first record pins."""
    path = next((home / "books" / "manifests").glob("*.json"))
    path.write_text(path.read_text().replace("0", "1", 1))
    return "record"


def _log(home: Path) -> Path:
    return home / "trading_state" / "log.jsonl"


def state_line_edited(home: Path, rng: random.Random) -> str:
    """Who stopped or resumed, or why."""
    lines = _log(home).read_text().splitlines()
    place = rng.randrange(len(lines))
    said = json.loads(lines[place])
    said[rng.choice(("reason", "actor"))] = f"forged {rng.random()}"
    lines[place] = json.dumps(said)
    _log(home).write_text("".join(f"{line}\n" for line in lines))
    return "stop button"


def state_line_removed(home: Path, rng: random.Random) -> str:
    """A line of the log of the stop button."""
    lines = _log(home).read_text().splitlines()
    del lines[rng.randrange(len(lines))]
    _log(home).write_text("".join(f"{line}\n" for line in lines))
    return "stop button"


def state_line_added(home: Path, rng: random.Random) -> str:
    """A resumption, or a stop, that nobody made."""
    state = rng.choice(("ACTIVE", "HALTED"))
    said = {"scope": "zone-FR", "state": state, "reason": "x", "actor": "x", "since_utc": "x", "before": "x"}
    with _log(home).open("a") as file:
        file.write(json.dumps(said) + "\n")
    return "stop button"


def state_file_edited(home: Path, rng: random.Random) -> str:
    """The state itself: a halt that is lifted without a trace, or a stop without one."""
    scope, state = rng.choice((("zone-BE", "ACTIVE"), ("zone-DE_LU", "HALTED"), ("zone-BE", "REDUCING")))
    path = home / "trading_state" / f"{scope}.json"
    said = json.loads(path.read_text()) if path.is_file() else {"scope": scope, "reason": "", "actor": ""}
    path.write_text(json.dumps({**said, "state": state}))
    return "trading state"


def settings_edited(home: Path, rng: random.Random) -> str:
    """The accepted copy, with its digest in the record."""
    folder = home / "accepted"
    path = rng.choice(sorted((folder / "conf").rglob("*.yaml")))
    path.write_text(path.read_text() + f"# {rng.random()}\n")
    record = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(
        json.dumps({**record, "digest": digest_of(folder / "conf")}, indent=1)
    )
    return "accepted settings"


def acceptance_edited(home: Path, rng: random.Random) -> str:
    """Who accepted the settings, in the record or its history."""
    path = home / "accepted" / rng.choice(("record.json", "history.jsonl"))
    text = path.read_text()
    path.write_text(text.replace("Ann", "Eve"))
    return "accepted settings"


def model_file_edited(home: Path, rng: random.Random) -> str:
    """A file of a model."""
    path = rng.choice(
        sorted(path for path in (home / "models").glob("*/artifacts/model/*") if path.is_file())
    )
    path.write_bytes(path.read_bytes() + b" ")
    return "registry"


REGISTRY = {
    "tag of a version": "UPDATE model_version_tags SET value = value || ' ' WHERE version = {version}",
    "champion moved": "UPDATE registered_model_aliases SET version = 3 - version",
    "champion removed": "DELETE FROM registered_model_aliases",
    "version removed": (
        "UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE version = {version}"
    ),
    "run of a version": "UPDATE model_versions SET run_id = 'x' || run_id WHERE version = {version}",
}
"""Changes of the registry's database."""


def registry_edited(home: Path, rng: random.Random) -> str:
    """A row of the registry; `registry_restored` undoes it."""
    statement = REGISTRY[rng.choice(sorted(REGISTRY))].format(version=rng.choice((1, 2)))
    with closing(sqlite3.connect(home / "mlflow.db")) as database, database:
        database.execute(statement)
    return "registry"
