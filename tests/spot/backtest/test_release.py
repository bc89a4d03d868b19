"""A release is compared with the one before it: what is worse is found, what is equal or tiny is not."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.backtest.release import Finding, ReleaseFigures, ReleaseSettings, Replayed, judge_release
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.errors import ContractError

N_DAYS, ZONES = 42, ("DE_LU", "FR")
FIRST = date(2025, 1, 1)
_Z = {0.025: -1.96, 0.05: -1.645, 0.1: -1.2816, 0.25: -0.6745, 0.5: 0.0}
SCORES = {level: _Z[level] if level in _Z else -_Z[round(1 - level, 3)] for level in QUANTILE_COLUMNS}


def prices() -> pl.DataFrame:
    """Hourly prices of the zones, around 60 EUR/MWh."""
    random = np.random.default_rng(1)
    frames = []
    for zone in ZONES:
        starts = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(24 * N_DAYS)]
        frames.append(
            pl.DataFrame(
                {
                    "zone": zone,
                    "delivery_day": [start.date() for start in starts],
                    "delivery_start_utc": starts,
                    "price_eur_per_mwh": 60.0 + random.normal(0.0, 20.0, len(starts)),
                }
            )
        )
    return pl.concat(frames)


PRICES = prices()


def replayed(
    *, seed: int = 2, error: float = 5.0, width: float = 1.0, money: float = 100.0, noise: float = 0.0
) -> Replayed:
    """A side that errs by a normal `error` of which it knows `width` times, and earns `money` EUR a day."""
    random, more = np.random.default_rng(seed), np.random.default_rng(99)
    errors = random.normal(0.0, 1.0, PRICES.height) * error + more.normal(0.0, 1.0, PRICES.height) * noise
    point = PRICES["price_eur_per_mwh"].to_numpy() + errors
    forecasts = PRICES.drop("price_eur_per_mwh").with_columns(
        price_point_eur_per_mwh=pl.Series(point),
        **{name: pl.Series(point + SCORES[level] * 5.0 * width) for level, name in QUANTILE_COLUMNS.items()},
    )
    days = PRICES.select("zone", "delivery_day").unique(maintain_order=True)
    earned = money + np.random.default_rng(3).normal(0.0, 60.0, days.height)
    signals = PRICES.select("zone", "delivery_day", "delivery_start_utc").with_columns(
        strategy=pl.lit("storage"), side=pl.lit("buy")
    )
    return Replayed(
        forecasts=forecasts, signals=signals, settlements=days.with_columns(pnl_eur=pl.Series(earned))
    )


BASE = replayed()


def judged(candidate: Replayed) -> tuple[ReleaseFigures, tuple[Finding, ...]]:
    return judge_release(BASE, candidate, PRICES, ReleaseSettings())


def checks(candidate: Replayed) -> set[str]:
    return {one.check for one in judged(candidate)[1]}


def test_the_same_release_changes_nothing() -> None:
    figures, findings = judged(replayed())
    assert findings == ()
    assert figures.n_days == N_DAYS
    assert figures.in_one_line == ("error +0.0 % (p 1), money +0 EUR a day (p 1), 0 signals changed side")


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        pytest.param(lambda: replayed(error=5.6), "error", id="12 % more error"),
        pytest.param(lambda: replayed(width=0.4), "error", id="intervals that are far too narrow"),
        pytest.param(lambda: replayed(width=0.4), "coverage", id="intervals that cover less"),
        pytest.param(lambda: replayed(money=70.0), "money", id="30 EUR a day less"),
        pytest.param(lambda: replayed(money=-100.0), "money", id="the sign of the money"),
    ],
)
def test_what_is_significantly_worse_is_found(candidate: Callable[[], Replayed], expected: str) -> None:
    assert expected in checks(candidate())


@pytest.mark.parametrize(
    "candidate",
    [
        pytest.param(lambda: replayed(error=5.02), id="0.4 % more error is below the margin"),
        pytest.param(lambda: replayed(noise=0.3), id="noise of another seed"),
        pytest.param(lambda: replayed(money=99.5), id="half a EUR a day is below the margin"),
        pytest.param(lambda: replayed(error=4.0, money=140.0), id="better"),
    ],
)
def test_what_is_equal_tiny_or_better_passes(candidate: Callable[[], Replayed]) -> None:
    assert checks(candidate()) == set()


def test_one_zone_that_is_worse_is_found_among_others_that_are_better() -> None:
    worse, better = replayed(error=5.6).forecasts, replayed(error=4.0).forecasts
    is_fr = pl.col("zone") == "FR"
    mixed = Replayed(
        forecasts=pl.concat([better.filter(~is_fr), worse.filter(is_fr)]),
        signals=BASE.signals,
        settlements=BASE.settlements,
    )
    _, findings = judged(mixed)
    assert {one.text.partition(":")[0] for one in findings} == {"FR"}


def test_a_lost_day_and_a_lost_strategy_are_found_and_sides_are_counted() -> None:
    lost = date(2025, 1, 9)
    changed = BASE.signals.with_columns(
        side=pl.when(pl.col("delivery_day") == FIRST).then(pl.lit("sell")).otherwise(pl.col("side"))
    )
    candidate = Replayed(
        forecasts=BASE.forecasts.filter(pl.col("delivery_day") != lost),
        signals=changed.filter(pl.col("zone") == "FR"),
        settlements=BASE.settlements,
    )
    figures, findings = judged(candidate)
    assert {one.check for one in findings} == {"forecasts", "signals"}
    assert "no whole forecast on 1 days, the first 2025-01-09" in findings[0].text
    assert figures.n_changed_side == 24


def test_too_few_days_are_refused() -> None:
    is_early = pl.col("delivery_day") < date(2025, 1, 8)
    few = Replayed(
        forecasts=BASE.forecasts.filter(is_early), signals=BASE.signals, settlements=BASE.settlements
    )
    with pytest.raises(ContractError, match="7 days can be compared, 14 are needed"):
        judge_release(few, few, PRICES, ReleaseSettings())
