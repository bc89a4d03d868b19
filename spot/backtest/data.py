"""Data for a backtest that has only raw tables: it makes the forecasts as a desk would have made them.

The model learns from the days before the first one, and is then updated day by day.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, timedelta

import polars as pl

from spot.contracts.days import first_day
from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.errors import ForecastError
from spot.features.known_prices import known_prices
from spot.features.matrix import HISTORY_DAYS, build_features, build_panel
from spot.forecast.interface import PriceForecaster
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.walk.forecasts import ForecastAuthor, forecast_frame, walk_forward

MAX_HISTORY_DAYS = 1456
"""Days from which a model of a backtest learns at most: four years of weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestData:
    """Everything of one zone that a backtest reads. Every row has the instant from which it was known."""

    zone: str
    raw: Mapping[str, pl.DataFrame]
    """`day_ahead_prices`, and `intraday_prices`, `imbalance_prices` and `load_forecasts` where the zone has
    them; rows of one source.
    """
    forecasts: pl.DataFrame
    """`day_ahead_forecasts`, each made as of its own gate."""
    features: pl.DataFrame = field(default_factory=DAY_AHEAD_FEATURES.empty)
    """`day_ahead_features`, read by a model of the spread only."""


def make_backtest_forecasts(
    raw: Mapping[str, pl.DataFrame],
    forecaster: PriceForecaster,
    *,
    zone: str,
    days: Sequence[date],
    admit: AbstractSet[str] = frozenset(),
    min_history_days: int = 60,
) -> BacktestData:
    """A forecast for each of `days`, ascending, and the features behind it.

    `forecaster` is unfitted and learns from earlier days only.

    Raises:
        ForecastError: fewer than `min_history_days` days of prices before the first day.
    """
    own = raw["day_ahead_prices"].filter(pl.col("zone") == zone)
    if own.is_empty():
        raise ForecastError(f"{zone}: no day-ahead prices")
    oldest = first_day(own)
    start = max(oldest + timedelta(days=HISTORY_DAYS + 1), days[0] - timedelta(days=MAX_HISTORY_DAYS))
    if (days[0] - start).days < min_history_days:
        raise ForecastError(
            f"{zone}: prices begin on {oldest}, a backtest may begin {min_history_days + HISTORY_DAYS + 1}"
            " days later"
        )
    features = build_features(raw, zone=zone, days=days_between(start, days[-1]), admit=admit)
    panel = build_panel(features, raw["day_ahead_prices"], zone=zone)
    published = known_prices(raw["day_ahead_prices"], zone=zone, first_day=start, last_day=days[-1])
    fitted = forecaster.fit(
        published.as_of(panel.first((days[0] - start).days), gate_closure_utc(zone, days[0]))
    )
    author = ForecastAuthor(
        model_name=f"price_{zone}", model_version=f"backtest-{forecaster.name}", role="champion"
    )
    forecasts = forecast_frame(walk_forward(fitted, panel, days, published=published), features, author)
    return BacktestData(zone=zone, raw=raw, forecasts=forecasts, features=features)
