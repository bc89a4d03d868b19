"""Prices of zones that trade in a currency other than EUR.

They are kept as published, converted with the reference rates of the ledger, and handed on in EUR.

Prices and rates stay in the ledger (`local_currency_prices`, `exchange_rates`), so a converted row can always
be made again.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from spot.errors import NotYetPublishedError
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.sources.currencies import LOCAL_TABLE, RATE_IS_GOOD_FOR, RATES_TABLE, in_euro, local_series
from spot.sources.providers.ecb import SOURCE as RATES_SOURCE
from spot.sources.providers.ecb import fixing_known_utc, is_fixing_day

FetchRates = Callable[[date, date], pl.DataFrame]
"""A function from the first and last day of the fixings wanted to new rows of `exchange_rates`."""


def convert_held(
    lake: Lake,
    *,
    table: str,
    zone: str,
    days: tuple[date, date],
    source: str,
    now: datetime,
    fetch_rates: FetchRates,
) -> pl.DataFrame:
    """Rows of `table` in EUR for the delivery days, from everything of `source` in the ledger.

    All that the ledger holds is converted, not only what is new, so that the work of a run that died is
    repeated. Rates are asked for only where there is something to convert.

    Raises:
        NotYetPublishedError: there is no price, or no rate for any of the days.
        SpotdeskError: an error of `fetch_rates`.
    """
    local = lake.read(LOCAL_TABLE, zones=[zone], first_day=days[0], last_day=days[1]).filter(
        pl.col("source") == source, pl.col("series").is_in(local_series(table))
    )
    if local.is_empty():
        raise NotYetPublishedError(f"{source} has no {table} of {zone} for {days[0]} to {days[1]}")
    rows = in_euro(local, _rates(lake, zone, days, now, fetch_rates), table=table, zone=zone)
    if rows.is_empty():
        raise NotYetPublishedError(
            f"{source} has no {table} of {zone} for {days[0]} to {days[1]} with a reference rate"
        )
    return rows


def _rates(
    lake: Lake, zone: str, days: tuple[date, date], now: datetime, fetch_rates: FetchRates
) -> pl.DataFrame:
    """Rates of the ledger for the gates of the days.

    Published fixings that the ledger lacks are fetched first.
    """
    first = (gate_closure_utc(zone, days[0]) - RATE_IS_GOOD_FOR).date()
    last = min(gate_closure_utc(zone, days[1]), now).date()
    held = lake.read(RATES_TABLE, zones=[zone], first_day=first, last_day=last)
    known = set(held["delivery_day"].to_list())
    missing = [
        day
        for day in days_between(first, last)
        if is_fixing_day(day) and fixing_known_utc(day) <= now and day not in known
    ]
    if not missing:
        return held
    for at in range(0, len(missing), 250):
        part = missing[at : at + 250]
        lake.append(RATES_TABLE, fetch_rates(part[0], part[-1]), source=RATES_SOURCE)
    return lake.read(RATES_TABLE, zones=[zone], first_day=first - timedelta(days=1), last_day=last)
