"""New facts of raw tables: only rows that the ledger does not hold are added, and small files are merged."""

import polars as pl
from deltalake import DeltaTable

from resources.lake.delta_table import StoredTable
from spot.contracts.table import TableContract

COMPACT_FROM_FILES = 24
"""Files of a partition from which it is rewritten as one. Chosen by hand; not tuned."""


def append_new(
    stored: StoredTable, delta: DeltaTable, accepted: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, int]:
    """Commit what `delta` does not hold.

    Returns the new rows, the rows that contradict the ledger, those that stood there on these days, and the
    version.
    """
    contract = stored.contract
    before = stored.rows_around(delta, accepted)
    new = accepted.join(before, on=contract.key, how="anti")
    content = _content(contract)
    conflicts = accepted.join(before, on=contract.key, how="semi").join(
        before, on=[*contract.key, *content], how="anti", nulls_equal=True
    )
    new = _without_repeats(contract, new, before)
    if not new.is_empty():
        _append_or_compact(stored, delta, new)
    return new, conflicts, before, int(delta.version())


def _content(contract: TableContract) -> list[str]:
    """Columns that say what a raw row states, beside its key: all but those about where it came from."""
    return [name for name in contract.columns if name not in {*contract.key, "availability", "source"}]


def _without_repeats(contract: TableContract, new: pl.DataFrame, before: pl.DataFrame) -> pl.DataFrame:
    """`new` without captured rows that state what the newest earlier vintage of their period stated."""
    if before.is_empty() or not (new["availability"] == "captured").any():
        return new
    period = [name for name in contract.key if name != "available_at_utc"]
    content = [name for name in _content(contract) if name not in period]
    marked = pl.concat(
        [before.with_columns(is_new=pl.lit(False)), new.with_columns(is_new=pl.lit(True))]
    ).sort(*period, "available_at_utc")
    is_repeat = pl.all_horizontal(
        pl.col(name).eq_missing(pl.col(name).shift(1).over(period)) for name in content
    )
    has_earlier = pl.int_range(pl.len()).over(period) > 0
    drop = pl.col("is_new") & (pl.col("availability") == "captured") & has_earlier & is_repeat
    return marked.filter(pl.col("is_new") & ~drop).drop("is_new")


def _append_or_compact(stored: StoredTable, delta: DeltaTable, new: pl.DataFrame) -> None:
    """Append `new`.

    Where its one partition has gathered many small files, write the partition anew as one file in the same
    commit.
    """
    n_partitions = new.select("zone", pl.col("delivery_day").dt.strftime("%Y-%m")).n_unique()
    if (
        n_partitions == 1
        and len(delta.file_uris(file_pruning_predicate=stored.partitions_predicate(new)))
        >= COMPACT_FROM_FILES
    ):
        everything, predicate = stored.partitions_of(delta, new)
        stored.overwrite(delta, pl.concat([everything, new]), predicate)
    else:
        stored.append(delta, new)


def compact_partition(stored: StoredTable, zone: str | None, month: str | None) -> bool:
    """Rewrite a partition as few files; False if another process has compacted it in the meantime."""

    def attempt(delta: DeltaTable) -> bool:
        if (zone, month) not in stored.crowded(delta, COMPACT_FROM_FILES):
            return False
        rows, predicate = stored.partition(delta, zone, month)
        stored.overwrite(delta, rows, predicate)
        return True

    return stored.commit(attempt)
