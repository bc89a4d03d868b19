"""The trading backtest: it uses what was known, it equals live, and its figures are right."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from spot.backtest.assumptions import Assumptions
from spot.backtest.data import BacktestData
from spot.backtest.trading import BacktestResult, BacktestSetup, backtest_setup, run_backtest
from spot.backtest.trading_report import (
    Verdict,
    attribution,
    compare_with,
    daily_pnl,
    equity_curve,
    trading_figures,
)
from spot.contracts.signal_tables import BID_CURVES, LIMIT_CONFORMANCE, RISK_EVENTS, SETTLEMENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.errors import ConfigurationError
from spot.market.delivery import days_between, delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.risk.limit_book import LimitBook
from spot.simulation.market import simulate
from spot.strategy.interface import Strategy
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.view import LEVELS
from spot.strategy.spread.model import CatBoostSpread, CatBoostSpreadSettings
from spot.strategy.spread.sources import FittedSpread, NaiveSpread, SpreadAtGate
from spot.walk.inputs import Book
from spot.walk.signals import walk_signals
from tests.support.narrow import some
from tests.support.sample_market import make_book, make_forecast

ZONE = "SK"
FIRST, LAST = date(2025, 9, 27), date(2025, 10, 4)
DAYS = days_between(FIRST, LAST)
SPREAD = SettlementSpread(settled_against="imbalance", min_edge_ratio=0.0, takes_curve=True)


@pytest.fixture(scope="module")
def data() -> BacktestData:
    """A simulated market over the change to quarter hours, with forecasts around the truth."""
    raw = simulate(ZONE, FIRST - timedelta(days=130), LAST, seed=3).tables
    prices = raw["day_ahead_prices"]
    rng = np.random.default_rng(0)
    forecasts = []
    for day in DAYS:
        truth = (
            prices.filter(pl.col("delivery_day") == day)
            .sort("delivery_start_utc")["price_eur_per_mwh"]
            .to_numpy()
        )
        forecasts.append(make_forecast(day, truth + rng.normal(0, 3, len(truth)), half_width=8.0))
    return BacktestData(zone=ZONE, raw=raw, forecasts=pl.concat(forecasts))


def setup_of(
    data: BacktestData, strategy: Strategy, limits: LimitBook | None = None, *, resume_after_days: int = 0
) -> BacktestSetup:
    assumed = Assumptions(resume_after_days=resume_after_days)
    return backtest_setup(data, (strategy,), limits or make_book(), DAYS, spread_sources={}, assumed=assumed)


@pytest.fixture(scope="module")
def result(data: BacktestData) -> BacktestResult:
    return run_backtest(setup_of(data, Storage()), DAYS)


def test_a_backtest_writes_every_table_of_a_live_desk(data: BacktestData) -> None:
    made = run_backtest(setup_of(data, SPREAD), DAYS)
    tables = (
        (SIGNALS, made.walked.signals),
        (SETTLEMENTS, made.settlements),
        (RISK_EVENTS, made.walked.events),
        (LIMIT_CONFORMANCE, made.walked.conformance),
        (BID_CURVES, made.walked.bid_curves),
    )
    for contract, frame in tables:
        assert check_rows(frame, contract).rejected.is_empty()
    assert made.walked.signals.height == sum(len(delivery_starts_utc(ZONE, day)) for day in DAYS)


def test_a_backtest_equals_a_live_decision_with_only_what_was_known(
    data: BacktestData, result: BacktestResult
) -> None:
    """The live desk reads tables cut at its gate; the same signals come out, ids included."""
    day = DAYS[4]
    gate = gate_closure_utc(ZONE, day)
    setup = setup_of(data, Storage())
    cut = {name: frame.filter(pl.col("available_at_utc") <= gate) for name, frame in data.raw.items()}
    live = replace(setup.inputs, raw=cut, now=gate)
    earlier = pl.col("delivery_day") < day
    book = Book(signals=result.walked.signals.filter(earlier), settlements=result.settlements.filter(earlier))
    decided = walk_signals(live, [day], book)
    assert decided.signals.equals(result.walked.signals.filter(pl.col("delivery_day") == day))
    assert decided.conformance.equals(result.walked.conformance.filter(pl.col("delivery_day") == day))


@pytest.mark.parametrize("strategy", [SPREAD, Storage()])
def test_later_prices_change_no_decision(data: BacktestData, strategy: SettlementSpread | Storage) -> None:
    """A planted leak: every price after a gate is moved by 1,000 EUR/MWh; the signals of that gate stay."""
    day = DAYS[3]
    gate = gate_closure_utc(ZONE, day)
    added = pl.when(pl.col("available_at_utc") > gate).then(1000.0).otherwise(0.0)
    priced = {name: frame for name, frame in data.raw.items() if "price_eur_per_mwh" in frame.columns}
    moved = {name: frame.with_columns(pl.col("price_eur_per_mwh") + added) for name, frame in priced.items()}
    first, second = (
        run_backtest(setup_of(replace(data, raw=raw), strategy), [day]).walked.signals
        for raw in (data.raw, moved)
    )
    assert first.equals(second)


def test_dead_prices_block_although_a_load_forecast_came_in(data: BacktestData) -> None:
    day = DAYS[4]
    prices = data.raw["day_ahead_prices"].filter(pl.col("delivery_day") <= day - timedelta(days=5))
    dead = replace(data, raw={**data.raw, "day_ahead_prices": prices})
    limits = make_book(max_data_age_hours={"limit": 48, "action": "block"})
    fresh = run_backtest(setup_of(data, Storage(), limits), [day]).walked
    assert fresh.signals["volume_mw"].sum() > 0.0
    blocked = run_backtest(setup_of(dead, Storage(), limits), [day]).walked
    assert blocked.signals["volume_mw"].sum() == 0.0
    breach = blocked.events.filter(pl.col("limit_name") == "max_data_age_hours").row(0, named=True)
    assert breach["value"] == pytest.approx(119.0, abs=0.2)


def test_a_good_forecast_earns_most_of_perfect_foresight_and_never_more(result: BacktestResult) -> None:
    figures = trading_figures(result.settlements, DAYS)
    assert 0.8 < figures.share_of_perfect <= 1.0
    daily = result.settlements.group_by("delivery_day").agg(pl.col("pnl_eur", "perfect_foresight_eur").sum())
    assert (daily["pnl_eur"] <= daily["perfect_foresight_eur"] + 1e-3).all()


@pytest.mark.parametrize(
    ("resume_after_days", "halted"),
    [(0, []), (1, [1, 3, 5, 7]), (2, [1, 2, 4, 5, 7]), (30, [1, 2, 3, 4, 5, 6, 7])],
)
def test_a_zone_that_a_limit_halted_is_resumed_when_the_backtest_says_so(
    data: BacktestData, resume_after_days: int, halted: list[int]
) -> None:
    limits = make_book(max_mw_per_mtu={"limit": 0.01, "action": "halt"})
    setup = setup_of(data, Storage(), limits, resume_after_days=resume_after_days)
    made = run_backtest(setup, DAYS).walked.signals
    states = made.group_by("delivery_day", maintain_order=True).agg(pl.col("trading_state").first())
    assert [i for i, state in enumerate(states["trading_state"].to_list()) if state == "HALTED"] == halted
    assert made["volume_mw"].sum() == 0.0
    (assumed,) = [row for row in setup.assumptions if row.parameter == "resume_after_days"]
    assert assumed.value == str(resume_after_days)


def test_nobody_resumes_a_zone_before_it_was_halted() -> None:
    with pytest.raises(ConfigurationError, match="before its halt"):
        Assumptions(resume_after_days=-1)


@pytest.mark.parametrize(
    ("assumed", "limit"),
    [
        (Assumptions(model_age_days=400.0), {"max_model_age_days": {"limit": 300, "action": "block"}}),
        (Assumptions(drift_status="cannot_see"), {"max_drift_level": {"limit": 2, "action": "block"}}),
    ],
)
def test_what_a_backtest_assumes_of_model_and_drift_is_what_the_limits_are_asked(
    data: BacktestData, assumed: Assumptions, limit: dict[str, dict[str, int | str]]
) -> None:
    for taken, trades in ((Assumptions(), True), (assumed, False)):
        setup = backtest_setup(data, (Storage(),), make_book(**limit), DAYS, spread_sources={}, assumed=taken)
        assert (run_backtest(setup, DAYS[:2]).walked.signals["volume_mw"].sum() > 0) is trades


def test_figures_of_a_known_ledger() -> None:
    days = days_between(date(2025, 1, 1), date(2025, 1, 20))
    gains = [10.0, -5.0] * 10
    ledger = _ledger(days, gains)
    figures = trading_figures(ledger, days)
    assert figures.pnl_eur == 50.0
    assert figures.hit_rate_days == 0.5
    assert figures.max_drawdown_eur == 5.0
    assert figures.share_of_perfect == pytest.approx(50.0 / 400.0)
    assert figures.sharpe == pytest.approx(np.mean(gains) / np.std(gains, ddof=1) * np.sqrt(365))
    assert equity_curve(ledger, days)["equity_eur"][-1] == 50.0
    assert daily_pnl(ledger, [*days, date(2025, 2, 1)])[-1] == 0.0
    assert attribution(ledger, "month")["pnl_eur"].to_list() == [50.0]
    assert attribution(ledger, "direction").rows_by_key("direction")["buy"][0][3] == 100.0


@pytest.mark.parametrize(
    ("gains", "verdict"),
    [
        ([5.0, 6.0] * 10, Verdict.EDGE),
        ([-1.0] * 20, Verdict.LOSES),
        ([30.0, -29.0] * 10, Verdict.NOT_SIGNIFICANT),
    ],
)
def test_the_verdict_is_honest(gains: list[float], verdict: Verdict) -> None:
    days = days_between(date(2025, 1, 1), date(2025, 1, 20))
    assert trading_figures(_ledger(days, gains), days).verdict is verdict
    assert verdict.has_edge is (verdict is Verdict.EDGE)
    assert trading_figures(_ledger(days, gains).clear(), days).verdict is Verdict.DID_NOT_TRADE
    assert trading_figures(_ledger(days[:3], gains[:3]), days[:3]).verdict is Verdict.TOO_FEW_DAYS


def test_the_comparison_is_paired_by_day() -> None:
    days = days_between(date(2025, 1, 1), date(2025, 1, 28))
    noise = np.random.default_rng(0).normal(0, 100, len(days))
    better, worse = _ledger(days, list(noise + 1.0)), _ledger(days, list(noise))
    versus = some(compare_with(better, worse, days))
    assert versus.mean == pytest.approx(1.0)
    assert versus.p_not_above < 0.01
    assert compare_with(better, worse, days[:10]) is None


def test_naive_rules_have_their_side(data: BacktestData) -> None:
    at_gate = SpreadAtGate(
        ZONE, DAYS[5], gate_closure_utc(ZONE, DAYS[5]), data.raw, data.features, "imbalance"
    )
    assert (some(NaiveSpread("always_buy").quantiles(at_gate)) > 0).all()
    assert (some(NaiveSpread("always_sell").quantiles(at_gate)) < 0).all()
    assert some(NaiveSpread("last_week").quantiles(at_gate)).shape == (96, 9)


def test_a_fitted_spread_model_learns_a_planted_spread_and_is_refitted_when_the_unit_changes(
    data: BacktestData,
) -> None:
    """In the planted market the second price is 30 above in the evening and 30 below at night."""
    raw = dict(data.raw)
    local = raw["day_ahead_prices"]["delivery_start_utc"].dt.convert_time_zone("Europe/Brussels").dt.hour()
    shift = pl.Series(np.where(local >= 17, 30.0, np.where(local < 6, -30.0, 0.0)))
    day_ahead = raw["day_ahead_prices"]
    raw["imbalance_prices"] = day_ahead.with_columns(
        price_eur_per_mwh=day_ahead["price_eur_per_mwh"] + shift,
        series=pl.lit("imbalance"),
        available_at_utc=pl.col("delivery_start_utc") + pl.duration(hours=25),
    )
    source = FittedSpread(
        lambda: CatBoostSpread(CatBoostSpreadSettings(iterations=60, learning_rate=0.2)), min_days=30
    )
    for day, width in ((date(2025, 9, 29), 24), (date(2025, 10, 3), 96)):
        at_gate = SpreadAtGate(ZONE, day, gate_closure_utc(ZONE, day), raw, data.features, "imbalance")
        quantiles = some(source.quantiles(at_gate))
        assert quantiles.shape == (width, len(LEVELS))
        assert (np.diff(quantiles, axis=1) >= 0).all()
        median = quantiles[:, 4]
        assert median[-width // 12 :].mean() > 15.0
        assert median[: width // 6].mean() < -15.0


def _ledger(days: tuple[date, ...], gains: list[float]) -> pl.DataFrame:
    rows = []
    for day, gain in zip(days, gains, strict=True):
        start = delivery_starts_utc(ZONE, day)[8]
        rows.append(
            dict.fromkeys(SETTLEMENTS.columns)
            | {
                "zone": ZONE,
                "delivery_day": day,
                "delivery_start_utc": start,
                "resolution_minutes": 60,
                "side": "buy" if gain > 0 else "sell",
                "filled_mwh": 1.0,
                "gross_pnl_eur": gain,
                "fees_eur": 0.0,
                "slippage_eur": 0.0,
                "imbalance_cost_eur": 0.0,
                "degradation_eur": 0.0,
                "pnl_eur": gain,
                "perfect_foresight_eur": 20.0,
            }
        )
    return pl.DataFrame(rows, schema=SETTLEMENTS.schema)
