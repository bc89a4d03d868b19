"""Spreads of the later markets to the day-ahead price, on the last day that was published at the gate.

All of them are in EUR/MWh.
"""

import numpy as np

from spot.arrays import Floats
from spot.features.gatekeeper import Gatekeeper
from spot.features.price_history import day_ahead_prices
from spot.market.clock import LONGEST_DAY_QUARTERS

_LOOK_BACK_DAYS = 7
_PUBLISHED_SHARE = 0.9
"""Share of periods with a price from which a day counts as published: an intraday period without a trade has
no price. Chosen by hand; not tuned.
"""


def second_price_features(keeper: Gatekeeper) -> dict[str, Floats]:
    """(D, S) spreads of the intraday and the imbalance price to the day-ahead price.

    At the same local time, and as the day's mean.
    """
    features: dict[str, Floats] = {}
    for market, series in (("intraday", "vwap"), ("imbalance", "imbalance")):
        spread, mean = _last_spread(keeper, f"{market}_prices", series)
        features[f"{market}_spread_eur_per_mwh"] = spread
        features[f"{market}_spread_mean_eur_per_mwh"] = np.broadcast_to(
            mean[:, None], (len(mean), LONGEST_DAY_QUARTERS)
        )
    return features


def _last_spread(keeper: Gatekeeper, table: str, series: str) -> tuple[Floats, Floats]:
    n_days = len(keeper.target.days)
    spread, mean = np.full((n_days, LONGEST_DAY_QUARTERS), np.nan), np.full(n_days, np.nan)
    is_found = np.zeros(n_days, dtype=bool)
    for lag in range(1, _LOOK_BACK_DAYS + 1 if keeper.has_rows(table, series) else 1):
        later, newest = keeper.look(table, series, "price_eur_per_mwh", lag_days=lag)
        day = later - day_ahead_prices(keeper, lag)
        n_known = np.isfinite(day).sum(axis=1)
        take = ~is_found & (n_known >= _PUBLISHED_SHARE * keeper.lagged(lag).n_slots)
        spread[take] = keeper.to_target(day, lag)[take]
        mean[take] = np.where(np.isfinite(day), day, 0.0).sum(axis=1)[take] / n_known[take]
        keeper.use(newest, take)
        is_found |= take
    return spread, mean
