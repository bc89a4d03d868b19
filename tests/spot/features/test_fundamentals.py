"""Measured wind, solar and load: the newest day that was known in full, every part of it."""

from datetime import date, timedelta

import polars as pl
import pytest

from spot.contracts.raw_tables import RAW_TABLES
from spot.features.matrix import build_features
from spot.market.delivery import delivery_starts_utc

CONTRACT = next(contract for contract in RAW_TABLES if contract.name == "generation_actuals")
ZONE, TARGET = "DE_LU", date(2026, 3, 15)


def measured(series: str, days_before: int, power_mw: float) -> pl.DataFrame:
    day = TARGET - timedelta(days=days_before)
    starts = pl.Series(delivery_starts_utc(ZONE, day))
    return pl.DataFrame(
        {
            "zone": ZONE,
            "series": series,
            "delivery_day": day,
            "delivery_start_utc": starts,
            "resolution_minutes": 15,
            "generation_mw": power_mw,
            "available_at_utc": starts + timedelta(minutes=75),
            "availability": "captured",
            "source": "files",
        },
        schema=CONTRACT.schema,
    )


@pytest.mark.parametrize(
    ("offshore_days", "expected"),
    [
        ((2, 3, 4, 5, 6, 7), 12_000.0 + 5_002.0),  # the day before is not over at the gate
        (
            (3, 4, 5, 6, 7),
            12_000.0 + 5_003.0,
        ),  # two days before the offshore part is not there yet: that day is not known in full
        ((), 12_000.0),  # a zone without offshore wind
    ],
)
def test_a_day_without_one_of_its_parts_is_not_known_in_full(
    offshore_days: tuple[int, ...], expected: float
) -> None:
    frames = [measured("wind_onshore", days, 12_000.0) for days in range(1, 9)]
    frames += [measured("wind_offshore", days, 5_000.0 + days) for days in offshore_days]
    features = build_features({"generation_actuals": pl.concat(frames)}, zone=ZONE, days=[TARGET])
    assert features["wind_actual_mw"].unique().to_list() == [expected]
