"""Days before a zone's data began are no past to compare with."""

from datetime import date, timedelta

import polars as pl

from spot.monitoring.profiles import since_data_began

FIRST = date(2022, 1, 1)
DAYS = [FIRST + timedelta(days=at) for at in range(6)]


def daily(load: list[float | None], wind: list[float | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {"delivery_day": DAYS, "load": load, "wind": wind},
        schema_overrides={"load": pl.Float64, "wind": pl.Float64},
    )


def test_the_past_begins_with_the_first_value_of_any_column_and_keeps_later_holes() -> None:
    frame = daily([None, float("nan"), None, 5.0, None, 6.0], [None, None, 2.0, None, None, None])
    assert since_data_began(frame, ["load", "wind"])["delivery_day"].to_list() == DAYS[2:]
    assert since_data_began(frame, ["load"])["delivery_day"].to_list() == DAYS[3:]


def test_without_columns_or_values_nothing_is_left_out() -> None:
    empty = daily([None] * 6, [None] * 6)
    assert since_data_began(empty, ["load", "wind"]).height == 6
    assert since_data_began(empty, []).height == 6
