"""Rows of raw tables in the tidy layout of docs/sources/files.md, as `parse_tidy` reads them."""

from collections.abc import Mapping

import polars as pl

from spot.sources.parsed import value_column


def tidy_rows(tables: Mapping[str, pl.DataFrame], zone: str) -> pl.DataFrame:
    """The newest value of each period of the zone, without the instant at which it became known.

    Args:
        tables: raw table to its rows under contract, any zones and vintages.
        zone: bidding zone.

    Columns: `table`, `series`, `delivery_start` (text, UTC), `resolution_minutes`, `value`.
    """
    parts = [
        rows.filter(pl.col("zone") == zone)
        .sort("available_at_utc")
        .unique(["series", "delivery_start_utc"], keep="last", maintain_order=True)
        .sort("series", "delivery_start_utc")
        .select(
            pl.lit(table).alias("table"),
            "series",
            pl.col("delivery_start_utc").dt.strftime("%Y-%m-%dT%H:%MZ").alias("delivery_start"),
            "resolution_minutes",
            pl.col(value_column(table)).round(2).alias("value"),
        )
        for table, rows in tables.items()
    ]
    return pl.concat(parts)
