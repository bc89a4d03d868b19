"""Edits of a desk by somebody who can write everywhere and has no key; each repairs what it can around it.

Checksums are written anew, the chain is linked anew, and signed with a key of the forger's own. Each edit
returns a word that must stand in what the verification names first.
"""

import hashlib
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake

from benchmarks.planted.books_desk import TABLES
from benchmarks.planted.books_forgeries import (
    acceptance_edited,
    desk_rolled_back,
    manifest_edited,
    model_file_edited,
    newest_records_removed,
    record_edited,
    record_removed,
    record_rewritten,
    registry_edited,
    relink,
    settings_edited,
    state_file_edited,
    state_line_added,
    state_line_edited,
    state_line_removed,
)
from resources.books.chain import Chain
from resources.books.commits import PROOF
from resources.lake.checksums import record_checksums
from spot.books.record import Record

Edit = Callable[[Path, random.Random], str]


def _table(home: Path, rng: random.Random) -> Path:
    return home / "lake" / rng.choice(TABLES)


def _data_file(table: Path, rng: random.Random) -> Path:
    live = [Path(uri.removeprefix("file://")) for uri in DeltaTable(str(table)).file_uris()]
    return rng.choice(sorted(live))


def _write_checksum(table: Path, path: Path) -> None:
    side = table / "_checksums" / f"{path.name}.sha256"
    side.write_text(hashlib.sha256(path.read_bytes()).hexdigest())


def _change_a_row(path: Path, rng: random.Random) -> None:
    rows = pl.read_parquet(path)
    numbers = [name for name, dtype in rows.schema.items() if dtype == pl.Float64]
    texts = [name for name, dtype in rows.schema.items() if dtype == pl.String]
    name, place = rng.choice(numbers or texts), rng.randrange(rows.height)
    new = pl.lit(rng.uniform(1e3, 1e4)) if numbers else pl.lit(f"forged {rng.random()}")
    changed = rows.with_columns(
        pl.when(pl.int_range(pl.len()) == place).then(new).otherwise(name).alias(name)
    )
    changed.write_parquet(path)


def row_edited(home: Path, rng: random.Random) -> str:
    """A value in a data file."""
    table = _table(home, rng)
    _change_a_row(_data_file(table, rng), rng)
    return table.name


def row_edited_with_checksum(home: Path, rng: random.Random) -> str:
    """A value in a data file, and the checksum of the file."""
    table = _table(home, rng)
    path = _data_file(table, rng)
    _change_a_row(path, rng)
    _write_checksum(table, path)
    return table.name


def row_edited_with_chain(home: Path, rng: random.Random) -> str:
    """A value, its checksum, its record and every record after it, signed with the forger's key."""
    table = _table(home, rng)
    path = _data_file(table, rng)
    _change_a_row(path, rng)
    _write_checksum(table, path)
    inner, sha256 = path.relative_to(table).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()

    def forged(record: Record) -> Record:
        files = record.content.get("files", {})
        if record.content.get("table") != table.name or inner not in files:
            return record
        return replace(record, content={**record.content, "files": {**files, inner: sha256}})

    relink(home, [forged(record) for record in Chain(home).records()])
    return "record"


def overwritten(home: Path, rng: random.Random) -> str:
    """A commit that writes all rows anew, one of them changed."""
    table = _table(home, rng)
    delta, rows = DeltaTable(str(table)), pl.read_delta(str(table))
    write_deltalake(delta, rows.head(rows.height - 1).to_arrow(), mode="overwrite")
    record_checksums(delta)
    return table.name


def overwritten_with_old_proof(home: Path, rng: random.Random) -> str:
    """A commit that carries the proof of an earlier commit of the desk."""
    table = _table(home, rng)
    delta, rows = DeltaTable(str(table)), pl.read_delta(str(table))
    proofs = [one[PROOF] for one in delta.history() if PROOF in one]
    facts = CommitProperties(custom_metadata={PROOF: rng.choice(proofs)})
    write_deltalake(delta, rows.head(1).to_arrow(), mode="append", commit_properties=facts)
    record_checksums(delta)
    return table.name


def rows_deleted(home: Path, rng: random.Random) -> str:
    """A commit that deletes rows."""
    table = _table(home, rng)
    delta = DeltaTable(str(table))
    key = rng.choice(pl.read_delta(str(table))["zone"].unique().sort().to_list())
    delta.delete(f"zone = '{key}'")
    record_checksums(delta)
    return table.name


def file_deleted(home: Path, rng: random.Random) -> str:
    """A data file and its checksum."""
    table = _table(home, rng)
    path = _data_file(table, rng)
    path.unlink()
    (table / "_checksums" / f"{path.name}.sha256").unlink(missing_ok=True)
    return table.name


def _commits(table: Path) -> list[Path]:
    return sorted((table / "_delta_log").glob("*.json"))


def newest_commit_removed(home: Path, rng: random.Random) -> str:
    """The newest commit and its checksum."""
    table = _table(home, rng)
    path = _commits(table)[-1]
    path.unlink()
    (table / "_checksums" / f"{path.name}.sha256").unlink(missing_ok=True)
    return table.name


def commits_removed(home: Path, rng: random.Random) -> str:
    """A table rolled back by several commits, with their checkpoints."""
    table = _table(home, rng)
    commits = _commits(table)
    for path in commits[rng.randrange(1, len(commits)) :]:
        path.unlink()
        path.with_name(f"{path.stem}.checkpoint.parquet").unlink(missing_ok=True)
    (table / "_delta_log" / "_last_checkpoint").unlink(missing_ok=True)
    return table.name


def commit_edited(home: Path, rng: random.Random) -> str:
    """The statistics of a commit, and its checksum."""
    table = _table(home, rng)
    path = rng.choice(_commits(table))
    text = path.read_text()
    path.write_text(text.replace('"timestamp":', '"timestamp":1', 1))
    _write_checksum(table, path)
    return table.name


def checkpoint_replaced(home: Path, rng: random.Random) -> str:
    """A checkpoint that lacks a file, or one where there was none."""
    table = home / "lake" / "day_ahead_prices"
    log = table / "_delta_log"
    path = max(log.glob("*.checkpoint.parquet"))
    rows = pl.read_parquet(path)
    target = path if rng.random() < 0.5 else log / f"{len(_commits(table)) - 1:020d}.checkpoint.parquet"
    rows.head(rows.height - 1).write_parquet(target)
    _write_checksum(table, target)
    return table.name


def table_removed(home: Path, rng: random.Random) -> str:
    """A whole table."""
    table = _table(home, rng)
    shutil.rmtree(table)
    return table.name


EDITS: tuple[Edit, ...] = (
    row_edited,
    row_edited_with_checksum,
    row_edited_with_chain,
    overwritten,
    overwritten_with_old_proof,
    rows_deleted,
    file_deleted,
    newest_commit_removed,
    commits_removed,
    commit_edited,
    checkpoint_replaced,
    table_removed,
    desk_rolled_back,
    newest_records_removed,
    record_removed,
    record_rewritten,
    record_edited,
    manifest_edited,
    state_line_edited,
    state_line_removed,
    state_line_added,
    state_file_edited,
    settings_edited,
    acceptance_edited,
    model_file_edited,
    registry_edited,
)
