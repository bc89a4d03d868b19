"""What a raw row must satisfy beyond its columns: calendar, market time units and dated price limits.

A contract judges each column alone. These checks need the calendar of the zone. The ledger asks for both.
"""

import polars as pl

from spot.contracts.table import UTC_INSTANT, CheckedRows, TableContract, check_rows, split_by
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc
from spot.market.price_limits import INTRADAY_LIMITS, day_ahead_price_limits
from spot.market.zones import ALL_ZONES

_AUCTION_TESTS = (
    (
        pl.col("price_eur_per_mwh").is_between("_minimum", "_maximum"),
        "price_eur_per_mwh beyond the harmonised limit of its day",
    ),
    (
        pl.col("resolution_minutes") >= pl.col("_mtu_minutes"),
        "resolution_minutes is finer than the market time unit of the auction",
    ),
)
"""Tables whose prices the auction of the day must have been able to give."""
_FACTS: dict[str, pl.DataType | type[pl.DataType]] = {
    "zone": pl.String,
    "delivery_day": pl.Date,
    "_start": UTC_INSTANT,
    "_end": UTC_INSTANT,
    "_mtu_minutes": pl.Int64,
    "_minimum": pl.Float64,
    "_maximum": pl.Float64,
}


def check_raw_rows(frame: pl.DataFrame, contract: TableContract) -> CheckedRows:
    """Split rows of a raw table into those that the ledger may hold and those that it refuses, with reasons.

    Beyond `check_rows` it asks: the zone is known, the delivery day is the market day of the delivery start,
    and the start is a multiple of its resolution. A day-ahead price must lie inside the limits of its day and
    must not be finer than the market time unit of the auction.

    Raises:
        ContractError: as `check_rows`.
    """
    checked = check_rows(frame, contract)
    rows = checked.accepted
    if rows.is_empty():
        return checked
    facts = _day_facts(rows)
    length_us = pl.col("resolution_minutes").cast(pl.Int64) * 60_000_000
    # Outages and daily capacities have no market time unit. Only their zone is checked here.
    has_periods = "resolution_minutes" in contract.columns
    period_tests = [
        (
            pl.col("delivery_start_utc").is_between("_start", "_end", closed="left"),
            "delivery_day is not the market day of delivery_start_utc",
        ),
        (
            pl.col("delivery_start_utc").dt.epoch("us") % length_us == 0,
            "delivery_start_utc is not on a multiple of its resolution",
        ),
    ]
    tests = [
        (pl.col("_start").is_not_null(), "zone is unknown"),
        *(period_tests if has_periods else ()),
        *(_AUCTION_TESTS if contract.name == "day_ahead_prices" else ()),
    ]
    judged = split_by(rows.join(facts, on=["zone", "delivery_day"], how="left", maintain_order="left"), tests)
    own = [name for name in facts.columns if name.startswith("_")]
    return CheckedRows(judged.accepted.drop(own), pl.concat([checked.rejected, judged.rejected.drop(own)]))


def _day_facts(rows: pl.DataFrame) -> pl.DataFrame:
    """Bounds, market time unit and price limits of every delivery day of a known zone in `rows`."""
    facts = []
    for zone, day in rows.select("zone", "delivery_day").unique().iter_rows():
        if zone in ALL_ZONES:
            limits = INTRADAY_LIMITS if ALL_ZONES[zone].is_benchmark else day_ahead_price_limits(day, zone)
            bounds = day_bounds_utc(zone, day)
            facts.append(
                (
                    zone,
                    day,
                    *bounds,
                    day_ahead_mtu_minutes(zone, day),
                    limits.minimum_eur_per_mwh,
                    limits.maximum_eur_per_mwh,
                )
            )
    return pl.DataFrame(facts, schema=_FACTS, orient="row")
