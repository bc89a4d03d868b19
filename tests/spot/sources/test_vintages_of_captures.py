"""Revisions and publication lags."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl

from spot.contracts.raw_tables import RAW_TABLES
from spot.market.delivery import delivery_starts_utc
from spot.sources.judging.publication_lag import late_series, measure_lags, summarise_lags
from spot.sources.judging.revisions import select_revisions
from spot.sources.parsed import Capture, assemble
from spot.sources.points import Points

DAY = date(2025, 3, 12)
DUE = datetime(2025, 3, 11, 12, tzinfo=UTC)
CONTRACT = next(contract for contract in RAW_TABLES if contract.name == "day_ahead_prices")


def prices(level: float, captured: datetime, *, is_backfill: bool = False, day: date = DAY) -> pl.DataFrame:
    starts = np.array([int(start.timestamp()) * 1_000_000 for start in delivery_starts_utc("BE", day)])
    points = Points(
        table="day_ahead_prices",
        series="day_ahead",
        starts_us=starts,
        resolution_minutes=60,
        values=np.asarray(level + np.arange(starts.size), dtype=np.float64),
    )
    return assemble(
        "entsoe", "test", Capture(zone="BE", captured_at_utc=captured, is_backfill=is_backfill), [points]
    ).tables["day_ahead_prices"]


def test_what_is_held_is_no_news_and_a_change_is_stamped_with_the_capture() -> None:
    later = datetime(2025, 6, 1, tzinfo=UTC)
    held = prices(50.0, later, is_backfill=True)
    again = prices(50.0, later, is_backfill=True)
    changed = again.with_columns(
        pl.when(pl.int_range(24) == 3)
        .then(99.0)
        .otherwise(pl.col("price_eur_per_mwh"))
        .alias("price_eur_per_mwh")
    )
    assert select_revisions(again, held, CONTRACT, later).is_empty()
    news = select_revisions(changed, held, CONTRACT, later)
    assert news.select("price_eur_per_mwh", "available_at_utc", "availability").rows() == [
        (99.0, later, "captured")
    ]
    assert select_revisions(again, held.clear(), CONTRACT, later).equals(again)


def test_only_the_newest_vintage_counts_as_held() -> None:
    first, second = prices(50.0, DUE), prices(60.0, DUE + timedelta(hours=1))
    back = prices(50.0, DUE + timedelta(hours=2))
    assert select_revisions(back, pl.concat([first, second]), CONTRACT, DUE).height == 24


def test_the_lag_is_that_of_the_last_value_of_the_first_vintage() -> None:
    rows = pl.concat([
        prices(50.0, DUE + timedelta(minutes=10)),
        prices(51.0, DUE + timedelta(hours=5)),
        prices(50.0, DUE + timedelta(days=1, minutes=-6), day=DAY + timedelta(days=1)),
        prices(50.0, DUE + timedelta(days=300), is_backfill=True, day=DAY - timedelta(days=1)),
    ])  # fmt: skip
    lags = measure_lags("day_ahead_prices", rows)
    assert lags["lag_minutes"].to_list() == [10.0, -6.0]
    summary = summarise_lags(lags).row(0, named=True)
    assert (
        summary["n_days"],
        summary["median_minutes"],
        summary["maximum_minutes"],
        summary["n_late_days"],
    ) == (2, 2.0, 10.0, 1)
    assert measure_lags("weather_forecasts", rows).is_empty()


def test_a_series_is_late_after_its_due_time_and_grace() -> None:
    grace = timedelta(minutes=15)
    nothing = prices(1.0, DUE).clear()
    assert not late_series(
        "day_ahead_prices", "BE", DAY, nothing, now=DUE + timedelta(minutes=14), grace=grace
    )
    assert "due at 12:15" in late_series(
        "day_ahead_prices", "BE", DAY, nothing, now=DUE + timedelta(minutes=16), grace=grace
    )
    assert not late_series(
        "day_ahead_prices", "BE", DAY, prices(1.0, DUE), now=DUE + timedelta(hours=9), grace=grace
    )
    assert not late_series(
        "day_ahead_prices", "BE", DAY, nothing, now=DUE + timedelta(minutes=30), grace=grace, usual_minutes=30
    )
