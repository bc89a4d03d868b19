from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from spot.contracts.signal_tables import BID_CURVES, LIMIT_CONFORMANCE, RISK_EVENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.market.delivery import n_periods
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import unreadable_book
from spot.risk.state import TradingState
from spot.strategy.proposals.price_view import PriceView
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.view import LEVELS
from spot.strategy.readiness.blocking import recorded_stopping_words
from spot.strategy.signals import decide_signals
from tests.support.narrow import number
from tests.support.sample_market import ZONE, make_book, make_forecast, make_outcomes, make_request

DAY = date(2025, 6, 3)


SPREAD = SettlementSpread(takes_curve=True)


STRATEGIES = (SPREAD, Storage(), PriceView(reference_eur_per_mwh=120.0))


BLOCK_48 = {"limit": 48, "action": "block"}


CLOCK_CHANGES = (date(2025, 3, 30), date(2025, 6, 3), date(2025, 10, 26), date(2024, 10, 27))


@pytest.mark.parametrize("day", CLOCK_CHANGES)
@pytest.mark.parametrize("settings", STRATEGIES, ids=lambda s: s.strategy)
def test_every_unit_of_the_day_has_one_row_under_contract(
    day: date, settings: PriceView | SettlementSpread | Storage
) -> None:
    decision = decide_signals(make_request(day, settings))
    assert decision.readiness.is_ready
    assert decision.frame.height == n_periods(ZONE, day)
    assert decision.frame["signal_id"].n_unique() == decision.frame.height
    for frame, contract in (
        (decision.frame, SIGNALS),
        (decision.events, RISK_EVENTS),
        (decision.bid_curves, BID_CURVES),
        (decision.conformance, LIMIT_CONFORMANCE),
    ):
        assert check_rows(frame, contract).rejected.is_empty()
    assert decision.frame["side"].is_in(["buy", "sell"]).any()


def test_the_same_request_gives_the_same_ids_and_another_view_gives_others() -> None:
    first, again = (decide_signals(make_request(DAY, SPREAD)).frame for _ in range(2))
    assert first.equals(again)
    other = decide_signals(
        make_request(DAY, SPREAD, forecast=make_forecast(DAY).with_columns(model_version=pl.lit("8")))
    ).frame
    assert set(first["signal_id"]).isdisjoint(other["signal_id"])


def test_several_challengers_stand_side_by_side_under_every_contract() -> None:
    forecast = make_forecast(DAY).with_columns(role=pl.lit("challenger"))
    requests = (
        make_request(
            DAY, SPREAD, forecast=forecast.with_columns(model_version=pl.lit(version)), role="challenger"
        )
        for version in ("8", "9")
    )
    first, second = (decide_signals(request) for request in requests)
    for name, contract in (
        ("frame", SIGNALS),
        ("bid_curves", BID_CURVES),
        ("conformance", LIMIT_CONFORMANCE),
    ):
        both = pl.concat([getattr(first, name), getattr(second, name)])
        assert check_rows(both, contract).rejected.is_empty()
        assert set(both["model_version"]) == {"8", "9"}


def test_signals_are_void_after_the_gate() -> None:
    frame = decide_signals(make_request(DAY, SPREAD)).frame
    assert frame["valid_until_utc"].unique().to_list() == [gate_closure_utc(ZONE, DAY)]


def _broken_forecasts() -> dict[str, pl.DataFrame]:
    good = make_forecast(DAY)
    late = gate_closure_utc(ZONE, DAY) + timedelta(seconds=1)
    return {
        "empty": good.clear(),
        "no columns": pl.DataFrame(),
        "wrong type": good.with_columns(pl.col("price_q500_eur_per_mwh").cast(pl.String)),
        "unit missing": good.slice(1),
        "unit twice": pl.concat([good, good.head(1)]),
        "nan": good.with_columns(price_q100_eur_per_mwh=pl.lit(float("nan"))),
        "null": good.with_columns(price_q100_eur_per_mwh=pl.lit(None, pl.Float64)),
        "infinite": good.with_columns(price_q975_eur_per_mwh=pl.lit(float("inf"))),
        "crossing": good.with_columns(price_q100_eur_per_mwh=pl.col("price_q900_eur_per_mwh") + 1.0),
        "thousandfold": good.with_columns(pl.selectors.ends_with("eur_per_mwh") * 1000.0),
        "no version": good.with_columns(model_version=pl.lit("")),
        "two versions": good.with_columns(model_version=pl.int_range(pl.len()).cast(pl.String)),
        "input after the gate": good.with_columns(newest_input_utc=pl.lit(late)),
        "challenger only": good.with_columns(role=pl.lit("challenger")),
        "another zone": good.with_columns(zone=pl.lit("BE")),
    }


@pytest.mark.parametrize("case", list(_broken_forecasts()))
@pytest.mark.parametrize("settings", STRATEGIES, ids=lambda s: s.strategy)
def test_a_forecast_that_is_not_fit_gives_a_flat_day_with_the_reason(
    case: str, settings: PriceView | SettlementSpread | Storage
) -> None:
    decision = decide_signals(make_request(DAY, settings, forecast=_broken_forecasts()[case]))
    assert not decision.readiness.is_ready
    assert decision.readiness.reasons
    assert decision.frame.height == 24
    assert decision.frame["side"].unique().to_list() == ["flat"]
    assert decision.frame["volume_mw"].sum() == 0.0
    assert decision.events.filter(pl.col("kind") == "not_ready").height >= 1
    assert check_rows(decision.frame, SIGNALS).rejected.is_empty()


@pytest.mark.parametrize(
    "changes",
    [
        {"limits": unreadable_book("no file")},
        {"limits": make_book(max_mw_per_mtu=None)},
        {"limits": make_book(max_value_at_risk_eur={"limit": float("nan"), "action": "reduce"})},
        {"limits": make_book(max_gross_mw={"limit": None, "action": "reduce"})},
        {"limits": make_book(max_gross_mw={"limit": "20", "action": "reduce"})},
        {"limits": make_book(max_gross_mw={"limit": True, "action": "reduce"})},
        {"limits": make_book(max_gross_mw={"limit": -1.0, "action": "reduce"})},
        {"trading_state": TradingState.HALTED},
        {"trading_state": TradingState.REDUCING},
        {"model_age_days": None},
        {"model_age_days": float("nan")},
        {"essential_data_utc": None},
        {
            "essential_data_utc": gate_closure_utc(ZONE, DAY) - timedelta(hours=71),
            "limits": make_book(max_data_age_hours=BLOCK_48),
        },
        {"drift_status": None},
        {"drift_status": "fine"},
        {"as_of_utc": gate_closure_utc(ZONE, DAY) + timedelta(seconds=1)},
        {"history": make_outcomes(DAY - timedelta(days=20), DAY - timedelta(days=2))},
    ],
    ids=str,
)
def test_missing_limits_states_and_facts_deny(changes: dict[str, Any]) -> None:
    for settings in STRATEGIES:
        decision = decide_signals(make_request(DAY, settings, **changes))
        assert decision.frame["volume_mw"].sum() == 0.0, settings
        assert decision.frame["side"].unique().to_list() == ["flat"]


@pytest.mark.parametrize("settings", STRATEGIES, ids=lambda s: s.strategy)
def test_the_limit_that_blocked_stands_before_the_plans_own_reason(
    settings: PriceView | SettlementSpread | Storage,
) -> None:
    book = make_book(max_model_age_days={"limit": 120.0, "action": "block"})
    free = decide_signals(make_request(DAY, settings, limits=book)).frame
    old = decide_signals(make_request(DAY, settings, limits=book, model_age_days=146.0)).frame
    assert old["side"].unique().to_list() == ["flat"]
    words = "blocked by max_model_age_days: 146 above 120 (desk, zone, strategy)"
    assert old["reasons"].to_list() == [f"{words}; {plan}" for plan in free["reasons"]]
    assert not free["reasons"].str.contains("blocked by").any()


def test_a_cut_order_says_which_limit_cut_it_and_a_whole_one_does_not() -> None:
    shy = SettlementSpread(full_size_ratio=3.0)
    free = decide_signals(make_request(DAY, shy)).frame
    cut = decide_signals(
        make_request(DAY, shy, limits=make_book(max_mw_per_mtu=number(free["volume_mw"].median())))
    ).frame
    for before, after in zip(free.iter_rows(named=True), cut.iter_rows(named=True), strict=True):
        says_so = after["reasons"].startswith(f"cut from {before['volume_mw']:g} MW by max_mw_per_mtu: ")
        assert says_so is (after["volume_mw"] < before["volume_mw"])
    assert (cut["volume_mw"] < free["volume_mw"]).any()
    assert (cut["volume_mw"] == free["volume_mw"]).any()


def test_a_halt_and_limits_that_cannot_be_read_come_first_and_are_few_words() -> None:
    halted = decide_signals(make_request(DAY, SPREAD, trading_state=TradingState.HALTED)).frame
    assert halted["reasons"].str.starts_with("blocked by the trading state HALTED; ").all()
    unreadable = decide_signals(make_request(DAY, SPREAD, limits=unreadable_book("no file"))).frame
    assert (
        unreadable["reasons"]
        .str.starts_with("blocked by max_model_age_days denies: no file (desk, zone, strategy)")
        .all()
    )
    assert unreadable["reasons"].str.contains("16 more limits").all()


OLD_MODEL = {
    "limits": make_book(max_model_age_days={"limit": 120.0, "action": "block"}),
    "model_age_days": 146.0,
}


@pytest.mark.parametrize(
    ("changes", "n_words"),
    [
        (OLD_MODEL, 1),
        ({"trading_state": TradingState.HALTED}, 1),
        ({"limits": unreadable_book("no file")}, 4),
        ({}, 0),
        ({"forecast": make_request(DAY, SPREAD).forecast.clear(), **OLD_MODEL}, 0),
    ],
    ids=["old model", "halted", "no limits", "free", "not ready"],
)
def test_the_stored_events_tell_what_stopped_the_day(changes: dict[str, Any], n_words: int) -> None:
    decision = decide_signals(make_request(DAY, SPREAD, **changes))
    said = decision.frame["reasons"][0].split("; ")
    blocked = [part.removeprefix("blocked by ") for part in said if part.startswith("blocked by ")]
    assert list(recorded_stopping_words(decision.events)) == blocked
    assert len(blocked) == n_words


def test_the_limit_price_of_a_curve_is_that_of_its_first_step() -> None:
    decision = decide_signals(make_request(DAY, SPREAD))
    first = decision.bid_curves.filter(pl.col("step") == 1).join(decision.frame, on="signal_id")
    assert first.height > 0
    assert first["limit_price_eur_per_mwh"].to_list() == first["price_eur_per_mwh"].to_list()


def test_the_lowest_price_stands_in_the_tables_as_in_the_file_of_limits() -> None:
    book = make_book(min_price_eur_per_mwh={"limit": 60.0, "action": "block"})
    settings = PriceView(product="mtu", reference_eur_per_mwh=50.0)
    decision = decide_signals(make_request(DAY, settings, limits=book))
    event = decision.events.filter(pl.col("kind") == "breach").row(0, named=True)
    assert event["value"] == pytest.approx(50.0, abs=1.0)
    assert event["limit_value"] == 60.0
    assert "below 60" in event["detail"]
    assert "below 60" in decision.frame["reasons"][0]
    fine = (
        decide_signals(make_request(DAY, settings))
        .conformance.filter(pl.col("limit_name") == "min_price_eur_per_mwh")
        .row(0, named=True)
    )
    assert (fine["limit_value"], fine["status"]) == (-500.0, "within")
    assert fine["used"] == pytest.approx(50.0, abs=1.0)


def test_bid_curve_steps_rise_in_volume_towards_the_better_price() -> None:
    curves = decide_signals(make_request(DAY, SPREAD)).bid_curves
    unit = curves.filter(pl.col("delivery_start_utc") == curves["delivery_start_utc"][0])
    assert unit["volume_mw"].is_sorted()
    assert unit["price_eur_per_mwh"].is_sorted(descending=True)


def test_a_curve_of_a_small_edge_still_takes_less_the_dearer_it_is() -> None:
    """Half an edge gives half the size.

    The steps part that size, not the largest one, in whole volume steps.
    """
    quantiles = np.tile(2.65 + 40.0 * (LEVELS - 0.5), (24, 1))
    decision = decide_signals(make_request(DAY, SPREAD, spread_quantiles=quantiles))
    row = decision.frame.row(0, named=True)
    unit = decision.bid_curves.filter(pl.col("signal_id") == row["signal_id"])
    assert (row["side"], round(row["volume_mw"], 9)) == ("buy", 2.5)
    assert unit["volume_mw"].round(9).to_list() == [1.0, 1.5, 2.0, 2.5]
    assert unit["step"].to_list() == [1, 2, 3, 4]
    assert number(unit["price_eur_per_mwh"].diff().drop_nulls().max()) < -0.2
    # at the price that is expected the whole volume is worth its risk
    assert unit["price_eur_per_mwh"][-1] == pytest.approx(row["expected_price_eur_per_mwh"], abs=0.01)
    cut = decide_signals(
        make_request(DAY, SPREAD, spread_quantiles=quantiles, limits=make_book(max_mw_per_mtu=0.4))
    )
    assert cut.bid_curves.filter(pl.col("delivery_start_utc") == row["delivery_start_utc"])[
        "volume_mw"
    ].to_list() == [0.1, 0.2, 0.3, 0.4]
