"""Which signals are valid: those that still hold, and those that were really sent."""

from datetime import datetime

import polars as pl


def valid_signals(signals: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """The signals that still hold at `now`. Every reader that acts on signals must ask this first."""
    return signals.filter(pl.col("valid_until_utc") > now)


def as_sent(signals: pl.DataFrame, publications: pl.DataFrame) -> pl.DataFrame:
    """The signals as they count for settlement.

    If no channel accepted the live signals of a zone, day and strategy, they are flat: they never were
    orders.
    """
    key = ["zone", "delivery_day", "strategy"]
    taken = (
        publications.filter(pl.col("status") == "sent", pl.col("mode") == "live")
        .select(*key, is_taken=True)
        .unique()
    )
    never_left = (pl.col("mode") == "live") & pl.col("is_taken").is_null()
    return (
        signals.join(taken, on=key, how="left", maintain_order="left")
        .with_columns(
            side=pl.when(never_left).then(pl.lit("flat")).otherwise("side"),
            volume_mw=pl.when(never_left).then(0.0).otherwise("volume_mw"),
        )
        .drop("is_taken")
    )
