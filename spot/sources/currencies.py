"""Prices in currencies other than EUR, and how they become EUR.

They are converted at the reference rate that was known at the gate of their delivery day.

One rate holds for every price of a delivery day, so a spread between two prices of a day never comes from the
exchange rate. It is the newest rate before the gate, so nothing enters that a decision could not have known.
"""

from collections.abc import Collection
from datetime import date, timedelta

import polars as pl

from spot.contracts.tables import find_contract
from spot.market.gates import gate_closure_utc
from spot.market.publication_rules import SERIES_RULES
from spot.market.zones import find_zone

LOCAL_TABLE = "local_currency_prices"
RATES_TABLE = "exchange_rates"
EURO_SERIES: dict[str, tuple[str, str]] = {
    "day_ahead": ("day_ahead_prices", "day_ahead"),
    "market_index": ("intraday_prices", "vwap"),
    "system_price": ("imbalance_prices", "imbalance"),
    "real_time": ("imbalance_prices", "imbalance"),
    "system_price_long": ("imbalance_price_sides", "long"),
    "system_price_short": ("imbalance_price_sides", "short"),
}
"""Series of `local_currency_prices` to the table and series that hold it in EUR. A real-time price that
settles a position is an imbalance price here.
"""
_NATIONAL = {
    "BG": "BGN",
    "CH": "CHF",
    "CZ": "CZK",
    "DK": "DKK",
    "HU": "HUF",
    "NO": "NOK",
    "PL": "PLN",
    "RO": "RON",
    "SE": "SEK",
}
"""Country to the currency in which its operator may settle imbalances, while the auction is in EUR. The
document says which of the two it gives. Sources: ISO 4217 and the list of reference rates of the ECB, which
has no BGN after 2025, when Bulgaria joined the euro.
"""
SETTLED_TABLES = ("imbalance_prices", "imbalance_price_sides")
RATE_IS_GOOD_FOR = timedelta(days=8)
"""Age from which a rate is not used: the longest gap between two fixings of the ECB is five days, at Easter
and Christmas.
"""


def foreign_currency(zone: str) -> str:
    """The currency other than EUR in which some prices of the zone come; empty where all come in EUR."""
    found = find_zone(zone)
    if found.currency != "EUR":
        return found.currency
    countries = () if found.is_benchmark else found.holiday_countries[:1]
    return next((_NATIONAL[country] for country in countries if country in _NATIONAL), "")


def is_converted(table: str, zone: str) -> bool:
    """Whether the zone's prices of this table always come in another currency and are converted."""
    return find_zone(zone).currency != "EUR" and any(table == euro for euro, _ in EURO_SERIES.values())


def may_be_converted(table: str, zone: str) -> bool:
    """Whether the zone trades in EUR, and this table of its settlement may come in another currency."""
    return find_zone(zone).currency == "EUR" and table in SETTLED_TABLES and foreign_currency(zone) != ""


def stored_table(table: str, zone: str, tables: Collection[str]) -> str:
    """Which of the `tables` of a document holds the prices of `table` as they came."""
    is_local = table not in tables and LOCAL_TABLE in tables and may_be_converted(table, zone)
    return LOCAL_TABLE if is_local or is_converted(table, zone) else table


def local_series(table: str) -> tuple[str, ...]:
    """Series of `local_currency_prices` that become rows of `table`."""
    return tuple(series for series, (euro, _) in EURO_SERIES.items() if euro == table)


def ruled_table(table: str, series: str) -> str:
    """The table whose publication rule holds for a series, or `table.series` where it has its own.

    For a series in another currency it is the table that holds it in EUR; both imbalance prices of an area
    come with its one document.
    """
    if table != LOCAL_TABLE:
        return f"{table}.{series}" if f"{table}.{series}" in SERIES_RULES else table
    euro, _ = EURO_SERIES[series]
    return "imbalance_prices" if euro in SETTLED_TABLES else euro


def in_euro(local: pl.DataFrame, rates: pl.DataFrame, *, table: str, zone: str) -> pl.DataFrame:
    """Rows of `table` from rows of `local_currency_prices`.

    Each price is converted at the rate known at the gate of its delivery day. Days without a rate are left
    out.

    Args:
        local: rows of `local_currency_prices`, any zones and series; every vintage is converted.
        rates: rows of `exchange_rates` of the zone.
        table: `day_ahead_prices`, `intraday_prices`, `imbalance_prices` or `imbalance_price_sides`.
        zone: bidding zone.
    """
    contract = find_contract(table)
    own = local.filter(pl.col("zone") == zone, pl.col("series").is_in(local_series(table)))
    if own.is_empty():
        return contract.empty()
    currency = foreign_currency(zone)
    known = rates.filter(pl.col("zone") == zone, pl.col("series") == currency).sort(
        "delivery_day", "available_at_utc"
    )
    factor = {
        day: rate
        for day in own["delivery_day"].unique().to_list()
        if (rate := _rate_at_gate(known, zone, day)) is not None
    }
    days = pl.col("delivery_day")
    converted = own.filter(days.is_in(list(factor)), pl.col("currency") == currency)
    if converted.is_empty():
        return contract.empty()
    return converted.with_columns(
        series=pl.col("series").replace_strict(
            {name: series for name, (_, series) in EURO_SERIES.items()}, return_dtype=pl.String
        ),
        price_eur_per_mwh=pl.col("price_per_mwh") / days.replace_strict(factor, return_dtype=pl.Float64),
    ).select(contract.columns.keys())


def _rate_at_gate(rates: pl.DataFrame, zone: str, day: date) -> float | None:
    """Units of the currency per EUR in the newest fixing known at the gate; None if it is too old."""
    gate = gate_closure_utc(zone, day)
    known = rates.filter(
        pl.col("available_at_utc") <= gate, pl.col("delivery_day") >= (gate - RATE_IS_GOOD_FOR).date()
    )
    return float(known["rate_per_eur"][-1]) if known.height else None
