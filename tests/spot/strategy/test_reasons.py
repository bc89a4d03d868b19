from datetime import date

import numpy as np
import polars as pl
import pytest

from spot.contracts.signal_tables import SIGNAL_REASONS
from spot.contracts.table import check_rows
from spot.strategy.proposals.storage import Storage
from spot.strategy.reasons import SIMILAR_DAYS, signal_reasons
from spot.strategy.signals import decide_signals
from tests.support.sample_market import make_request

DAY = date(2025, 6, 3)
PARTS = {
    "load_forecast_mw": np.arange(24.0),
    "calendar": np.full(24, -10.5),
    "price level": np.full(24, np.nan),
}


@pytest.mark.parametrize("day", [DAY, date(2025, 3, 30), date(2025, 10, 26)])
def test_every_unit_has_its_reasons_largest_first(day: date) -> None:
    signals = decide_signals(make_request(day, Storage())).frame
    rows = signal_reasons(signals, PARTS, [(date(2024, 6, 4), 0.8, 77.0)])
    assert check_rows(rows, SIGNAL_REASONS).rejected.is_empty()
    assert rows["signal_id"].n_unique() == signals.height
    assert (
        rows.filter(pl.col("feature") == SIMILAR_DAYS)["text"][0]
        == "resembles 2024-06-04 (80% alike, mean 77.0 EUR/MWh)"
    )
    local_noon = rows.filter(
        pl.col("delivery_start_utc").dt.convert_time_zone("Europe/Brussels").dt.hour() == 12,
        pl.col("rank") == 1,
    )
    assert local_noon["feature"].unique().to_list() == ["load_forecast_mw"]
    assert local_noon["text"][0] == "load_forecast_mw adds 12.0 EUR/MWh"
    midnight = rows.filter(
        pl.col("delivery_start_utc").dt.convert_time_zone("Europe/Brussels").dt.hour() == 0,
        pl.col("rank") == 1,
    )
    assert midnight["text"][0] == "calendar takes off 10.5 EUR/MWh"


def test_nothing_to_say_is_no_row() -> None:
    signals = decide_signals(make_request(DAY, Storage())).frame
    assert signal_reasons(signals, {}).is_empty()
    assert signal_reasons(signals.clear(), PARTS).is_empty()
    assert signal_reasons(signals, {"calendar": np.full(24, np.nan)}).is_empty()
