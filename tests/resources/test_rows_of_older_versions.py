"""Rows that an earlier version of Spotdesk wrote: the word none, which stood for null, is read as null."""

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from resources.lake.lake import Lake
from spot.strategy.proposals.storage import Storage
from spot.strategy.signal_frames import with_signal_ids
from spot.strategy.signals import decide_signals
from tests.support.sample_market import ZONE, make_request

DAY = date(2025, 6, 3)
SPAN: dict[str, Any] = {"zone": ZONE, "first_day": DAY, "last_day": DAY}
COLUMNS = ("model_name", "model_version", "strategy_model_version", "data_version")


@pytest.fixture
def unfit() -> pl.DataFrame:
    """Signals of a day without a forecast."""
    request = make_request(DAY, Storage())
    return decide_signals(make_request(DAY, Storage(), forecast=request.forecast.clear())).frame


@pytest.fixture
def old(tmp_path: Path, unfit: pl.DataFrame) -> Lake:
    """A lake whose signals say `none`, as before."""
    lake = Lake(uri=str(tmp_path / "lake"))
    lake.replace("signals", unfit, **SPAN)
    DeltaTable(f"{lake.uri}/signals").update(updates=dict.fromkeys(COLUMNS, "'none'"))
    return lake


def test_a_day_without_a_forecast_has_no_model_and_not_one_called_none(unfit: pl.DataFrame) -> None:
    assert unfit.select(COLUMNS).null_count().row(0) == (unfit.height,) * len(COLUMNS)


def test_old_rows_are_read_as_null_and_stay_as_they_are(old: Lake, unfit: pl.DataFrame) -> None:
    assert set(pl.read_delta(f"{old.uri}/signals").select(COLUMNS).row(0)) == {"none"}
    read = old.read("signals")
    assert read.equals(unfit.select(read.columns).sort("delivery_start_utc"))
    version = old.version("signals")
    assert old.replace("signals", unfit, **SPAN).n_new == 0
    assert old.version("signals") == version, "the same decision again is no commit"


def test_an_id_is_the_hash_of_the_text_that_it_always_was(unfit: pl.DataFrame) -> None:
    row = unfit.row(0, named=True)
    said = [
        ZONE,
        "storage",
        "champion",
        "day_ahead",
        unfit["delivery_start_utc"].cast(pl.String)[0],
        "flat",
        "0.0",
        "-",
        "none",
        "none",
        "none",
        row["settings_hash"],
        unfit["as_of_utc"].cast(pl.String)[0],
        "paper",
    ]
    assert row["signal_id"] == hashlib.sha256("|".join(said).encode()).hexdigest()[:24]
    assert with_signal_ids(unfit)["signal_id"].equals(unfit["signal_id"])
