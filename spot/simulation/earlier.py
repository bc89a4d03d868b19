"""An earlier auction of the simulated market, whose worth is known, and its fuels as quotations.

The auction's price is that of the zone's own auction and a little noise, published at 10:45: a result that
tells almost everything. The simulated Swiss market, beside it, shares fuels and nothing else with a zone.
"""

from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.live_tables import OTHER_AUCTION_PRICES
from spot.contracts.table import UTC_INSTANT
from spot.market.delivery import day_bounds_utc
from spot.market.publication_rules import published_by_utc
from spot.simulation.clock import market_clock
from spot.simulation.market import simulate
from spot.simulation.noise import hourly_process
from spot.simulation.scenarios import Scenario

NOISE_EUR_PER_MWH = 4.0
"""Standard deviation of the difference between the two auctions. Chosen by hand, as between EXAA and the
coupled auction in quiet years.
"""
_SERIES = "sequence_2"
_FUELS = {"gas_vtp": "gas_price_eur_per_mwh", "eua_auction": "carbon_price_eur_per_tonne"}


def simulate_earlier(
    zone: str, first_day: date, last_day: date, *, seed: int, scenarios: Sequence[Scenario] = ()
) -> Mapping[str, pl.DataFrame]:
    """`other_auction_prices` and `fuel_prices` of `zone` from `first_day` to `last_day`, both included.

    Raises:
        ConfigurationError: the zone has no simulated market, or the days are outside the simulated world.
        ContractError: the range is empty.
    """
    market = simulate(zone, first_day, last_day, seed=seed, scenarios=scenarios)
    clock = market_clock(zone, first_day, last_day, scenarios)
    noise = NOISE_EUR_PER_MWH * hourly_process(seed, f"earlier|{zone}", clock.middle_hours, 6.0)
    prices = market.tables["day_ahead_prices"]
    known = {
        day: published_by_utc(
            f"{OTHER_AUCTION_PRICES.name}.{_SERIES}", zone, day, day_bounds_utc(zone, day)[1]
        )
        for day in clock.days
    }
    auction = prices.with_columns(
        series=pl.lit(_SERIES),
        price_eur_per_mwh=pl.Series(np.round(prices["price_eur_per_mwh"].to_numpy() + noise, 2)),
        available_at_utc=pl.col("delivery_day").replace_strict(known, return_dtype=UTC_INSTANT),
    )
    fuels = [_quotations(zone, series, market.truth.periods, column) for series, column in _FUELS.items()]
    return {
        OTHER_AUCTION_PRICES.name: auction.select(OTHER_AUCTION_PRICES.columns.keys()),
        FUEL_PRICES.name: pl.concat(fuels).select(FUEL_PRICES.columns.keys()),
    }


def _quotations(zone: str, series: str, periods: pl.DataFrame, column: str) -> pl.DataFrame:
    """One price a day, known by the rule of its series."""
    daily = periods.group_by("delivery_day").agg(price=pl.col(column).mean().round(2)).sort("delivery_day")
    days = daily["delivery_day"].to_list()
    rule = f"{FUEL_PRICES.name}.{series}"
    bounds = [day_bounds_utc(zone, day) for day in days]
    return daily.with_columns(
        zone=pl.lit(zone),
        series=pl.lit(series),
        delivery_start_utc=pl.Series([start for start, _ in bounds], dtype=UTC_INSTANT),
        available_at_utc=pl.Series(
            [published_by_utc(rule, zone, day, end) for day, (_, end) in zip(days, bounds, strict=True)],
            dtype=UTC_INSTANT,
        ),
        availability=pl.lit("stated"),
        source=pl.lit("simulated"),
    )
