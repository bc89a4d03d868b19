"""What rows say, as a hash: of a whole frame for a commit, and of each row for a certificate."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from spot.books.merkle import leaf_of


def digest_of_rows(frame: pl.DataFrame, key: Sequence[str]) -> str:
    """SHA-256 over all values, column by column; the order of rows does not count.

    Args:
        frame: Rows with unique keys; cells may be numbers, texts, truths, days, instants, or lists of them.
        key: Columns that no two rows share.
    """
    digest = hashlib.sha256(f"{frame.height}".encode())
    ordered = frame.sort(list(key))
    for name in sorted(ordered.columns):
        column = ordered[name]
        digest.update(f"\n{name} {column.dtype} ".encode())
        digest.update(column.is_null().to_numpy().tobytes())
        digest.update(_bytes_of(column))
    return digest.hexdigest()


def row_texts(frame: pl.DataFrame, key: Sequence[str]) -> list[str]:
    """Each row as one JSON text with sorted names, in the order of the key; instants as ISO 8601."""
    return [
        json.dumps({name: _plain(value) for name, value in row.items()}, sort_keys=True, ensure_ascii=False)
        for row in frame.sort(list(key)).to_dicts()
    ]


def row_leaves(frame: pl.DataFrame, key: Sequence[str]) -> list[str]:
    """The hash of each row, in the order of `row_texts`."""
    return [leaf_of(text.encode()) for text in row_texts(frame, key)]


def _bytes_of(column: pl.Series) -> bytes:
    if column.dtype.is_nested():
        return json.dumps(column.to_list(), default=_plain).encode()
    if column.dtype in (pl.String, pl.Categorical, pl.Enum):
        texts = column.cast(pl.String).fill_null("")
        return texts.str.len_bytes().to_numpy().tobytes() + "".join(texts.to_list()).encode()
    return column.to_physical().fill_null(0 if column.dtype != pl.Boolean else False).to_numpy().tobytes()


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else value
