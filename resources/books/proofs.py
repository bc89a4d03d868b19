"""Whether a commit without a record is the desk's own: a process died before it could record it.

Such a commit carries the signature of the desk over what it does, and its rows are those that were signed. A
signature counts once, and only on top of the version that it names.
"""

import json
from collections.abc import Sequence
from typing import Any

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from pyarrow import fs

from resources.books.commits import COMMIT, PROOF, SignedCommit, replaced
from resources.books.standing import actions_of
from resources.lake.delta_table import StoredTable
from spot.books.expected import ExpectedTable
from spot.books.rows import digest_of_rows
from spot.books.signing import is_signed
from spot.errors import SpotdeskError

_WITHOUT_ROWS = {"commitInfo", "txn"}
_FIRST = {"commitInfo", "protocol", "metaData"}


def why_not_own(stored: StoredTable, version: int, expected: ExpectedTable, public_key: str) -> str:
    """Why the commit cannot be the desk's own; empty where it is.

    Args:
        stored: The table.
        version: Number of the commit.
        expected: What the books say of the table.
        public_key: The key in force; empty where there is none: then nothing but the rows can be compared.
    """
    try:
        actions = actions_of(stored.files, version)
    except (OSError, ValueError) as error:
        return f"it cannot be read ({error})"
    kinds = {kind for action in actions for kind in action}
    if kinds <= _WITHOUT_ROWS or (version == 0 and kinds <= _FIRST):
        return ""
    if kinds <= {*_WITHOUT_ROWS, "remove"}:
        taken = {str(action["remove"]["path"]) for action in actions if "remove" in action}
        return "" if taken <= expected.gone else "it takes rows away that no record takes away"
    try:
        return _why_unproved(stored, version, _facts(actions), public_key)
    except (DeltaError, SpotdeskError, pl.exceptions.PolarsError, OSError) as error:
        return f"its rows cannot be read ({error})"


def _why_unproved(stored: StoredTable, version: int, facts: dict[str, Any], public_key: str) -> str:
    try:
        said = json.loads(facts[PROOF])
        base, replaces, digest = int(said["base"]), str(said["replaces"]), str(said["digest"])
        signature = str(said["signature"])
    except (KeyError, TypeError, ValueError):
        return "it has no proof that the desk made it"
    after = _opened(stored, version)
    signed = SignedCommit(str(after.metadata().id), base, replaces, digest)
    if public_key and not is_signed(public_key, COMMIT, signed.text, signature):
        return "the proof in it is not signed by the desk"
    if base >= version or _is_used(stored.files, facts[PROOF], range(base + 1, version)):
        return "the proof in it is that of another commit"
    if digest != _written(stored, after, version, replaces):
        return "its rows are not those that the desk signed"
    return ""


def rows_written(stored: StoredTable, version: int) -> pl.DataFrame:
    """The rows that a commit of the desk wrote, of those that still stand in its version.

    Raises:
        ContractError: the version cannot be read.
        ValueError: the commit says nothing of what it replaced.
    """
    said = json.loads(_facts(actions_of(stored.files, version)).get(PROOF, "null"))
    if said is None:
        raise ValueError(f"commit {version} has no proof")
    return _written_rows(stored, _opened(stored, version), version, str(said["replaces"]))[0]


def _is_used(files: fs.SubTreeFileSystem, proof: str, versions: Sequence[int]) -> bool:
    return any(_facts(actions_of(files, version)).get(PROOF) == proof for version in versions)


def _written(stored: StoredTable, after: DeltaTable, version: int, replaces: str) -> str:
    """The hash of the rows that the commit wrote; empty where it changed others, too."""
    key = stored.contract.key
    written, kept, others = _written_rows(stored, after, version, replaces)
    return digest_of_rows(written, key) if digest_of_rows(kept, key) == digest_of_rows(others, key) else ""


def _written_rows(
    stored: StoredTable, after: DeltaTable, version: int, replaces: str
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Rows that the commit wrote, those that it kept, and those that it had to keep."""
    rows, before = _rows(stored, after), _rows(stored, _opened(stored, version - 1))
    if replaces == replaced(None):
        return rows, rows.clear(), rows.clear()
    if replaces:
        selected = pl.sql_expr(replaces)
        others = stored.selected(before, ~selected)
        return stored.selected(rows, selected), stored.selected(rows, ~selected), others
    on: dict[str, Any] = {"on": list(stored.contract.key), "nulls_equal": True}
    return rows.join(before, how="anti", **on), rows.join(before, how="semi", **on), before


def _rows(stored: StoredTable, delta: DeltaTable) -> pl.DataFrame:
    return stored.rows(delta).collect()


def _opened(stored: StoredTable, version: int) -> DeltaTable:
    return DeltaTable(stored.uri, version=version, storage_options=stored.storage_options or None)


def _facts(actions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return next((dict(action["commitInfo"]) for action in actions if "commitInfo" in action), {})
