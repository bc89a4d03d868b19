"""Day-ahead prices of the days before, as known at the gate.

All of them are in EUR/MWh.
"""

import numpy as np

from spot.arrays import Floats
from spot.contracts.feature_tables import PRICE_LAGS_DAYS
from spot.features.gatekeeper import Gatekeeper
from spot.market.clock import LONGEST_DAY_QUARTERS

_WEEK_DAYS = 7
"""The longest lag of the features, on the same day of the week."""


def price_features(keeper: Gatekeeper) -> dict[str, Floats]:
    """(D, S) matrices of the lagged prices, and of the summaries of the day and the week before."""
    week = [day_ahead_prices(keeper, lag) for lag in range(1, _WEEK_DAYS + 1)]
    yesterday = week[0]
    n_slots = keeper.lagged(1).n_slots
    is_whole = np.isfinite(yesterday).sum(axis=1) == n_slots
    filled = np.where(np.isfinite(yesterday), yesterday, 0.0)
    daily = {
        "price_mean_1d_eur_per_mwh": filled.sum(axis=1) / n_slots,
        "price_min_1d_eur_per_mwh": np.where(np.isfinite(yesterday), yesterday, np.inf).min(axis=1),
        "price_max_1d_eur_per_mwh": np.where(np.isfinite(yesterday), yesterday, -np.inf).max(axis=1),
        "price_last_1d_eur_per_mwh": yesterday[np.arange(len(n_slots)), n_slots - 1],
    }
    daily = {name: np.where(is_whole, values, np.nan) for name, values in daily.items()}
    daily["price_mean_7d_eur_per_mwh"], daily["price_std_7d_eur_per_mwh"] = _mean_and_std(week)
    return {
        **{f"price_{lag}d_eur_per_mwh": keeper.to_target(week[lag - 1], lag) for lag in PRICE_LAGS_DAYS},
        **{
            name: np.broadcast_to(values[:, None], (len(values), LONGEST_DAY_QUARTERS))
            for name, values in daily.items()
        },
    }


def day_ahead_prices(keeper: Gatekeeper, lag_days: int) -> Floats:
    """(D, S) day-ahead prices of `lag_days` before, as known at the gate, by slot of their own day."""
    return keeper.at_gate("day_ahead_prices", "day_ahead", "price_eur_per_mwh", lag_days=lag_days)


def _mean_and_std(days: list[Floats]) -> tuple[Floats, Floats]:
    """(D,) mean and standard deviation over all known slots of the days.

    NaN where less than half of them is known.
    """
    known = np.stack([np.isfinite(day) for day in days]).sum(axis=(0, 2))
    total = sum(np.where(np.isfinite(day), day, 0.0).sum(axis=1) for day in days)
    mean = total / np.maximum(known, 1)
    squares = sum((np.where(np.isfinite(day), day - mean[:, None], 0.0) ** 2).sum(axis=1) for day in days)
    is_enough = known >= LONGEST_DAY_QUARTERS * len(days) / 2
    return np.where(is_enough, mean, np.nan), np.where(
        is_enough, np.sqrt(squares / np.maximum(known, 1)), np.nan
    )
