"""A model of the spread is checked as stored.

What is foreign, far off, crossed or not itself after a reload fails.
"""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.spread_tables import SPREAD_TRAINING_SET
from spot.errors import ModelIntegrityError
from spot.lifecycle.sanity import SanitySettings
from spot.lifecycle.spread_sanity import assess_spread_sanity

FIRST, SETTINGS = date(2025, 3, 1), SanitySettings()
DAYS = [FIRST + timedelta(days=n) for n in range(74)]
LEARNT, UNSEEN = DAYS[59], DAYS[60:]
STEPS = np.linspace(-20.0, 20.0, 9)


def training_set() -> pl.DataFrame:
    rng = np.random.default_rng(1)
    rows = pl.DataFrame(
        {
            "zone": "FR",
            "delivery_day": DAYS,
            "delivery_start_utc": DAYS,
            "resolution_minutes": 60,
            "slot_minutes_local": np.arange(len(DAYS)) * 1.0,
            "spread_eur_per_mwh": rng.normal(0.0, 10.0, len(DAYS)),
        }
    ).with_columns(pl.col("delivery_start_utc").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
    missing = {name: pl.lit(None) for name in SPREAD_TRAINING_SET.columns if name not in rows.columns}
    return rows.with_columns(**missing).select(
        pl.col(name).cast(column.dtype) for name, column in SPREAD_TRAINING_SET.columns.items()
    )


class Spread:
    """A model whose file says what is wrong with it."""

    def __init__(self, fault: str) -> None:
        self.fault = fault

    def predict(self, inputs: pl.DataFrame) -> Floats:
        first = inputs["slot_minutes_local"][0]
        stated = np.tile(STEPS, (inputs.height, 1))
        if self.fault == "far" or (self.fault == "follows" and first is not None and first > 1000.0):
            stated = stated * 100.0
        if self.fault == "crossed":
            stated = stated[:, ::-1]
        return np.full_like(stated, np.nan) if self.fault == "silent" else stated

    def to_files(self) -> Mapping[str, bytes]:
        return {"model.json": b'"far"' if self.fault == "forgets" else f'"{self.fault}"'.encode()}


def from_files(files: Mapping[str, bytes]) -> Spread:
    if files.get("model.json") == b'"unreadable"':
        raise ModelIntegrityError("unreadable")
    return Spread(files["model.json"].decode().strip('"'))


def failed(
    fault: str,
    *,
    rows: pl.DataFrame | None = None,
    data_version: str = "spread:1",
    files: Mapping[str, bytes] | None = None,
) -> set[str]:
    verdict = assess_spread_sanity(
        {"model.json": f'"{fault}"'.encode(), **(files or {})},
        training_set() if rows is None else rows,
        UNSEEN,
        from_files=from_files,  # type: ignore[arg-type]
        learn_through=LEARNT,
        data_version=data_version,
        settings=SETTINGS,
    )
    return {check.name for check in verdict.checks if not check.passed}


def test_a_sound_one_passes() -> None:
    assert failed("none") == set()


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("far", {"range", "inputs x1000", "inputs missing"}),
        ("crossed", {"range", "inputs x1000", "inputs missing"}),
        ("silent", {"range", "inputs x1000", "inputs missing"}),
        ("follows", {"inputs x1000"}),
        ("forgets", {"reload"}),
        ("unreadable", {"forecasts"}),
    ],
)
def test_each_fault_is_found(fault: str, names: set[str]) -> None:
    assert failed(fault) == names


def test_foreign_files_unknown_data_too_few_days_and_nothing_unseen_are_faults() -> None:
    assert failed("none", files={"model.pickle": b""}) == {"files"}
    assert failed("none", data_version=" ") == {"data version"}
    short = training_set().filter(pl.col("delivery_day") > DAYS[20])
    assert failed("none", rows=short) == {"training days"}
    assert failed("none", rows=training_set().filter(pl.col("delivery_day") <= LEARNT)) == {"forecasts"}
