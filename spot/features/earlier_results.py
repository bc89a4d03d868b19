"""Results of auctions that clear before the gate, and prices of fuels, as known at the gate.

Prices of auctions are in EUR/MWh, those of fuels in the unit of `spot/market/fuels.py`.
"""

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.feature_tables import EARLIER_PRICE_FEATURES
from spot.features.gatekeeper import Gatekeeper
from spot.features.vintages import NEVER_US
from spot.market.clock import LONGEST_DAY_QUARTERS
from spot.market.earlier_auctions import TABLE
from spot.market.fuels import FUELS, OLDEST_DAYS_BEFORE, YOUNGEST_DAYS_BEFORE


def earlier_features(keeper: Gatekeeper) -> dict[str, Floats]:
    """(D, S) prices of each earlier auction for the delivery day, NaN where they came after the gate."""
    return {
        name: keeper.at_gate(TABLE, series, "price_eur_per_mwh", lag_days=0)
        for series, name in EARLIER_PRICE_FEATURES.items()
    }


def fuel_features(keeper: Gatekeeper, fuels: pl.DataFrame | None) -> dict[str, Floats]:
    """(D, S) newest price of each fuel of D-2 or earlier that was known at the gate, the same all day.

    Args:
        keeper: the gates of the target days.
        fuels: rows of `fuel_prices`, any zones; None for none.
    """
    blank = np.full((len(keeper.target.days), LONGEST_DAY_QUARTERS), np.nan)
    if fuels is None or fuels.is_empty():
        return dict.fromkeys(FUELS.values(), blank)
    own = fuels.filter(pl.col("zone") == keeper.zone).sort("delivery_day", "available_at_utc")
    return {
        name: np.broadcast_to(_newest(keeper, own.filter(pl.col("series") == series))[:, None], blank.shape)
        for series, name in FUELS.items()
    }


def _newest(keeper: Gatekeeper, rows: pl.DataFrame) -> Floats:
    """(D,) the newest quotation in time for each target day; of several vintages the newest known one."""
    values = np.full(len(keeper.target.days), np.nan)
    newest = np.full(len(values), NEVER_US)
    quoted = rows["delivery_day"].to_numpy().astype("datetime64[D]")
    known_us = rows["available_at_utc"].dt.epoch("us").to_numpy()
    prices = rows["price"].to_numpy()
    for row, (day, gate_us) in enumerate(zip(keeper.target.days, keeper.gate_us, strict=True)):
        age = (np.datetime64(day, "D") - quoted).astype(np.int64)
        in_time = (age >= YOUNGEST_DAYS_BEFORE) & (age <= OLDEST_DAYS_BEFORE) & (known_us <= gate_us)
        if in_time.any():
            last = int(np.flatnonzero(in_time)[-1])
            values[row], newest[row] = prices[last], known_us[last]
    keeper.use(newest)
    return values
