"""The newest vintage known at an instant: what is later never counts, of what is known the newest does."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from spot.contracts.vintages import known_at, newest_vintage
from spot.errors import ContractError
from tests.support.raw_rows import raw_day

DAY = date(2025, 9, 10)
NOON = datetime(2025, 9, 9, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def load(value: float, known: datetime, source: str = "files") -> pl.DataFrame:
    return raw_day("load_forecasts", "DE_LU", DAY, value, available_at_utc=known, source=source)


def test_the_newest_vintage_available_counts() -> None:
    frame = pl.concat([load(3.0, NOON + SECOND), load(1.0, NOON - timedelta(hours=1)), load(2.0, NOON)])
    assert known_at(frame, NOON)["load_forecast_mw"].unique().to_list() == [2.0]
    assert known_at(frame, NOON - SECOND)["load_forecast_mw"].unique().to_list() == [1.0]
    assert known_at(frame, NOON + SECOND)["load_forecast_mw"].unique().to_list() == [3.0]
    assert known_at(frame, NOON - timedelta(days=1)).is_empty()


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ContractError, match="no time zone"):
        known_at(load(1.0, NOON), NOON.replace(tzinfo=None))


def test_a_lazy_frame_gives_the_same_rows() -> None:
    frame = pl.concat([load(3.0, NOON + SECOND), load(2.0, NOON)])
    assert known_at(frame.lazy(), NOON).collect().equals(known_at(frame, NOON))


def test_each_source_has_its_own_vintages_unless_the_newest_of_any_is_asked_for() -> None:
    frame = pl.concat([load(2.0, NOON, "entsoe"), load(1.0, NOON - SECOND, "files")])
    assert sorted(known_at(frame, NOON)["load_forecast_mw"].unique()) == [1.0, 2.0]
    newest = newest_vintage(frame, by=["series", "delivery_start_utc"])
    assert newest["load_forecast_mw"].unique().to_list() == [2.0]


def test_every_row_may_have_an_instant_of_its_own() -> None:
    frame = pl.concat([load(1.0, NOON - SECOND), load(2.0, NOON), load(3.0, NOON + SECOND)])
    first = frame["delivery_start_utc"].min()
    own = pl.when(pl.col("delivery_start_utc") == first).then(NOON).otherwise(NOON + SECOND)
    known = known_at(frame, own).sort("delivery_start_utc")["load_forecast_mw"].to_list()
    assert known == [2.0, *[3.0] * (len(known) - 1)]


def test_the_newest_may_be_that_of_another_instant() -> None:
    rows = pl.concat([load(1.0, NOON - SECOND), load(2.0, NOON)])
    by_run = rows.with_columns(
        run_at_utc=pl.col("load_forecast_mw").replace_strict({1.0: NOON, 2.0: NOON - SECOND})
    )
    assert known_at(by_run, NOON, ordered_by="run_at_utc")["load_forecast_mw"].unique().to_list() == [1.0]
