"""Prices that settle a position.

They are the day-ahead price and one second price, per market time unit, as known at an instant.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.live_tables import IMBALANCE_PRICE_SIDES
from spot.contracts.table import UTC_INSTANT
from spot.contracts.vintages import known_at, newest_vintage
from spot.market.clock import by_quarter_hour

OUTCOME_SCHEMA = pl.Schema(
    {
        "zone": pl.String(),
        "delivery_day": pl.Date(),
        "delivery_start_utc": UTC_INSTANT,
        "resolution_minutes": pl.Int32(),
        "day_ahead_price_eur_per_mwh": pl.Float64(),
        "reference_price_eur_per_mwh": pl.Float64(),
        "source": pl.String(),
        "known_at_utc": UTC_INSTANT,
    }
)
LONG_PRICE, SHORT_PRICE = "long_price_eur_per_mwh", "short_price_eur_per_mwh"
"""Columns that outcomes have besides where an area settles a surplus and a shortage at two prices."""
REFERENCE_SERIES: dict[str, tuple[str, str]] = {
    "intraday_vwap": ("intraday_prices", "vwap"),
    "intraday_vwap_60": ("intraday_prices", "vwap_60"),
    "ida1": ("intraday_prices", "ida1"),
    "ida2": ("intraday_prices", "ida2"),
    "ida3": ("intraday_prices", "ida3"),
    "imbalance": ("imbalance_prices", "imbalance"),
    "real_time": ("imbalance_prices", "imbalance"),
}
"""What closes a position, as raw table and series. A US real-time price is kept as the imbalance price of its
node or zone.
"""
IMBALANCE = tuple(name for name, (table, _) in REFERENCE_SERIES.items() if table == "imbalance_prices")
"""What closes a position at the price of imbalances."""
_KEY = ("zone", "delivery_start_utc")


def zone_outcomes(
    raw: Mapping[str, pl.DataFrame],
    *,
    zone: str,
    settled_against: str,
    as_of_utc: datetime | None = None,
    first_day: date | None = None,
) -> pl.DataFrame:
    """Outcomes of one zone from its raw tables, with the second price of `settled_against`.

    A missing table counts as empty. Rows are those of `build_outcomes`. Without an instant, which is for
    settling, they also have `imbalance_price_eur_per_mwh` where the zone publishes one, and
    `imbalance_known_utc`, when it was known. Each table must hold rows of one source.

    An area may settle a surplus and a shortage at two prices (`imbalance_price_sides`). Outcomes then have
    `LONG_PRICE` and `SHORT_PRICE` too. Where they are against the imbalance price, it is the middle of both.
    """
    own = {
        name: _part(raw[name], zone, first_day)
        for name in ("day_ahead_prices", "intraday_prices", "imbalance_prices")
        if name in raw
    }
    if "day_ahead_prices" not in own:
        return pl.DataFrame(schema=OUTCOME_SCHEMA)
    table, series = REFERENCE_SERIES.get(settled_against, ("", ""))
    reference = own[table].filter(pl.col("series") == series) if table in own else None
    outcomes = build_outcomes(own["day_ahead_prices"], reference, as_of_utc=as_of_utc)
    sides, is_against = _part(_sides(raw), zone, first_day), table == "imbalance_prices"
    if not sides.is_empty() and (is_against or as_of_utc is None):
        outcomes = _with_sides(outcomes, own["day_ahead_prices"], sides, as_of_utc, is_against=is_against)
    if "imbalance_prices" not in own or as_of_utc is not None:
        return outcomes
    firm = build_outcomes(own["day_ahead_prices"], own["imbalance_prices"])
    second = firm.select(
        *_KEY, imbalance_price_eur_per_mwh="reference_price_eur_per_mwh", imbalance_known_utc="known_at_utc"
    )
    return outcomes.join(second, on=_KEY, how="left")


def reference_curve(
    raw: Mapping[str, pl.DataFrame],
    *,
    zone: str,
    starts_utc: Sequence[datetime],
    minutes: int,
    as_of_utc: datetime,
) -> Floats | None:
    """(P,) the desk's own price of each unit from `starts_utc` on, the newest known at `as_of_utc`.

    NaN where the curve has no value; None without a curve. Rows are those of the series `reference_curve` in
    `intraday_prices`. Finer ones are averaged over the unit, coarser ones hold for all its parts.
    """
    if "intraday_prices" not in raw:
        return None
    end = max(starts_utc) + timedelta(minutes=minutes)
    named = (pl.col("zone") == zone) & (pl.col("series") == "reference_curve")
    rows = raw["intraday_prices"].filter(
        named, pl.col("delivery_start_utc").is_between(min(starts_utc) - timedelta(hours=1), end)
    )
    known = _newest(rows, as_of_utc)
    if known.is_empty():
        return None
    found = dict(by_quarter_hour(known).select("quarter_utc", "price_eur_per_mwh").iter_rows())
    parts = [
        [found.get(start + timedelta(minutes=15 * i), np.nan) for i in range(minutes // 15)]
        for start in starts_utc
    ]
    return np.array([np.mean(unit) for unit in parts])


def _part(frame: pl.DataFrame, zone: str, first_day: date | None) -> pl.DataFrame:
    own = frame.filter(pl.col("zone") == zone)
    return own if first_day is None else own.filter(pl.col("delivery_day") >= first_day)


def build_outcomes(
    day_ahead_prices: pl.DataFrame,
    reference_prices: pl.DataFrame | None = None,
    *,
    as_of_utc: datetime | None = None,
) -> pl.DataFrame:
    """One row per market time unit of the day-ahead auction, ascending, columns `OUTCOME_SCHEMA`.

    Both inputs are raw tables under contract. `reference_prices` must hold one series and may be finer or
    coarser. Finer prices are averaged over the unit, and null unless complete. Coarser ones hold for all
    their parts. Of several vintages the newest known at `as_of_utc` counts, or without an instant the newest
    of all. Without a reference, its column is null.
    """
    day_ahead = _newest(day_ahead_prices, as_of_utc).rename(
        {"price_eur_per_mwh": "day_ahead_price_eur_per_mwh", "available_at_utc": "known_at_utc"}
    )
    if reference_prices is None:
        joined = day_ahead.with_columns(reference_price_eur_per_mwh=pl.lit(None, pl.Float64))
    else:
        joined = _with_reference(day_ahead, _newest(reference_prices, as_of_utc))
    return joined.select(OUTCOME_SCHEMA.keys()).cast(OUTCOME_SCHEMA).sort(_KEY)


def align_outcomes(outcomes: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """The outcomes on the units of another frame, where they differ in length.

    The frame has `zone`, `delivery_day`, `delivery_start_utc` and `resolution_minutes`. A longer price holds
    for all its parts; shorter ones are averaged. A unit without all its prices has no row. Columns are those
    of `OUTCOME_SCHEMA`, and the other prices and instants of `zone_outcomes` where they are given.
    """
    exact = outcomes.join(units, on=[*_KEY, "resolution_minutes"], how="semi")
    if exact.height == units.height:
        return exact.filter(pl.col("day_ahead_price_eur_per_mwh").is_not_null()).sort(_KEY)
    prices = [name for name in outcomes.columns if name.endswith("_price_eur_per_mwh")]
    wanted = by_quarter_hour(units.select(*_KEY, "delivery_day", "resolution_minutes").unique(_KEY))
    instants = [name for name in ("known_at_utc", "imbalance_known_utc") if name in outcomes.columns]
    found = by_quarter_hour(outcomes.select(*_KEY, "resolution_minutes", *prices, "source", *instants)).drop(
        "delivery_start_utc", "resolution_minutes"
    )
    means = [pl.when(pl.col(name).null_count() == 0).then(pl.col(name).mean()).alias(name) for name in prices]
    return (
        wanted.join(found, on=["zone", "quarter_utc"], how="left")
        .group_by(*_KEY, "delivery_day", "resolution_minutes", maintain_order=True)
        .agg(*means, pl.col("source").first(), pl.col(instants).max())
        .filter(pl.col("day_ahead_price_eur_per_mwh").is_not_null())
        .select(outcomes.columns)
        .sort(_KEY)
    )


def _sides(raw: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    return raw.get("imbalance_price_sides", IMBALANCE_PRICE_SIDES.empty())


def _with_sides(
    outcomes: pl.DataFrame,
    day_ahead: pl.DataFrame,
    sides: pl.DataFrame,
    as_of_utc: datetime | None,
    *,
    is_against: bool,
) -> pl.DataFrame:
    """The outcomes with both prices.

    `is_against` says that positions close at them. A single price of the area then is that of both sides.
    """
    single = pl.col("reference_price_eur_per_mwh")
    for series, name in (("long", LONG_PRICE), ("short", SHORT_PRICE)):
        side = build_outcomes(day_ahead, sides.filter(pl.col("series") == series), as_of_utc=as_of_utc)
        own = side.select(*_KEY, pl.col("reference_price_eur_per_mwh").alias(name), known="known_at_utc")
        outcomes = outcomes.join(own, on=_KEY, how="left")
        if is_against:
            outcomes = outcomes.with_columns(
                pl.coalesce(single, name).alias(name),
                known_at_utc=pl.max_horizontal("known_at_utc", "known"),
            )
        outcomes = outcomes.drop("known")
    if not is_against:
        return outcomes
    middle = (pl.col(LONG_PRICE) + pl.col(SHORT_PRICE)) / 2.0
    return outcomes.with_columns(reference_price_eur_per_mwh=pl.coalesce(single, middle))


def _with_reference(day_ahead: pl.DataFrame, reference: pl.DataFrame) -> pl.DataFrame:
    return day_ahead.join(_by_unit(day_ahead, reference), on=_KEY, how="left").with_columns(
        known_at_utc=pl.max_horizontal(
            "known_at_utc",
            pl.when(pl.col("reference_price_eur_per_mwh").is_not_null()).then(pl.col("reference_known_utc")),
        )
    )


def _by_unit(day_ahead: pl.DataFrame, reference: pl.DataFrame) -> pl.DataFrame:
    """The reference and when it was known, on the units of the auction."""
    if (lengths := reference["resolution_minutes"].unique()).len() == 1 and lengths.equals(
        day_ahead["resolution_minutes"].unique()
    ):
        return reference.select(
            *_KEY, reference_price_eur_per_mwh="price_eur_per_mwh", reference_known_utc="available_at_utc"
        )
    units = by_quarter_hour(day_ahead.select(*_KEY, "resolution_minutes"))
    quarters = by_quarter_hour(
        reference.select(*_KEY, "resolution_minutes", "price_eur_per_mwh", "available_at_utc")
    )
    return (
        units.join(
            quarters.select("zone", "quarter_utc", "price_eur_per_mwh", "available_at_utc"),
            on=["zone", "quarter_utc"],
            how="left",
        )
        .group_by(_KEY, maintain_order=True)
        .agg(
            reference_price_eur_per_mwh=pl.when(pl.col("price_eur_per_mwh").null_count() == 0).then(
                pl.col("price_eur_per_mwh").mean()
            ),
            reference_known_utc=pl.col("available_at_utc").max(),
        )
    )


def _newest(raw: pl.DataFrame, as_of_utc: datetime | None) -> pl.DataFrame:
    return newest_vintage(raw, by=_KEY) if as_of_utc is None else known_at(raw, as_of_utc, by=_KEY)
