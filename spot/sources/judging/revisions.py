"""What is new in an answer.

A value that the ledger holds already is not a new vintage. A changed value became known now.
"""

from datetime import datetime

import polars as pl

from spot.contracts.table import UTC_INSTANT, TableContract
from spot.contracts.vintages import newest_vintage
from spot.sources.parsed import value_column


def _is_stated() -> pl.Expr:
    """Whether the provider itself says when the value was published."""
    return pl.col("availability") == "stated"


def select_revisions(
    rows: pl.DataFrame, known: pl.DataFrame, contract: TableContract, captured_at_utc: datetime
) -> pl.DataFrame:
    """`rows` without those that repeat the newest known vintage of their period and source.

    A changed value gets the instant of its capture.

    A backfill dates values by the publication rule. Where the ledger holds another value for the same period,
    the difference is a revision of unknown age. The only instant at which it was surely known is that of this
    capture. Values with a stated instant keep it. Of several vintages in one answer, the earlier ones are new
    only where the ledger holds none.
    """
    if rows.is_empty() or known.is_empty():
        return rows
    period = [name for name in contract.key if name != "available_at_utc"]
    value = value_column(contract.name)
    newest = newest_vintage(known, by=period)
    marked = rows.join(
        newest.select(*period, pl.col(value).alias("_held"), pl.lit(value=True).alias("_is_held")),
        on=period,
        how="left",
    )
    is_held = pl.col("_is_held").fill_null(value=False)
    is_newest = pl.col("available_at_utc") == pl.col("available_at_utc").max().over(period)
    is_known = is_held & ((pl.col(value) == pl.col("_held")) | ~(is_newest | _is_stated()))
    fresh = marked.filter(~is_known)
    restamped = is_held & (pl.col("availability") == "rule")
    return fresh.with_columns(
        available_at_utc=pl.when(restamped)
        .then(pl.lit(captured_at_utc, dtype=UTC_INSTANT))
        .otherwise(pl.col("available_at_utc")),
        availability=pl.when(restamped).then(pl.lit("captured")).otherwise(pl.col("availability")),
    ).select(rows.columns)
