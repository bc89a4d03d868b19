"""A contract refuses every kind of bad row with its reason, and loses none."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot.contracts.table import check_rows
from spot.contracts.tables import TABLES, find_contract
from spot.errors import ConfigurationError, ContractError
from tests.support.raw_rows import good_price_row, price_frame

PRICES = find_contract("day_ahead_prices")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"price_eur_per_mwh": float("nan")}, "price_eur_per_mwh is not finite"),
        (
            {"price_eur_per_mwh": float("inf")},
            "price_eur_per_mwh is not finite; price_eur_per_mwh above 9999 EUR/MWh",
        ),
        (
            {"price_eur_per_mwh": float("-inf")},
            "price_eur_per_mwh is not finite; price_eur_per_mwh below -9999 EUR/MWh",
        ),
        ({"price_eur_per_mwh": None}, "price_eur_per_mwh is null"),
        ({"price_eur_per_mwh": 9999.01}, "price_eur_per_mwh above 9999 EUR/MWh"),
        ({"price_eur_per_mwh": -9999.01}, "price_eur_per_mwh below -9999 EUR/MWh"),
        ({"zone": None}, "zone is null"),
        ({"available_at_utc": None}, "available_at_utc is null"),
        ({"series": "guess"}, "series is none of day_ahead"),
        ({"resolution_minutes": 45}, "resolution_minutes is none of 15, 30, 60"),
        ({"availability": "hoped"}, "availability is none of captured, stated, rule"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(change: dict[str, float | str | None], reason: str) -> None:
    checked = check_rows(
        price_frame(good_price_row(), good_price_row(delivery_day=date(2024, 6, 2), **change)), PRICES
    )
    assert checked.accepted.height == 1
    assert checked.rejected["reason"].to_list() == [reason]


def test_the_limits_themselves_are_valid() -> None:
    rows = [
        good_price_row(price_eur_per_mwh=price, resolution_minutes=minutes)
        for price, minutes in ((-9999.0, 60), (9999.0, 30))
    ]
    assert check_rows(price_frame(rows[0]), PRICES).rejected.is_empty()
    assert check_rows(price_frame(rows[1]), PRICES).rejected.is_empty()


def test_of_a_repeated_row_the_first_passes() -> None:
    checked = check_rows(price_frame(good_price_row(), good_price_row()), PRICES)
    assert checked.accepted.height == 1
    assert checked.rejected["reason"].to_list() == ["row repeated"]


def test_of_two_contradicting_rows_neither_passes() -> None:
    checked = check_rows(price_frame(good_price_row(), good_price_row(price_eur_per_mwh=43.0)), PRICES)
    assert checked.accepted.is_empty()
    assert checked.rejected["reason"].to_list() == ["conflicting values for one key"] * 2


def test_an_invalid_row_does_not_contradict_a_valid_one() -> None:
    checked = check_rows(
        price_frame(good_price_row(), good_price_row(price_eur_per_mwh=float("nan"))), PRICES
    )
    assert checked.accepted["price_eur_per_mwh"].to_list() == [42.0]


@pytest.mark.parametrize("name", sorted(TABLES))
def test_empty_frames_pass_under_every_contract(name: str) -> None:
    contract = TABLES[name]
    checked = check_rows(contract.empty(), contract)
    assert checked.accepted.schema == pl.Schema(contract.schema)
    assert checked.accepted.is_empty()
    assert checked.rejected.is_empty()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_contract_names_key_columns_that_exist_and_describes_all(name: str) -> None:
    contract = TABLES[name]
    assert contract.name == name
    assert set(contract.key) <= set(contract.columns)
    assert contract.description.strip()
    assert all(column.description.strip() for column in contract.columns.values())


@pytest.mark.parametrize(
    "frame",
    [price_frame(good_price_row()).drop("source"), price_frame(good_price_row()).with_columns(extra=1)],
)
def test_missing_or_unknown_columns_stop(frame: pl.DataFrame) -> None:
    with pytest.raises(ContractError, match="missing columns"):
        check_rows(frame, PRICES)


@pytest.mark.parametrize(
    ("column", "value"),
    [("price_eur_per_mwh", "12,5"), ("resolution_minutes", 60.5), ("delivery_day", "soon")],
)
def test_a_type_that_cannot_be_cast_without_loss_stops(column: str, value: float | str) -> None:
    with pytest.raises(ContractError, match="does not have its type"):
        check_rows(price_frame(good_price_row()).with_columns(pl.lit(value).alias(column)), PRICES)


def test_an_instant_without_time_zone_stops() -> None:
    frame = price_frame(good_price_row()).with_columns(
        pl.col("delivery_start_utc").dt.replace_time_zone(None)
    )
    with pytest.raises(ContractError, match="delivery_start_utc has no time zone"):
        check_rows(frame, PRICES)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.one_of(st.none(), st.floats(width=32)), st.sampled_from(["day_ahead", "x"])
        ),
        max_size=12,
    )
)
def test_no_row_is_lost_and_accepted_keys_are_unique(rows: list[tuple[int, float, str]]) -> None:
    frame = price_frame(
        *(
            good_price_row(
                price_eur_per_mwh=price, series=series, delivery_day=date(2024, 6, 1 + day), zone=f"Z{day}"
            )
            for day, price, series in rows
        )
    )
    checked = check_rows(frame, PRICES)
    assert checked.accepted.height + checked.rejected.height == frame.height
    assert not checked.accepted.select(PRICES.key).is_duplicated().any()
    assert (checked.rejected["reason"] != "").all()
    assert checked.accepted["price_eur_per_mwh"].is_finite().all()


def test_unknown_table_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="known are"):
        find_contract("tea_leaves")
