"""Limits that are nearly used up, read from the stored rows of `conformance`. It imports no solver."""

from collections.abc import Mapping
from typing import Any

import polars as pl

NEAR_FRAC = 0.8
"""A limit of which this share is used is nearly used up. Chosen by hand."""
IS_PRICE = pl.col("limit_name").str.contains("_price_")
"""Selects limits on prices. An order that takes any price goes to the collar on purpose, so a price limit
without headroom means nothing.
"""


def near_limits(rows: pl.DataFrame) -> pl.DataFrame:
    """The champion's limits of which at least `NEAR_FRAC` is used, one row per zone, day and limit.

    Of several scopes and strategies the tightest stands. Limits on prices are left out: an order that takes
    any price goes to the collar on purpose. So is the level of drift, which has alerts of its own.
    """
    is_near = pl.col("headroom_frac") <= 1.0 - NEAR_FRAC + 1e-9
    counts = ~IS_PRICE & (pl.col("limit_name") != "max_drift_level")
    return (
        rows.filter(pl.col("role") == "champion", is_near, counts)
        .sort("headroom_frac", "scope", "strategy")
        .unique(("zone", "delivery_day", "limit_name"), keep="first", maintain_order=True)
    )


def near_in_words(row: Mapping[str, Any]) -> str:
    """A row of `near_limits` as a person reads it."""
    used, limit = row["used"], row["limit_value"]
    whose = row["scope"] if row["scope"] != "strategy" else f"strategy {row['strategy']}"
    return f"{row['limit_name']} of {whose}: {1.0 - row['headroom_frac']:.0%} used, {used:.6g} of {limit:.6g}"
