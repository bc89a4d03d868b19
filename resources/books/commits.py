"""Commits of Delta tables in the books: a proof inside each commit, and a record after it.

The proof stands in the commit itself: a signature over the table, the version that was read, what is replaced
and a hash of the rows. So a commit whose process died before its record can be recorded later, and one of
somebody without the key cannot.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from resources.books.chain import Chain, chain_of
from resources.books.keys import signing_key
from resources.lake.access import current
from spot.books.merkle import root_of
from spot.books.record import sha256_of
from spot.books.rows import digest_of_rows, row_leaves
from spot.errors import SourceUnavailableError

PROOF = "spotdesk_books"
"""Name of the proof in the facts of a commit."""
COMMIT = "commit"
"""Kind of the record of a commit, and what the signature of a proof is for."""
CERTIFIED = "signals"
"""The table whose records have a hash over single rows, for certificates."""


@dataclass(frozen=True, slots=True)
class SignedCommit:
    """What a commit does, as the desk signs it."""

    table_id: str
    base: int
    """Version that the desk had read."""
    replaces: str
    """Predicate of the rows that are replaced; `everything`, or empty where rows are only added."""
    digest: str
    """Hash of the rows that are written."""

    @property
    def text(self) -> str:
        """What is signed."""
        return sha256_of([self.table_id, self.base, self.replaces, self.digest])


class TableBooks:
    """The books of one table; without a chain, nothing is proved and nothing recorded."""

    def __init__(self, home: str, table: str, key: Sequence[str]) -> None:
        self.table, self.key = table, key
        self.chain: Chain | None = chain_of(home)

    def proof(self, delta: DeltaTable, rows: pl.DataFrame, replaces: str) -> dict[str, str]:
        """The facts to write into the commit of `rows`; empty where the desk keeps no books.

        Raises:
            ConfigurationError: the key cannot be read; nothing was committed.
        """
        if self.chain is None:
            return {}
        signed = SignedCommit(
            str(delta.metadata().id), delta.version(), replaces, digest_of_rows(rows, self.key)
        )
        key = signing_key(self.chain.home)
        signature = ""
        if key is not None:
            from spot.books.signing import sign

            signature = sign(key, COMMIT, signed.text)
        said = {"base": signed.base, "replaces": replaces, "digest": signed.digest, "signature": signature}
        return {PROOF: json.dumps(said)}

    def record(self, version: int, files: Mapping[str, str], rows: pl.DataFrame | None = None) -> None:
        """Record a commit; where others hold the chain for too long, a later command does.

        Args:
            version: Its number.
            files: Path below the table to SHA-256, of the commit itself and of each file that it added.
            rows: What was written.

        Raises:
            ConfigurationError: the newest record or the key cannot be read.
            OSError: the disk does not take it.
        """
        if self.chain is None:
            return
        content: dict[str, Any] = {"table": self.table, "version": version, "files": dict(files)}
        if rows is not None and self.table == CERTIFIED:
            from resources.settings.environment import code_commit

            content["rows"] = root_of(row_leaves(rows, self.key))
            content["code"] = code_commit()
        access = current()
        if access is not None:
            content["read"] = access.table_versions
        try:
            self.chain.append(COMMIT, content)
        except SourceUnavailableError:
            return  # the proof in the commit stands: the next command records it, late

    def record_gone(self, paths: Sequence[str], why: str) -> None:
        """Record that data files are about to go, by a purge or a repair.

        Raises:
            SourceUnavailableError: others hold the books for too long; nothing may go.
            ConfigurationError, OSError: as `record`.
        """
        if self.chain is not None:
            self.chain.append(
                "gone", {"table": self.table, "gone": [unquote(path) for path in paths], "why": why}
            )


def replaced(predicate: str | None) -> str:
    """What an overwrite with this predicate replaces, in a proof."""
    return predicate or "everything"
