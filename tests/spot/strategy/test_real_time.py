"""A hub of PJM from documents to orders.

Dollars in, features as of the gate, signals in EUR against the real-time price.
"""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.features.matrix import build_features
from spot.market.delivery import days_between, n_periods
from spot.market.gates import gate_closure_utc
from spot.risk.outcomes import zone_outcomes
from spot.sources.currencies import in_euro
from spot.sources.parsed import Capture
from spot.sources.providers.ecb import parse_ecb
from spot.sources.providers.pjm import parse_pjm
from tests.support import us_documents as us
from tests.support.narrow import instant

ZONE = "PJM_WESTERN_HUB"
DAYS = days_between(date(2025, 10, 20), date(2025, 11, 6))
AUTUMN = date(2025, 11, 2)


@pytest.fixture(scope="module")
def raw() -> dict[str, pl.DataFrame]:
    capture = Capture(zone=ZONE, captured_at_utc=datetime(2026, 2, 1, tzinfo=UTC), is_backfill=True)

    def prices(feed: str, market: str, lift: float) -> pl.DataFrame:
        rows = [
            row
            for day in DAYS
            for row in us.pjm_price_rows(
                ZONE, day, [round(40.0 + lift + hour, 2) for hour in range(n_periods(ZONE, day))], market
            )
        ]
        return parse_pjm(us.pjm_body(rows), feed, capture).tables["local_currency_prices"]  # type: ignore[arg-type]

    local = pl.concat([prices("da_hrl_lmps", "da", 0.0), prices("rt_hrl_lmps", "rt", 5.5)])
    rates = dict.fromkeys(
        (day for day in days_between(date(2025, 10, 6), DAYS[-1]) if day.weekday() < 5), 1.1
    )
    known = parse_ecb(us.ecb_body("USD", rates), capture).tables["exchange_rates"]
    loads = [
        row
        for day in DAYS
        for made in (4, 2, -3)
        for row in us.pjm_load_rows(
            ZONE,
            day,
            [80_000.0 + 100.0 * made] * n_periods(ZONE, day),
            gate_closure_utc(ZONE, day) - timedelta(hours=made),
            is_history=True,
        )
    ]
    return {
        "day_ahead_prices": in_euro(local, known, table="day_ahead_prices", zone=ZONE),
        "imbalance_prices": in_euro(local, known, table="imbalance_prices", zone=ZONE),
        "load_forecasts": parse_pjm(us.pjm_body(loads), "load_frcstd_hist", capture).tables["load_forecasts"],
    }


def test_features_see_the_forecast_that_stood_at_the_gate_and_shrink_to_what_is_there(
    raw: dict[str, pl.DataFrame],
) -> None:
    features = build_features(raw, zone=ZONE, days=[AUTUMN, AUTUMN + timedelta(days=1)])
    assert features.filter(pl.col("delivery_day") == AUTUMN).height == 25
    assert set(features["load_forecast_mw"]) == {
        80_200.0
    }  # made two hours before the gate; that of three hours after it is not known yet
    assert features["wind_forecast_mw"].null_count() == features.height
    assert features["price_1d_eur_per_mwh"].null_count() == 0
    assert (features["newest_input_utc"] <= features["as_of_utc"]).all()
    assert features["as_of_utc"].unique().sort().to_list() == [
        gate_closure_utc(ZONE, AUTUMN),
        gate_closure_utc(ZONE, AUTUMN + timedelta(days=1)),
    ]


def test_a_day_ahead_position_settles_at_the_real_time_price_of_its_hour(
    raw: dict[str, pl.DataFrame],
) -> None:
    outcomes = zone_outcomes(raw, zone=ZONE, settled_against="real_time")
    spread = (outcomes["reference_price_eur_per_mwh"] - outcomes["day_ahead_price_eur_per_mwh"]).to_numpy()
    assert len(outcomes) == sum(n_periods(ZONE, day) for day in DAYS)
    assert np.allclose(spread, 5.5 / 1.1)  # one rate for both prices of a day


def test_at_the_gate_only_verified_real_time_prices_are_known(raw: dict[str, pl.DataFrame]) -> None:
    gate = gate_closure_utc(ZONE, DAYS[-1])
    known = zone_outcomes(raw, zone=ZONE, settled_against="real_time", as_of_utc=gate)
    settled = known.filter(pl.col("reference_price_eur_per_mwh").is_not_null())
    assert instant(settled["delivery_start_utc"].max()) + timedelta(hours=73) <= gate
    assert known["delivery_day"].max() == DAYS[-2]
