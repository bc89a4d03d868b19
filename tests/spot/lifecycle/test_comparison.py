"""Two versions side by side: known errors come out, by hour and month, and only what both forecast counts."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.contracts.monitoring_tables import MODEL_COMPARISONS
from spot.contracts.signal_tables import SETTLEMENTS
from spot.contracts.table import check_rows
from spot.errors import ContractError
from spot.lifecycle.comparison import ComparedVersion, compare_versions, comparison_in_words, daily_comparison
from spot.market.delivery import delivery_starts_utc

FIRST, N_DAYS = date(2024, 3, 10), 42  # holds the 23-hour day of 31 March


def side(
    version: str, error: float, *, pnl: float | None = None, first: date = FIRST, seed: int = 1
) -> ComparedVersion:
    rng = np.random.default_rng(seed)
    rows = []
    for n in range(N_DAYS):
        day = first + timedelta(days=n)
        for start in delivery_starts_utc("BE", day):
            price = 50.0 + 10.0 * np.sin(start.hour)
            point = price + error * (1.0 + 0.1 * rng.normal())
            rows.append(
                {
                    "delivery_day": day,
                    "delivery_start_utc": start,
                    "price_eur_per_mwh": price,
                    "price_point_eur_per_mwh": point,
                }
            )
            rows[-1] |= {name: point + level for level, name in QUANTILE_COLUMNS.items()}
    scored = pl.DataFrame(rows).cast({"delivery_start_utc": pl.Datetime("us", "UTC")})
    settled = SETTLEMENTS.empty()
    if pnl is not None:
        gain = pnl + rng.normal(0, 0.1, scored.height)
        settled = scored.select("delivery_day", "delivery_start_utc").with_columns(pnl_eur=pl.Series(gain))
    return ComparedVersion(version=version, scored=scored, settled=settled)


def test_the_total_holds_the_known_errors_and_money_with_significance() -> None:
    rows = compare_versions("BE", side("1", 3.0, pnl=2.0), side("2", 5.0, pnl=1.0, seed=2))
    assert check_rows(rows, MODEL_COMPARISONS).rejected.is_empty()
    total = rows.filter(pl.col("slice") == "total").row(0, named=True)
    assert total["mae_a_eur_per_mwh"] == pytest.approx(3.0, rel=0.02)
    assert total["mae_b_eur_per_mwh"] == pytest.approx(5.0, rel=0.02)
    assert total["pinball_a_eur_per_mwh"] < total["pinball_b_eur_per_mwh"]
    assert total["pnl_a_eur"] == pytest.approx(2.0 * (42 * 24 - 1), rel=0.02)
    assert total["n_days"] == N_DAYS == (total["last_day"] - total["first_day"]).days + 1
    assert total["error_p_value"] < 0.001
    assert total["money_p_value"] < 0.01


def test_equal_versions_are_not_significantly_different() -> None:
    rows = compare_versions("BE", side("1", 3.0, pnl=2.0, seed=10), side("2", 3.0, pnl=2.0, seed=50))
    assert rows["error_p_value"][0] > 0.05
    assert rows["money_p_value"][0] > 0.05


def test_the_words_name_who_is_better_and_say_when_money_cannot_tell() -> None:
    better = comparison_in_words(
        compare_versions("BE", side("1", 3.0, pnl=2.0), side("2", 5.0, pnl=1.0, seed=2))
    )
    assert better.startswith("A has the smaller error (p = ")
    assert "A earned more on paper (p = " in better
    same = side("1", 3.0, pnl=2.0)
    other = replace(side("2", 5.0), settled=same.settled)
    assert comparison_in_words(compare_versions("BE", same, other)).endswith(
        "Cannot tell in money: both traded the same."
    )
    moved = replace(
        other,
        settled=same.settled.with_columns(pl.col("pnl_eur").shift(1).fill_null(pl.col("pnl_eur").last())),
    )
    assert "traded the same" not in comparison_in_words(
        compare_versions("BE", same, moved)
    )  # the same sum of other trades
    assert comparison_in_words(compare_versions("BE", side("1", 3.0), side("2", 5.0))).endswith(
        "No money: the second price is not known."
    )


def test_there_is_a_row_per_local_hour_and_month() -> None:
    rows = compare_versions("BE", side("1", 3.0), side("2", 5.0))
    assert rows.filter(pl.col("slice") == "hour")["label"].to_list() == [f"{hour:02d}" for hour in range(24)]
    assert rows.filter(pl.col("slice") == "month")["label"].to_list() == ["2024-03", "2024-04"]
    assert rows["pnl_a_eur"].null_count() == rows.height
    assert rows["money_p_value"].null_count() == rows.height


def test_only_days_that_both_forecast_count() -> None:
    late = side("2", 5.0, first=FIRST + timedelta(days=30))
    assert compare_versions("BE", side("1", 3.0), late)["n_days"][0] == 12
    assert daily_comparison("BE", side("1", 3.0), late).height == 12
    with pytest.raises(ContractError, match="no day"):
        compare_versions("BE", side("1", 3.0), side("2", 5.0, first=FIRST + timedelta(days=60)))
