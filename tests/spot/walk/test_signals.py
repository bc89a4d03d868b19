"""The walk of signals: a day is decided on what stood before it, in whichever span it is walked."""

from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.risk.state import TradingState
from spot.simulation.market import simulate
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.walk.inputs import MONEY_DAYS, Book, EarlyDecision, WalkInputs, empty_book
from spot.walk.signals import WalkedSignals, settle_walked, walk_signals
from tests.support.narrow import number
from tests.support.sample_market import make_book, make_forecast

ZONES = ("BE", "FR", "NL")
FIRST, LAST = date(2025, 3, 25), date(2025, 4, 3)
DAYS = days_between(FIRST, LAST)
LATER = gate_closure_utc("FR", LAST) + timedelta(days=2)
STRATEGIES = (Storage(), SettlementSpread(settled_against="imbalance", min_edge_ratio=0.0))


def inputs_of(zone: str) -> WalkInputs:
    raw = simulate(zone, FIRST - timedelta(days=40), LAST, seed=len(zone)).tables
    return WalkInputs(
        zone=zone,
        strategies=STRATEGIES,
        forecasts=pl.concat([make_forecast(day, zone=zone) for day in DAYS]),
        raw=raw,
        limits=make_book(max_gross_mw=4.0, max_mwh_per_day=60.0, max_change_mwh=35.0, max_drawdown_eur=500.0),
        now=LATER,
        trained_through={"7": FIRST - timedelta(days=3)},
        drift_status=dict.fromkeys(DAYS, "ok"),
    )


@pytest.fixture(scope="module")
def inputs() -> dict[str, WalkInputs]:
    return {zone: inputs_of(zone) for zone in ZONES}


def joined(*walks: WalkedSignals) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Signals and conformance of the walks, one after the other."""
    return pl.concat([one.signals for one in walks]), pl.concat([one.conformance for one in walks])


@pytest.mark.parametrize("block_days", [1, 3, 7])
def test_days_give_the_same_rows_in_whichever_blocks_they_are_walked(
    inputs: dict[str, WalkInputs], block_days: int
) -> None:
    """As `spotdesk run` does: block by block, within a block zone by zone, on what is stored of both."""
    stored = empty_book()
    made: dict[str, list[WalkedSignals]] = {zone: [] for zone in ZONES}
    for start in range(0, len(DAYS), block_days):
        days = DAYS[start : start + block_days]
        for zone in ZONES:
            is_before = (pl.col("delivery_day") < days[0]) | (pl.col("zone") != zone)
            book = Book(
                signals=stored.signals.filter(is_before), settlements=stored.settlements.filter(is_before)
            )
            walked = walk_signals(inputs[zone], days, book)
            stored = stored.with_rows([walked.signals], [settle_walked(inputs[zone], walked, days)])
            made[zone].append(walked)
    for zone in ZONES:
        others = pl.col("zone") != zone
        book = Book(signals=stored.signals.filter(others), settlements=stored.settlements.filter(others))
        whole = walk_signals(inputs[zone], DAYS, book)
        signals, conformance = joined(*made[zone])
        assert whole.signals.equals(signals), zone
        assert whole.conformance.equals(conformance), zone
        assert (whole.conformance["status"] == "reduced").any()


def test_a_replay_sees_the_zones_before_its_own_and_an_open_gate_sees_all(
    inputs: dict[str, WalkInputs],
) -> None:
    day = DAYS[3]
    books = {zone: walk_signals(inputs[zone], [day], empty_book()).signals for zone in ("BE", "NL")}
    book = Book(signals=pl.concat(books.values()), settlements=empty_book().settlements)
    gate = gate_closure_utc("FR", day)

    def used(now: datetime) -> float:
        walked = walk_signals(replace(inputs["FR"], now=now), [day], book)
        row = walked.conformance.filter(limit_name="max_orders_per_day", scope="desk", strategy="storage")
        own = walked.signals.filter(pl.col("strategy") == "storage", pl.col("side") != "flat").height
        return float(row["used"][0] - own)

    def n_orders(zone: str) -> int:
        return books[zone].filter(pl.col("side") != "flat").height

    assert used(LATER) == n_orders("BE") > 0
    open_book = Book(
        signals=book.signals.with_columns(as_of_utc=pl.lit(gate - timedelta(hours=1))),
        settlements=book.settlements,
    )
    book = open_book
    assert used(gate - timedelta(minutes=45)) == n_orders("BE") + n_orders("NL")


def test_a_day_that_was_decided_before_its_gate_is_decided_again_at_that_instant_and_in_that_state(
    inputs: dict[str, WalkInputs],
) -> None:
    day = DAYS[2]
    instant = gate_closure_utc("FR", day) - timedelta(minutes=45)
    # Made before the decision, as a live forecast is.
    forecasts = inputs["FR"].forecasts.with_columns(
        as_of_utc=pl.lit(instant), newest_input_utc=pl.lit(instant)
    )
    live = replace(inputs["FR"], forecasts=forecasts, now=instant, is_live=True)
    for state in (TradingState.ACTIVE, TradingState.HALTED):
        first = walk_signals(replace(live, trading_state=state), [day], empty_book())
        early = {day: EarlyDecision(as_of_utc=instant, trading_state=state, is_live=True)}
        again = replace(live, now=LATER, is_live=False, early_decisions=early)
        assert walk_signals(again, [day], empty_book()).signals.equals(first.signals)
        assert first.signals["mode"].unique().to_list() == ["live"]
        assert (first.signals["volume_mw"].sum() > 0) is (state is TradingState.ACTIVE)


def test_money_that_is_older_than_the_horizon_is_forgotten(inputs: dict[str, WalkInputs]) -> None:
    made = walk_signals(inputs["FR"], DAYS[:2], empty_book())
    money = settle_walked(inputs["FR"], made, DAYS[:2]).with_columns(pnl_eur=pl.lit(-100.0))
    day = DAYS[5]
    for age, is_seen in ((MONEY_DAYS, True), (MONEY_DAYS + 1, False)):
        old = money.with_columns(delivery_day=pl.lit(day - timedelta(days=age)))
        walked = walk_signals(
            inputs["FR"], [day], Book(signals=empty_book().signals, settlements=old)
        ).conformance
        used = walked.filter(limit_name="max_drawdown_eur", scope="desk")["used"]
        assert (number(used.max()) > 0) is is_seen
