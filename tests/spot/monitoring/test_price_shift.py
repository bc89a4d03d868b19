"""A price that moves with its load is no drift.

One that moves without it is; scarcity, wind and a blind reference are told apart.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spot.monitoring.drift import DriftVerdict
from spot.monitoring.price_shift import PRICE_COLUMN, fit_price, hourly_prices, judge_price, price_shifts
from spot.monitoring.settings import DriftSettings

SETTINGS = DriftSettings()
FIRST, N_REFERENCE, N_DAYS = date(2024, 1, 1), 84, 91


def market(*, seed: int = 1, windy_from: int = 999) -> pl.DataFrame:
    """Load with a daily shape, price on a curve of the load of the same hour.

    From a day on a third of the load is met by wind.
    """
    random = np.random.default_rng(seed)
    hour = np.tile(np.arange(24), N_DAYS)
    day = np.repeat(np.arange(N_DAYS), 24)
    load = (
        50_000
        + 12_000 * np.sin((hour - 6) * 2 * np.pi / 24)
        + np.repeat(random.normal(0, 3_000, N_DAYS), 24)
        + random.normal(0, 500, 24 * N_DAYS)
    )
    load = np.where(day >= windy_from, load * 0.67, load)
    price = (
        20.0
        + 60.0 * (load / 60_000) ** 2
        + np.repeat(random.normal(0, 4, N_DAYS), 24)
        + random.normal(0, 2, 24 * N_DAYS)
    )
    days = [FIRST + timedelta(days=int(n)) for n in day]
    return pl.DataFrame({"delivery_day": days, "load": load, "price": price})


def verdict(hours: pl.DataFrame, settings: DriftSettings = SETTINGS) -> DriftVerdict:
    end = FIRST + timedelta(days=N_REFERENCE)
    fitted = fit_price(hours.filter(pl.col("delivery_day") < end), settings)
    return judge_price(fitted, hours.filter(pl.col("delivery_day") >= end), settings)


def changed(hours: pl.DataFrame, first: int, n_days: int, change: pl.Expr) -> pl.DataFrame:
    since = FIRST + timedelta(days=first)
    is_it = pl.col("delivery_day").is_between(since, since + timedelta(days=n_days - 1))
    return hours.with_columns(price=pl.when(is_it).then(change).otherwise(pl.col("price")))


def test_a_price_on_its_curve_is_ok_in_a_windy_week_too() -> None:
    values = [verdict(market(seed=seed)).features["value"][0] for seed in range(8)]
    assert max(values) < SETTINGS.price_threshold
    assert verdict(market(windy_from=N_REFERENCE)).status == "ok"


def test_dearer_thermal_hours_are_drift_and_say_so() -> None:
    found = verdict(
        changed(
            market(),
            N_REFERENCE,
            7,
            pl.when(pl.col("load") > 45_000).then(pl.col("price") + 30.0).otherwise(pl.col("price")),
        )
    )
    assert found.status == "alert"
    (row,) = found.features.iter_rows(named=True)
    assert (row["feature"], row["method"], row["threshold"]) == (
        PRICE_COLUMN,
        "median_shift",
        SETTINGS.price_threshold,
    )
    assert row["value"] > SETTINGS.price_threshold
    assert found.reasons[0].startswith("price_given_load: median_shift")
    assert verdict(changed(market(), N_REFERENCE, 7, pl.col("price") - 30.0)).status == "alert", (
        "cheaper is drift as well"
    )


def test_three_days_of_scarcity_are_no_regime_and_change_no_reference() -> None:
    assert verdict(changed(market(), N_REFERENCE + 1, 3, pl.col("price") * 8)).status == "ok"
    assert verdict(changed(market(), 60, 3, pl.col("price") * 8)).status == "ok"


def test_a_small_move_is_no_news_however_calm_the_reference_was() -> None:
    calm = market().with_columns(price=20.0 + 60.0 * (pl.col("load") / 60_000) ** 2)
    assert verdict(changed(calm, N_REFERENCE, 7, pl.col("price") * 1.05)).status == "ok"
    assert verdict(changed(calm, N_REFERENCE, 7, pl.col("price") * 1.6)).status == "alert"


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        (
            lambda hours: hours.filter(pl.col("delivery_day") >= FIRST + timedelta(days=40)),
            "44 days of price and load in the reference, 56 needed",
        ),
        (lambda hours: hours.with_columns(price=pl.lit(60.0)), "constant in the reference"),
        (
            lambda hours: hours.filter(pl.col("delivery_day") < FIRST + timedelta(days=N_REFERENCE)),
            "no rows to judge",
        ),
        (
            lambda hours: hours.filter(pl.col("delivery_day") < FIRST + timedelta(days=N_REFERENCE + 4)),
            "4 days with price and load to judge, 7 wanted",
        ),
    ],
)
def test_blindness_is_said(spoil: Callable[..., Any], text: str) -> None:
    blind = verdict(spoil(market()))
    assert blind.status == "cannot_see"
    assert text in blind.reasons[0]
    assert blind.features["value"].to_list() == [None]


def test_the_price_that_a_row_knows_stands_beside_the_load_of_its_own_day() -> None:
    starts = [datetime(2024, 3, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(72)]
    wide = pl.DataFrame(
        {"delivery_start_utc": starts, "residual_load_mw": [float(n) for n in range(72)]}
    ).with_columns(
        delivery_day=pl.col("delivery_start_utc").dt.date(),
        price_1d_eur_per_mwh=pl.col("residual_load_mw") - 24.0 + 1_000.0,
    )
    hours = hourly_prices(wide.cast({"delivery_start_utc": pl.Datetime("us", "UTC")}), SETTINGS)
    assert (hours["price"] - hours["load"]).unique().to_list() == [1_000.0]
    assert hours.height == 48, "the first day has no day before it"
    without = hourly_prices(
        wide.drop("residual_load_mw").cast({"delivery_start_utc": pl.Datetime("us", "UTC")}), SETTINGS
    )
    assert without["load"].unique().to_list() == [0.0]
    assert hourly_prices(wide.drop("price_1d_eur_per_mwh"), SETTINGS).is_empty()


def test_a_price_without_a_load_is_compared_as_it_is() -> None:
    bare = market().with_columns(load=pl.lit(0.0))
    assert verdict(bare).status == "ok"
    assert verdict(changed(bare, N_REFERENCE, 7, pl.col("price") + 60.0)).status == "alert"
    fitted = fit_price(bare.filter(pl.col("delivery_day") < FIRST + timedelta(days=N_REFERENCE)), SETTINGS)
    assert fitted.curve is not None
    assert price_shifts(fitted.curve, bare).height == N_DAYS
