"""Vintages: at an instant the newest value available by then counts, and nothing later."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spot.contracts.vintages import known_at
from spot.errors import LookAheadError
from spot.features.grid import STEP_US, make_grid, to_us
from spot.features.vintages import NEVER_US, check_no_look_ahead, vintages_of
from spot.market.delivery import days_between
from tests.support.narrow import instant
from tests.support.raw_rows import raw_day

DAY = date(2025, 9, 10)
NOON = datetime(2025, 9, 9, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def load(value: float, known: datetime) -> pl.DataFrame:
    return raw_day("load_forecasts", "DE_LU", DAY, value, available_at_utc=known)


minutes_known = st.integers(min_value=-200, max_value=200)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(0, 3), minutes_known, st.sampled_from([15, 60])), max_size=10),
    minutes_known,
)
def test_the_gate_in_bulk_is_the_gate_one_by_one(rows: list[tuple[int, int, int]], gate_minutes: int) -> None:
    """`known_at_gates` over many days gives what `known_at` gives for each.

    Vintages of one resolution per day.
    """
    days = days_between(DAY, DAY + timedelta(days=3))
    resolution = {days[i]: minutes for i, _, minutes in rows}
    frames = [
        raw_day(
            "load_forecasts",
            "DE_LU",
            days[i],
            float(n),
            minutes=resolution[days[i]],
            available_at_utc=NOON + timedelta(minutes=known),
        )
        for n, (i, known, _) in enumerate(rows)
    ]
    frame = pl.concat(frames) if frames else load(0.0, NOON).clear()
    frame = frame.unique(["delivery_start_utc", "available_at_utc"], keep="first", maintain_order=True)
    gate = NOON + timedelta(minutes=gate_minutes)
    grid = make_grid("DE_LU", days[0], days[-1])
    matrix, newest = vintages_of(frame, grid, value="load_forecast_mw").known_at_gates(
        np.full(4, to_us(gate))
    )
    expected = np.full(matrix.shape, np.nan)
    known = known_at(frame, gate)
    for row in known.iter_rows(named=True):
        at = days.index(row["delivery_day"])
        slot = (to_us(row["delivery_start_utc"]) - grid.start_us[at]) // STEP_US
        expected[at, slot : slot + row["resolution_minutes"] // 15] = row["load_forecast_mw"]
    np.testing.assert_array_equal(matrix, expected)
    for at, day in enumerate(days):
        own = known.filter(pl.col("delivery_day") == day)["available_at_utc"]
        assert newest[at] == (NEVER_US if own.is_empty() else to_us(instant(own.max())))


def test_one_second_past_the_gate_is_not_known() -> None:
    grid = make_grid("DE_LU", DAY, DAY)
    vintages = vintages_of(load(5.0, NOON + SECOND), grid, value="load_forecast_mw")
    assert np.isnan(vintages.known_at_gates(np.array([to_us(NOON)]))[0]).all()
    assert np.nanmax(vintages.known_at_gates(np.array([to_us(NOON + SECOND)]))[0]) == 5.0


def test_a_row_newer_than_its_gate_stops() -> None:
    rows = {"zone": ["AT"], "delivery_day": [DAY], "as_of_utc": [NOON], "newest_input_utc": [NOON]}
    check_no_look_ahead(pl.DataFrame(rows))
    with pytest.raises(LookAheadError, match="AT 2025-09-10"):
        check_no_look_ahead(pl.DataFrame(rows | {"newest_input_utc": [NOON + timedelta(microseconds=1)]}))
