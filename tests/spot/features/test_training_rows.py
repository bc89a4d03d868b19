"""A training set that is written and read again gives the panel that it was made from, bit for bit."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.feature_tables import FEATURES, TRAINING_SET
from spot.contracts.panel import DeliveryPanel
from spot.contracts.table import check_rows
from spot.errors import ContractError
from spot.features.matrix import build_features, build_panel
from spot.features.training_rows import panel_of_training_rows, training_rows, with_outcome
from spot.market.delivery import days_between
from spot.simulation.market import simulate

ZONE = "DE_LU"
SPANS = ((date(2025, 9, 20), date(2025, 10, 28)), (date(2025, 3, 20), date(2025, 4, 4)))
"""Quarter hours begin and the clock goes back; the clock goes forward."""


def assert_same(a: DeliveryPanel, b: DeliveryPanel) -> None:
    assert a.inputs.keys() == b.inputs.keys()
    for name in ("days", "n_periods", "resolution_minutes", "prices", "holiday_fraction"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes(), name
    for name, matrix in a.inputs.items():
        assert matrix.tobytes() == b.inputs[name].tobytes(), name


@pytest.fixture(scope="module", params=SPANS, ids=["autumn", "spring"])
def made(request: pytest.FixtureRequest) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Features, and the prices of the same days."""
    first, last = request.param
    raw = simulate(ZONE, first - timedelta(days=8), last, seed=3).tables
    features = build_features(raw, zone=ZONE, days=days_between(first, last))
    prices = raw["day_ahead_prices"].filter(pl.col("delivery_day") >= first)
    return features, prices


def test_the_panel_comes_back_and_the_rows_keep_the_contract(made: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    features, prices = made
    rows = training_rows(features, prices, zone=ZONE)
    assert_same(panel_of_training_rows(rows, zone=ZONE), build_panel(features, prices, zone=ZONE))
    assert check_rows(rows, TRAINING_SET).rejected.is_empty()
    assert rows.select(*FEATURES).equals(features.sort("delivery_start_utc").select(*FEATURES))


def test_days_without_features_and_without_prices_come_back_too(
    made: tuple[pl.DataFrame, pl.DataFrame],
) -> None:
    features, prices = made
    days = features["delivery_day"].unique().sort()
    gap = features.filter(pl.col("delivery_day") != days[4])
    unpriced = prices.filter(~pl.col("delivery_day").is_in([days[6], days[-1]]))
    rows = training_rows(gap, unpriced, zone=ZONE)
    assert_same(panel_of_training_rows(rows, zone=ZONE), build_panel(gap, unpriced, zone=ZONE))
    assert check_rows(rows, TRAINING_SET).rejected.is_empty()
    without = rows.filter(pl.col("delivery_day") == days[4])
    assert without["source"].unique().to_list() == ["none"]
    assert without["price_eur_per_mwh"].null_count() == 0
    assert set(with_outcome(rows)["delivery_day"]) == set(days.to_list()) - {days[6], days[-1]}
    assert np.isnan(panel_of_training_rows(rows, zone=ZONE).prices[-1]).all()


def test_no_price_and_no_row_are_told(made: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    features, prices = made
    with pytest.raises(ContractError, match="no market time unit has a price"):
        training_rows(features, prices.clear(), zone=ZONE)
    with pytest.raises(ContractError, match="has no rows of it"):
        panel_of_training_rows(TRAINING_SET.empty(), zone=ZONE)
