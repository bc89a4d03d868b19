"""Paths of the day's prices as a strategy sees them: from the forecast, and from how past days came out.

With enough past forecasts, the dependence between units is that of the model's own errors. A young desk takes
that of the price changes from week to week instead. Either way each unit keeps the forecast's distribution.

Prices are in EUR/MWh; places and ranks are between 0 and 1.
"""

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.forecast.joint.day_paths import MIN_DAYS, N_PATHS, day_paths
from spot.forecast.joint.places import places
from spot.strategy.proposals.view import MarketView, past_profiles

OWN_DAYS = 60
"""Fewest past days with a forecast and a price from which the model's own errors are used. Chosen by hand."""
_PRICE = "day_ahead_price_eur_per_mwh"


def price_paths(view: MarketView, window_days: int, *, n_paths: int = N_PATHS) -> Floats:
    """(n_paths, P) equally likely paths of the day-ahead price, EUR/MWh; (0, P) with too short a past."""
    past = past_places(view, window_days)
    if len(past) < OWN_DAYS:
        prices = view.past_days(_PRICE, window_days + 7)
        past = prices[7:] - prices[:-7]
    if len(past) < MIN_DAYS:
        return np.zeros((0, len(view.mean)))
    return day_paths(view.quantiles, past, n_paths=n_paths)


def past_places(view: MarketView, window_days: int) -> Floats:
    """(S, P) places of past prices in their own forecasts, on today's units, oldest first.

    Only days known at the decision count: `view` has no others.
    """
    names = list(QUANTILE_COLUMNS.values())
    both = view.history.join(
        view.past_forecasts.select("zone", "delivery_start_utc", "resolution_minutes", *names),
        on=["zone", "delivery_start_utc", "resolution_minutes"],
        how="inner",
        maintain_order="left",
    ).drop_nulls(_PRICE)
    found = places(both.select(names).to_numpy(), both[_PRICE].to_numpy())
    return past_profiles(
        both.with_columns(place=pl.Series(found, dtype=pl.Float64)),
        "place",
        view.zone,
        view.starts_utc,
        resolution_minutes=view.resolution_minutes,
        n_days=window_days,
    )
