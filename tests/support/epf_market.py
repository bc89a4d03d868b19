"""A made-up market in the layout of the open benchmark."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl


def epf_frame(n_days: int) -> pl.DataFrame:
    """Whole naive days of 24 rows: a price, and two forecasts of which the first explains it."""
    rng = np.random.default_rng(0)
    start = datetime(2013, 1, 1)  # noqa: DTZ001  (the benchmark's days are naive)
    hours = [start + timedelta(hours=i) for i in range(24 * n_days)]
    load = 50 + 10 * np.sin(np.arange(24 * n_days) / 24 * 2 * np.pi) + rng.normal(0, 1, 24 * n_days)
    return pl.DataFrame(
        {
            "ts_local": hours,
            "price": load + rng.normal(0, 1, 24 * n_days),
            "load": load,
            "wind": rng.random(24 * n_days),
        }
    )
