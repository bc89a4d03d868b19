"""Days that a limit left flat, as `spotdesk run` names them."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from desk.trading.blocked import blocked_days, in_words
from resources.lake.lake import Lake
from spot.strategy.proposals.storage import Storage
from spot.strategy.signals import decide_signals
from tests.support.sample_market import ZONE, make_book, make_forecast, make_request

DAY = date(2025, 6, 3)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Three days of a battery: the first two with a model that is too old, the third cut but not stopped."""
    lake = Lake(uri=str(tmp_path / "lake"))
    books = [make_book(max_model_age_days={"limit": 120.0, "action": "block"})] * 2 + [
        make_book(max_mw_per_mtu=0.5)
    ]
    for number, book in enumerate(books):
        day = DAY + timedelta(days=number)
        request = make_request(
            day, Storage(), forecast=make_forecast(day), limits=book, model_age_days=140.0 + number
        )
        lake.replace("risk_events", decide_signals(request).events, zone=ZONE, first_day=day, last_day=day)
    return lake


def test_days_that_a_limit_stopped_are_one_row_per_strategy_and_limit(lake: Lake) -> None:
    (row,) = blocked_days(lake, ZONE, DAY, DAY + timedelta(days=2))
    assert (row["n_days"], row["first_day"], row["last_day"]) == (2, DAY, DAY + timedelta(days=1))
    assert row["scopes"] == "desk, strategy, zone"
    assert (
        in_words(row)
        == "SK storage, 2 days from 2025-06-03 to 2025-06-04: max_model_age_days (zone max_model_age_days:"
        " 141 above 120)"
    )


def test_a_cut_is_no_block_and_a_day_without_forecast_is(lake: Lake) -> None:
    third = DAY + timedelta(days=2)
    assert blocked_days(lake, ZONE, third, third) == []
    silent = decide_signals(make_request(third, Storage(), forecast=make_forecast(DAY))).events
    lake.replace("risk_events", silent, zone=ZONE, first_day=third, last_day=third)
    names = [row["limit_name"] for row in blocked_days(lake, ZONE, third, third)]
    assert "readiness" in names
    assert (
        lake.read("risk_events", zones=[ZONE], first_day=third, last_day=third)
        .filter(pl.col("kind") == "not_ready")
        .height
        == 1
    )
