"""Version numbers that the ledger knows.

If a registry was lost, or restored from an older copy, it must not reuse a number that stored forecasts,
signals and decisions hold.
"""

import polars as pl

from resources.lake.lake import Lake
from resources.models.version import PRICE_FAMILY


def newest_number(lake: Lake, zone: str, family: str) -> int:
    """The highest number of a version of this family in a decision; 0 where there is none.

    A version is decided on before it forecasts anything, so the decisions hold every number that matters.
    """
    name = pl.col("model").fill_null(f"{PRICE_FAMILY}.{zone}")  # older decisions were all on price models
    rows = lake.read("promotion_decisions", zones=[zone]).filter(name == f"{family}.{zone}")
    numbers = pl.concat([rows["candidate_version"], rows["champion_version"].drop_nulls()])
    return max((int(number) for number in numbers if number.isdigit()), default=0)
