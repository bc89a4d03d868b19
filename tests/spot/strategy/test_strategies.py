"""Settlement spread, price view and sizing against known truth."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spot.arrays import Floats
from spot.contracts.raw_tables import RAW_TABLES
from spot.errors import ConfigurationError
from spot.market.delivery import delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.risk.outcomes import reference_curve
from spot.strategy.proposals.price_view import PriceView, product_units
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.view import LEVELS, mean_of_quantiles, past_profiles, probability_above
from spot.strategy.settle import settle_signals
from spot.strategy.signals import decide_signals
from spot.strategy.sizing import round_towards_zero, size_by_edge
from spot.strategy.strategies import load_strategy
from tests.support.narrow import number, some
from tests.support.sample_market import ZONE, make_book, make_outcomes, make_request

DAY = date(2025, 6, 3)


@pytest.mark.parametrize(("spread", "side"), [(8.0, "buy"), (-8.0, "sell")])
def test_the_spread_is_traded_in_its_direction(spread: float, side: str) -> None:
    history = make_outcomes(DAY - timedelta(days=120), DAY - timedelta(days=2), spread=spread)
    frame = decide_signals(make_request(DAY, SettlementSpread(), history=history)).frame
    assert frame["side"].unique().to_list() == [side]
    np.testing.assert_allclose(frame["edge_eur_per_mwh"].to_numpy(), 8.0 - 0.65, atol=1.5)
    assert number(frame["probability_frac"].min()) > 0.8


def test_an_edge_below_the_costs_is_not_traded() -> None:
    history = make_outcomes(DAY - timedelta(days=120), DAY - timedelta(days=2), spread=0.1, noise=1.0)
    frame = decide_signals(make_request(DAY, SettlementSpread(), history=history)).frame
    assert frame["side"].unique().to_list() == ["flat"]
    assert (frame["edge_eur_per_mwh"] < 0).all()


def test_a_fitted_spread_model_wins_over_the_empirical_one() -> None:
    quantiles = np.tile(-20.0 + 10 * (LEVELS - 0.5), (24, 1))
    frame = decide_signals(make_request(DAY, SettlementSpread(), spread_quantiles=quantiles)).frame
    assert frame["side"].unique().to_list() == ["sell"]
    assert frame["volume_mw"].unique().to_list() == [10.0]


def test_price_view_takes_one_side_for_the_product_and_nothing_outside() -> None:
    frame = decide_signals(make_request(DAY, PriceView(product="peak", reference_eur_per_mwh=150.0))).frame
    local = frame["delivery_start_utc"].dt.convert_time_zone("Europe/Bratislava").dt.hour()
    inside = (local >= 8) & (local < 20)
    assert frame.filter(inside)["side"].unique().to_list() == ["buy"]
    assert frame.filter(inside)["volume_mw"].n_unique() == 1
    assert frame.filter(~inside)["side"].unique().to_list() == ["flat"]
    assert (frame.filter(inside)["limit_price_eur_per_mwh"] < 150.0).all()


def test_base_is_one_block_that_also_buys_its_dear_hours() -> None:
    """Hour by hour inside one price only the cheap hours would be bought, and no such base could lose."""
    settings = PriceView(product="base", reference_eur_per_mwh=120.0, max_mw=2.0)
    frame = decide_signals(make_request(DAY, settings)).frame
    assert frame["market"].unique().to_list() == ["day_ahead_block"]
    assert frame["probability_frac"].n_unique() == 1
    outcomes = make_outcomes(DAY, DAY, noise=0.0)
    shape = np.where(np.arange(outcomes.height) % 2, 20.0, 200.0)
    money = settle_signals(
        frame, outcomes.with_columns(day_ahead_price_eur_per_mwh=pl.Series(shape)), settings
    )
    assert money["filled_mwh"].to_list() == [2.0] * 24
    assert number(money["pnl_eur"].min()) < -100.0
    assert money["pnl_eur"].sum() == pytest.approx(24 * 2.0 * (120.0 - 110.0 - 0.65))
    assert money["perfect_foresight_eur"].sum() == pytest.approx(money["pnl_eur"].sum())
    dear = settle_signals(
        frame, outcomes.with_columns(day_ahead_price_eur_per_mwh=pl.Series(shape + 20.0)), settings
    )
    assert dear["filled_mwh"].sum() == dear["pnl_eur"].sum() == 0.0
    assert dear["perfect_foresight_eur"].sum() == pytest.approx(24 * 2.0 * (130.0 - 120.0 - 0.65))


def test_single_units_are_no_block() -> None:
    frame = decide_signals(make_request(DAY, PriceView(product="mtu", reference_eur_per_mwh=120.0))).frame
    assert frame["market"].unique().to_list() == ["day_ahead"]


def test_a_limit_that_cuts_one_hour_of_a_base_cuts_the_whole_block() -> None:
    settings = PriceView(product="base", reference_eur_per_mwh=120.0, max_mw=2.0)
    battery = decide_signals(make_request(DAY, Storage(power_mw=1.0))).frame
    assert 0 < battery.filter(pl.col("volume_mw") > 0.9).height < 24
    frame = decide_signals(
        make_request(DAY, settings, limits=make_book(max_gross_mw=2.5), desk_signals=battery)
    ).frame
    assert frame["volume_mw"].unique().to_list() == [1.5]


def test_price_view_without_a_reference_is_flat() -> None:
    assert decide_signals(make_request(DAY, PriceView())).frame["side"].unique().to_list() == ["flat"]


def test_peak_is_twelve_hours_on_working_days_only() -> None:
    assert product_units("peak", ZONE, delivery_starts_utc(ZONE, date(2025, 6, 6))).sum() == 12
    assert product_units("peak", ZONE, delivery_starts_utc(ZONE, date(2025, 6, 7))).sum() == 0
    assert product_units("offpeak", ZONE, delivery_starts_utc(ZONE, date(2025, 6, 6))).sum() == 12


@given(
    edge=st.lists(st.floats(-100, 100) | st.just(float("nan")), min_size=1, max_size=20),
    risk=st.floats(0.0, 100.0),
    max_mw=st.floats(0.1, 100.0),
)
def test_sizes_stay_within_bounds_and_grow_with_the_edge(
    edge: list[float], risk: float, max_mw: float
) -> None:
    edges = np.sort(np.array(edge))
    sizes = size_by_edge(
        edges, np.full(len(edges), risk), max_mw=max_mw, full_size_ratio=0.5, min_edge_ratio=0.05
    )
    assert ((sizes >= 0) & (sizes <= max_mw)).all()
    assert (sizes[~(edges > 0)] == 0).all()
    known = sizes[np.isfinite(edges)]
    assert (np.diff(known) >= 0).all()


@given(mw=st.floats(-1e4, 1e4), step=st.sampled_from([0.001, 0.1, 1.0]))
def test_rounding_never_makes_an_order_larger(mw: float, step: float) -> None:
    rounded = float(round_towards_zero(np.array([mw]), step)[0])
    assert abs(rounded) <= abs(mw)
    assert abs(mw) - abs(rounded) < step * (1 + 1e-6)


def test_mean_and_probability_of_a_uniform_distribution() -> None:
    quantiles = (100.0 * LEVELS)[None, :]
    assert mean_of_quantiles(quantiles)[0] == pytest.approx(50.0)
    np.testing.assert_allclose(
        probability_above(np.repeat(quantiles, 3, axis=0), np.array([50.0, 25.0, 1e9])), [0.5, 0.75, 0.025]
    )


def test_past_profiles_follow_the_local_clock_over_a_change_of_resolution_and_of_time() -> None:
    history = make_outcomes(date(2025, 9, 20), date(2025, 10, 31), noise=0.0)
    history = history.with_columns(
        day_ahead_price_eur_per_mwh=history["delivery_start_utc"]
        .dt.convert_time_zone("Europe/Brussels")
        .dt.hour()
        .cast(float)
    )
    starts = delivery_starts_utc(ZONE, date(2025, 11, 3))
    profiles = past_profiles(
        history, "day_ahead_price_eur_per_mwh", ZONE, starts, resolution_minutes=15, n_days=60
    )
    assert profiles.shape == (42, 96)
    np.testing.assert_array_equal(profiles, np.tile(np.repeat(np.arange(24.0), 4), (42, 1)))


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_mv"):
        load_strategy({"strategy": "storage", "max_mv": 3})
    with pytest.raises(ConfigurationError):
        load_strategy({"strategy": "martingale"})
    with pytest.raises(ConfigurationError):
        load_strategy({"strategy": "settlement_spread", "max_mw": float("nan")})


def _given(day: date, prices: list[float], *, known: datetime, minutes: int = 60) -> pl.DataFrame:
    """Rows of the series `reference_curve` that the desk gave at `known`."""
    contract = next(contract for contract in RAW_TABLES if contract.name == "intraday_prices")
    starts = delivery_starts_utc(ZONE, day, minutes)
    frame = {
        "zone": ZONE,
        "series": "reference_curve",
        "delivery_day": day,
        "delivery_start_utc": list(starts),
        "resolution_minutes": minutes,
        "price_eur_per_mwh": prices,
        "volume_mwh": None,
        "available_at_utc": known,
        "availability": "stated",
        "source": "files",
    }
    return pl.DataFrame({name: frame[name] for name in contract.columns}, schema=contract.schema)


def curve(raw: dict[str, pl.DataFrame], gate: datetime) -> Floats | None:
    starts = delivery_starts_utc(ZONE, DAY)
    return reference_curve(raw, zone=ZONE, starts_utc=starts, minutes=60, as_of_utc=gate)


def test_the_curve_that_the_desk_gave_by_the_gate_is_what_a_price_view_trades_and_closes_against() -> None:
    gate, settings = gate_closure_utc(ZONE, DAY), PriceView(product="mtu", max_mw=2.0)
    early, late = (
        _given(DAY, [130.0] * 24, known=gate - timedelta(hours=1)),
        _given(DAY, [0.0] * 24, known=gate + timedelta(hours=1)),
    )
    raw = {"intraday_prices": pl.concat([early, late])}
    reference = some(curve(raw, gate))
    assert reference.tolist() == [130.0] * 24
    assert curve({"intraday_prices": late}, gate) is None
    frame = decide_signals(make_request(DAY, settings, reference=reference)).frame
    bought = frame.filter(pl.col("side") == "buy")
    assert bought.height > 0
    money = settle_signals(frame, make_outcomes(DAY, DAY, noise=0.0), settings)
    assert money["reference_price_eur_per_mwh"].unique().to_list() == [130.0]
    row = money.filter(pl.col("side") == "buy").row(0, named=True)
    assert row["gross_pnl_eur"] == pytest.approx(
        row["filled_mwh"] * (130.0 - row["day_ahead_price_eur_per_mwh"])
    )
    assert money["perfect_foresight_eur"].sum() >= money["pnl_eur"].sum() > 0.0


def test_a_finer_curve_is_averaged_over_the_unit_and_a_gap_is_no_price() -> None:
    gate = gate_closure_utc(ZONE, DAY)
    quarters = _given(DAY, [10.0, 20.0, 30.0, 40.0] * 24, known=gate - timedelta(hours=1), minutes=15)
    reference = some(curve({"intraday_prices": quarters.slice(1)}, gate))
    assert np.isnan(reference[0])
    assert reference[1:].tolist() == [25.0] * 23
