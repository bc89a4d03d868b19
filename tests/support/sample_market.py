"""Small forecasts, histories and limits with known truth, for the tests of strategies."""

from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS, QUANTILE_COLUMNS
from spot.market.delivery import day_ahead_mtu_minutes, days_between, delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import LIMIT_KINDS, LimitBook, parse_limit_book
from spot.risk.outcomes import OUTCOME_SCHEMA
from spot.risk.state import TradingState
from spot.strategy.interface import Strategy
from spot.strategy.request import SignalRequest

ZONE = "SK"


def wavy_prices(n_units: int, mean: float = 80.0, swing: float = 40.0) -> np.ndarray:
    """Two valleys and two peaks a day."""
    return mean - swing * np.cos(np.arange(n_units) / n_units * 4 * np.pi)


def make_forecast(
    day: date, prices: np.ndarray | None = None, *, half_width: float = 20.0, zone: str = ZONE
) -> pl.DataFrame:
    """A forecast of the day around `prices`, with quantiles spread evenly over twice `half_width`."""
    minutes = day_ahead_mtu_minutes(zone, day)
    starts, gate = delivery_starts_utc(zone, day, minutes), gate_closure_utc(zone, day)
    middle = wavy_prices(len(starts)) if prices is None else prices
    return pl.DataFrame(
        {
            "zone": zone,
            "delivery_day": day,
            "delivery_start_utc": list(starts),
            "resolution_minutes": minutes,
            **{column: middle + 2 * (level - 0.5) * half_width for level, column in QUANTILE_COLUMNS.items()},
            "price_point_eur_per_mwh": middle,
            "role": "champion",
            "model_name": f"price_{zone}",
            "model_version": "7",
            "as_of_utc": gate,
            "newest_input_utc": gate - timedelta(hours=2),
            "data_version": "prices@3",
            "source": "simulated",
            "fallback": None,
        },
        schema=DAY_AHEAD_FORECASTS.schema,
    )


@lru_cache(maxsize=64)
def make_outcomes(
    first: date, last: date, *, spread: float = 5.0, seed: int = 0, noise: float = 5.0, zone: str = ZONE
) -> pl.DataFrame:
    """Outcomes with a second price that is `spread` above the day-ahead price on average."""
    rng, frames = np.random.default_rng(seed), []
    for day in days_between(first, last):
        minutes = day_ahead_mtu_minutes(zone, day)
        starts = delivery_starts_utc(zone, day, minutes)
        prices = wavy_prices(len(starts)) + rng.normal(0, noise, len(starts))
        frames.append(
            pl.DataFrame(
                {
                    "zone": zone,
                    "delivery_day": day,
                    "delivery_start_utc": list(starts),
                    "resolution_minutes": minutes,
                    "day_ahead_price_eur_per_mwh": prices,
                    "reference_price_eur_per_mwh": prices + spread + rng.normal(0, noise, len(starts)),
                    "source": "simulated",
                    "known_at_utc": starts[-1] + timedelta(hours=2),
                },
                schema=OUTCOME_SCHEMA,
            )
        )
    return pl.concat(frames)


def make_book(**changes: object) -> LimitBook:
    """Generous limits in every scope; `changes` replaces a kind everywhere, with None to leave it out."""
    generous = dict.fromkeys(LIMIT_KINDS, 1e6) | {
        "min_price_eur_per_mwh": -500.0,
        "max_price_eur_per_mwh": 3000.0,
        "max_drift_level": 2.0,
    }
    section = {kind: {"limit": value, "action": "reduce"} for kind, value in generous.items()}
    for kind, entry in changes.items():
        if entry is None:
            del section[kind]
        else:
            section[kind] = entry if isinstance(entry, dict) else {"limit": entry, "action": "reduce"}
    return parse_limit_book(
        {"desk": section, "zones": {"default": section}, "strategies": {"default": section}}
    )


def make_request(day: date, strategy: Strategy, **changes: object) -> SignalRequest:
    """A request in which everything is in order, at the gate, with 120 days of history."""
    fields: dict[str, Any] = {
        "zone": ZONE,
        "delivery_day": day,
        "strategy": strategy,
        "forecast": make_forecast(day),
        "as_of_utc": gate_closure_utc(ZONE, day),
        "limits": make_book(),
        "trading_state": TradingState.ACTIVE,
        "history": make_outcomes(day - timedelta(days=120), day - timedelta(days=2)),
        "model_age_days": 3.0,
        "essential_data_utc": gate_closure_utc(ZONE, day) - timedelta(hours=23),
        "drift_status": "ok",
    }
    return SignalRequest(**{**fields, **changes})
