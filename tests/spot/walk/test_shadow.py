"""Challengers of the spread decide on paper what the champion decides, with the same book and within the
same limits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.arrays import Floats
from spot.contracts.spread_tables import SPREAD_FORECASTS, SPREAD_QUANTILE_COLUMNS, SPREAD_SHADOW_SIGNALS
from spot.contracts.table import check_rows
from spot.lifecycle.spread_evidence import daily_spread_losses, scored_spreads
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.risk.outcomes import zone_outcomes
from spot.risk.state import TradingState
from spot.simulation.market import simulate
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.spread.sources import SpreadAtGate
from spot.walk.inputs import Book, WalkInputs, empty_book
from spot.walk.shadow import WalkedShadow, walk_shadow
from spot.walk.signals import settle_walked, walk_signals
from tests.support.narrow import instant
from tests.support.sample_market import make_book, make_forecast

ZONE, AGAINST = "FR", "imbalance"
FIRST, LAST = date(2025, 3, 27), date(2025, 4, 2)
DAYS = days_between(FIRST, LAST)
SPREAD = SettlementSpread(settled_against=AGAINST, distribution="catboost", min_edge_ratio=0.0)


@dataclass(frozen=True)
class Said:
    """A source that says one spread for every unit of its days."""

    spread: float
    number: str
    days: tuple[date, ...] = DAYS
    is_mute: bool = False

    def version(self, day: date, /) -> str | None:
        return self.number if day in self.days else None

    def quantiles(self, moment: SpreadAtGate) -> Floats | None:
        if self.is_mute or moment.day not in self.days:
            return None
        n_units = len(make_forecast(moment.day, zone=ZONE))
        return np.tile(self.spread + np.linspace(-4.0, 4.0, 9), (n_units, 1))


@pytest.fixture(scope="module")
def inputs() -> WalkInputs:
    return WalkInputs(
        zone=ZONE,
        strategies=(Storage(), SPREAD),
        forecasts=pl.concat([make_forecast(day, zone=ZONE) for day in DAYS]),
        raw=simulate(ZONE, FIRST - timedelta(days=40), LAST + timedelta(days=2), seed=3).tables,
        limits=make_book(max_gross_mw=6.0, max_mwh_per_day=90.0, max_change_mwh=60.0),
        now=gate_closure_utc(ZONE, LAST) + timedelta(days=2),
        trained_through={"7": FIRST - timedelta(days=3)},
        drift_status=dict.fromkeys(DAYS, "ok"),
        spread_sources={"settlement_spread": Said(30.0, "1")},
    )


def book_of(inputs: WalkInputs) -> Book:
    walked = walk_signals(inputs, DAYS, empty_book())
    return empty_book().with_rows([walked.signals], [settle_walked(inputs, walked, DAYS)])


def shadow(
    inputs: WalkInputs, *rivals: Said, days: Sequence[date] = DAYS, book: Book | None = None
) -> WalkedShadow:
    found: Mapping[str, tuple[Said, ...]] = {"settlement_spread": rivals}
    return walk_shadow(inputs, days, book_of(inputs) if book is None else book, found)


def test_one_that_says_what_the_champion_says_trades_what_it_trades(inputs: WalkInputs) -> None:
    walked = shadow(inputs, Said(30.0, "2"))
    book = book_of(inputs).signals.filter(pl.col("strategy") == "settlement_spread")
    told = ("delivery_start_utc", "side", "volume_mw", "limit_price_eur_per_mwh", "limits_applied", "reasons")
    assert walked.signals.select(told).equals(book.select(told))
    assert (book["side"] != "flat").any()
    assert walked.signals.select(
        "role", "mode", "model_version", "strategy_model_version"
    ).unique().rows() == [("challenger", "paper", "7", "2")]
    assert not set(walked.signals["signal_id"]) & set(book["signal_id"])
    for rows, contract in ((walked.signals, SPREAD_SHADOW_SIGNALS), (walked.forecasts, SPREAD_FORECASTS)):
        assert check_rows(rows, contract).rejected.is_empty()
    quantiles = walked.forecasts.select(*SPREAD_QUANTILE_COLUMNS.values(), "role").unique()
    assert quantiles.height == 2
    assert set(walked.forecasts.select("role", "model_version").unique().rows()) == {
        ("champion", "1"),
        ("challenger", "2"),
    }


def test_what_one_says_depends_on_no_other_and_on_no_block(inputs: WalkInputs) -> None:
    book, later = book_of(inputs), Said(-30.0, "3", days=DAYS[3:])
    both = shadow(inputs, Said(5.0, "2"), later, book=book)
    alone = shadow(inputs, later, book=book)
    is_mine = pl.col("strategy_model_version") == "3"
    assert both.signals.filter(is_mine).equals(alone.signals)
    assert set(alone.signals["delivery_day"]) == set(DAYS[3:])
    assert (alone.signals["side"] == "sell").any()
    parts = [shadow(inputs, Said(5.0, "2"), later, days=[day], book=book) for day in DAYS]
    assert pl.concat([part.signals for part in parts]).equals(both.signals)
    assert pl.concat([part.forecasts for part in parts]).equals(both.forecasts)


def test_strategies_that_decide_later_on_the_day_are_not_seen(inputs: WalkInputs) -> None:
    turned = replace(inputs, strategies=(SPREAD, Storage()))
    book = book_of(turned)
    without = Book(
        signals=book.signals.filter((pl.col("strategy") != "storage") | (pl.col("delivery_day") != DAYS[2])),
        settlements=book.settlements,
    )
    whole, cut = (shadow(turned, Said(30.0, "2"), days=[DAYS[2]], book=one) for one in (book, without))
    assert whole.signals.equals(cut.signals)


def test_a_mute_one_leaves_no_row_and_a_day_without_one_none_at_all(inputs: WalkInputs) -> None:
    walked = shadow(inputs, Said(30.0, "2", is_mute=True))
    assert walked.signals.is_empty()
    assert walked.forecasts["role"].unique().to_list() == ["champion"]
    nothing = shadow(inputs, Said(30.0, "2", days=()))
    assert nothing.signals.is_empty()
    assert nothing.forecasts.is_empty()


def test_a_halted_desk_halts_the_shadow_too_while_the_gate_is_open(inputs: WalkInputs) -> None:
    now = gate_closure_utc(ZONE, DAYS[0]) - timedelta(minutes=30)
    halted = replace(inputs, now=now, trading_state=TradingState.HALTED, is_live=True)
    walked = shadow(halted, Said(30.0, "2"), days=[DAYS[0]], book=empty_book())
    assert walked.signals["side"].unique().to_list() == ["flat"]
    assert walked.signals["mode"].unique().to_list() == ["paper"]
    assert walked.signals["as_of_utc"].unique().to_list() == [now]


def test_evidence_counts_a_day_once_its_second_price_is_known_whole(inputs: WalkInputs) -> None:
    forecasts = shadow(inputs, Said(0.0, "2")).forecasts.filter(pl.col("role") == "challenger")
    outcomes = zone_outcomes(inputs.raw, zone=ZONE, settled_against=AGAINST).filter(
        pl.col("delivery_day") == DAYS[0]
    )
    known = instant(outcomes["known_at_utc"].max())
    before, at = (
        daily_spread_losses(scored_spreads(forecasts, inputs.raw, zone=ZONE, as_of_utc=as_of), DAYS)
        for as_of in (known - timedelta(seconds=1), known)
    )
    assert np.isnan(before[0])
    spreads = (
        outcomes.sort("delivery_start_utc")
        .select(pl.col("reference_price_eur_per_mwh") - pl.col("day_ahead_price_eur_per_mwh"))
        .to_series()
        .to_numpy()
    )
    levels = np.array(list(SPREAD_QUANTILE_COLUMNS))
    above = spreads[:, None] - np.linspace(-4.0, 4.0, 9)
    assert at[0] == pytest.approx(np.maximum(levels * above, (levels - 1.0) * above).mean())
    assert np.isfinite(at[0])
