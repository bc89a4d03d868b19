"""Days on which a limit, a halt or an invalid forecast left a strategy without a position.

They come from the rows of `risk_events`.
"""

from datetime import date
from typing import Any

import polars as pl

from resources.lake.lake import Lake


def blocked_days(lake: Lake, zone: str, first_day: date, last_day: date) -> list[dict[str, Any]]:
    """One row per strategy and limit that made the champion's whole day flat, most days first.

    A limit of several scopes is one row.

    Keys: zone, strategy, limit_name, scopes, n_days, first_day, last_day, newest (the newest event in words).
    """
    events = lake.read("risk_events", zones=[zone], first_day=first_day, last_day=last_day)
    stopping = events.filter(
        pl.col("role") == "champion",
        pl.col("action").is_in(["block", "halt"]),
        ~pl.col("kind").str.starts_with("override"),
    )
    rows = (
        stopping.sort("delivery_day", "scope")
        .group_by("zone", "strategy", "limit_name", maintain_order=True)
        .agg(
            scopes=pl.col("scope").unique().sort().str.join(", "),
            n_days=pl.col("delivery_day").n_unique(),
            first_day=pl.col("delivery_day").min(),
            last_day=pl.col("delivery_day").max(),
            newest=pl.col("detail").last(),
        )
    )
    return rows.sort("n_days", "strategy", "limit_name", descending=[True, False, False]).to_dicts()


def in_words(row: dict[str, Any]) -> str:
    """A row of `blocked_days` as one sentence."""
    span = (
        str(row["first_day"])
        if row["n_days"] == 1
        else f"{row['n_days']} days from {row['first_day']} to {row['last_day']}"
    )
    return f"{row['zone']} {row['strategy']}, {span}: {row['limit_name']} ({row['newest']})"
