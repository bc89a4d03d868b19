"""The days that a table reaches from and to."""

from datetime import date

import polars as pl
import pytest

from spot.contracts.days import first_day, last_day, last_day_or_none
from spot.errors import ContractError


def test_the_days_of_a_table() -> None:
    frame = pl.DataFrame({"delivery_day": [date(2025, 3, 2), date(2025, 1, 9), date(2025, 3, 1)]})
    assert (first_day(frame), last_day(frame)) == (date(2025, 1, 9), date(2025, 3, 2))
    assert last_day_or_none(frame) == date(2025, 3, 2)


def test_an_empty_table_has_none() -> None:
    empty = pl.DataFrame(schema={"delivery_day": pl.Date})
    assert last_day_or_none(empty) is None
    for choose in (first_day, last_day):
        with pytest.raises(ContractError, match="no rows"):
            choose(empty)
