from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.signal_tables import BID_CURVES, SETTLEMENTS, SIGNALS
from spot.contracts.table import check_rows
from spot.errors import ConfigurationError, ContractError
from spot.market.delivery import delivery_starts_utc
from spot.risk.fees import FeeRule, FeeSchedule
from spot.risk.fills import settle
from spot.risk.outcomes import build_outcomes, zone_outcomes
from tests.support.narrow import some

DAY = date(2025, 6, 3)
STARTS = delivery_starts_utc("SK", DAY)
FEES = FeeSchedule(
    rules=(
        FeeRule(
            valid_from=date(2020, 1, 1),
            day_ahead_fee_eur_per_mwh=9.0,
            reference_fee_eur_per_mwh=9.0,
            slippage_eur_per_mwh=9.0,
        ),
        FeeRule(
            valid_from=DAY,
            day_ahead_fee_eur_per_mwh=0.1,
            reference_fee_eur_per_mwh=0.2,
            slippage_eur_per_mwh=0.3,
        ),
    )
)


def _raw(
    table: str,
    values: Sequence[float | None],
    *,
    minutes: int = 60,
    series: str | None = None,
    known: datetime | None = None,
    day: date = DAY,
) -> pl.DataFrame:
    contract = next(contract for contract in RAW_TABLES if contract.name == table)
    starts = delivery_starts_utc("SK", day, minutes)[: len(values)]
    frame = {
        "zone": "SK",
        "series": series or some(contract.columns["series"].allowed)[0],
        "delivery_day": day,
        "delivery_start_utc": list(starts),
        "resolution_minutes": minutes,
        "price_eur_per_mwh": values,
        "volume_mwh": None,
        "available_at_utc": known or starts[-1] + timedelta(hours=3),
        "availability": "rule",
        "source": "files",
    }
    return pl.DataFrame({name: frame[name] for name in contract.columns}, schema=contract.schema)


def _signals(
    *rows: tuple[float | str | None, ...],
    settled_against: str = "intraday_vwap",
    is_firm: bool = False,
    market: str = "day_ahead",
) -> pl.DataFrame:
    filled = []
    for start, (side, volume, limit) in zip(STARTS, rows, strict=False):
        row = dict.fromkeys(SIGNALS.columns) | {
            "signal_id": str(start),
            "zone": "SK",
            "delivery_day": DAY,
            "delivery_start_utc": start,
            "resolution_minutes": 60,
            "strategy": "settlement_spread",
            "role": "champion",
            "model_version": "1",
            "side": side,
            "volume_mw": volume,
            "limit_price_eur_per_mwh": limit,
            "settled_against": settled_against,
            "is_firm": is_firm,
            "mode": "paper",
            "market": market,
        }
        filled.append(row)
    return pl.DataFrame(filled, schema=SIGNALS.schema)


def _outcomes(day_ahead: list[float], reference: list[float | None] | None = None) -> pl.DataFrame:
    return build_outcomes(
        _raw("day_ahead_prices", day_ahead), None if reference is None else _raw("intraday_prices", reference)
    )


def test_a_spread_earns_the_difference_minus_dated_costs() -> None:
    money = settle(
        _signals(("buy", 2.0, 200.0), ("sell", 1.0, 50.0), ("flat", 0.0, None)),
        _outcomes([100.0, 80.0, 70.0], [110.0, 75.0, 0.0]),
        FEES,
    )
    assert check_rows(money, SETTLEMENTS).rejected.is_empty()
    assert money["gross_pnl_eur"].to_list() == [20.0, 5.0, 0.0]
    assert money["fees_eur"].to_list() == pytest.approx([0.6, 0.3, 0.0])
    assert money["slippage_eur"].to_list() == pytest.approx([0.6, 0.3, 0.0])
    assert money["pnl_eur"].to_list() == pytest.approx([18.8, 4.4, 0.0])


def test_limits_decide_the_fill() -> None:
    money = settle(
        _signals(("buy", 1.0, 99.0), ("buy", 1.0, 100.0), ("sell", 1.0, 101.0)),
        _outcomes([100.0] * 3, [200.0] * 3),
        FEES,
    )
    assert money["filled_mwh"].to_list() == [0.0, 1.0, 0.0]
    assert money["unfilled_mwh"].to_list() == [1.0, 0.0, 1.0]
    assert money["pnl_eur"].to_list() == pytest.approx([0.0, 99.4, 0.0])
    assert [str(value) for value in money.select("exposure_mw", "gross_pnl_eur", "pnl_eur").row(2)] == [
        "0.0"
    ] * 3


@pytest.mark.parametrize(
    ("side", "limit", "last", "is_filled"),
    [("buy", 40.0, 69.0, True), ("buy", 40.0, 71.0, False), ("sell", 40.0, 71.0, True)],
)
def test_a_block_is_filled_whole_or_not_at_the_mean_weighted_by_volume(
    side: str, limit: float, last: float, is_filled: bool
) -> None:
    """2 MW at 25 and 1 MW at about 70.

    The mean is about 40, although one unit is beyond its limit either way.
    """
    signals = _signals((side, 2.0, limit), (side, 1.0, limit), ("flat", 0.0, None), market="day_ahead_block")
    money = settle(signals, _outcomes([25.0, last, 500.0], [40.0] * 3), FEES)
    assert money["filled_mwh"].to_list() == ([2.0, 1.0, 0.0] if is_filled else [0.0, 0.0, 0.0])
    assert money["unfilled_mwh"].sum() == (0.0 if is_filled else 3.0)


def test_a_block_with_a_price_missing_is_not_settled_in_part() -> None:
    signals = _signals(("buy", 1.0, 50.0), ("buy", 1.0, 50.0), market="day_ahead_block")
    assert settle(signals, _outcomes([25.0, 30.0], [40.0, None]), FEES).is_empty()


def _curve(start: datetime, *steps: tuple[float, float]) -> pl.DataFrame:
    """Rows of `bid_curves` of the signal that starts at `start`: (price, accumulated MW) per step."""
    rows = [
        dict.fromkeys(BID_CURVES.columns)
        | {
            "signal_id": str(start),
            "step": i,
            "price_eur_per_mwh": price,
            "volume_mw": volume,
        }
        for i, (price, volume) in enumerate(steps, start=1)
    ]
    return pl.DataFrame(rows, schema=BID_CURVES.schema)


@pytest.mark.parametrize(
    ("clearing", "bought", "sold"),
    [(60.0, 3.0, 0.0), (90.0, 2.0, 0.0), (100.0, 1.0, 1.0), (101.0, 0.0, 1.0), (120.0, 0.0, 3.0)],
)
def test_a_curve_is_filled_up_to_the_last_step_in_reach(clearing: float, bought: float, sold: float) -> None:
    signals = _signals(("buy", 3.0, 500.0), ("sell", 3.0, -500.0), ("buy", 2.0, 500.0))
    curves = pl.concat(
        [
            _curve(STARTS[0], (100.0, 1.0), (90.0, 2.0), (80.0, 3.0)),
            _curve(STARTS[1], (100.0, 1.0), (110.0, 2.0), (120.0, 9.0)),
        ]
    )
    money = settle(signals, _outcomes([clearing] * 3, [clearing + 10.0] * 3), FEES, bid_curves=curves)
    # The third signal has no curve: it is one order at its limit price.
    assert money["exposure_mw"].to_list() == [bought, -sold, 2.0]
    assert money["unfilled_mwh"].to_list() == [3.0 - bought, 3.0 - sold, 0.0]
    assert money["gross_pnl_eur"].to_list() == pytest.approx([10.0 * bought, -10.0 * sold, 20.0])


def test_a_physical_position_keeps_the_auction_price_and_makes_good_what_was_not_filled() -> None:
    signals = _signals(
        ("buy", 1.0, 500.0), ("sell", 1.0, 0.0), ("buy", 2.0, 10.0), settled_against="nothing", is_firm=True
    )
    outcomes = _outcomes([20.0, 90.0, 30.0]).with_columns(
        imbalance_price_eur_per_mwh=pl.Series([0.0, 0.0, 45.0])
    )
    money = settle(signals, outcomes, FEES, degradation_eur_per_mwh=4.0)
    assert money["gross_pnl_eur"].to_list() == [-20.0, 90.0, 0.0]
    assert money["imbalance_cost_eur"].to_list() == [0.0, 0.0, 90.0]
    assert money["degradation_eur"].to_list() == [0.0, 4.0, 0.0]
    assert money["pnl_eur"].to_list() == pytest.approx([-20.1, 85.9, -90.0])
    unknown = settle(signals, _outcomes([20.0, 90.0, 30.0]), FEES)
    assert unknown["imbalance_cost_eur"].to_list() == [0.0, 0.0, 160.0]


@pytest.mark.parametrize("minutes", [60, 15])
def test_the_cost_of_missing_firm_energy_is_known_when_its_price_is(minutes: int) -> None:
    signals = _signals(("buy", 1.0, 500.0), ("buy", 2.0, 10.0), settled_against="nothing", is_firm=True)
    auction, later = STARTS[0] - timedelta(hours=10), STARTS[0] + timedelta(days=2)
    n_units = 2 * 60 // minutes
    raw = {
        "day_ahead_prices": _raw("day_ahead_prices", [20.0] * n_units, known=auction, minutes=minutes),
        "imbalance_prices": _raw("imbalance_prices", [45.0] * n_units, known=later, minutes=minutes),
    }
    money = settle(signals, zone_outcomes(raw, zone="SK", settled_against="nothing"), FEES)
    assert money["imbalance_cost_eur"].to_list() == [0.0, 90.0]
    assert money["known_at_utc"].to_list() == [auction, later]
    spread = settle(
        _signals(("buy", 2.0, 10.0), settled_against="imbalance"),
        zone_outcomes(raw, zone="SK", settled_against="imbalance"),
        FEES,
    )
    assert spread["known_at_utc"].to_list() == [later]


def test_what_has_no_price_yet_is_left_out_and_not_guessed() -> None:
    signals = _signals(("buy", 1.0, 500.0), ("buy", 1.0, 500.0), ("buy", 1.0, 500.0))
    assert settle(signals, _outcomes([1.0, 2.0], [None, 3.0]), FEES).height == 1
    assert settle(signals, _outcomes([1.0]), FEES).is_empty()
    assert settle(signals.clear(), _outcomes([1.0]), FEES).schema == SETTLEMENTS.empty().schema


def test_finer_second_prices_are_averaged_only_when_complete_and_coarser_ones_hold_for_all_parts() -> None:
    quarters = _raw("intraday_prices", [10.0, 20.0, 30.0, 40.0, 5.0, 5.0, 5.0], minutes=15)
    outcomes = build_outcomes(_raw("day_ahead_prices", [1.0, 2.0]), quarters)
    assert outcomes["reference_price_eur_per_mwh"].to_list() == [25.0, None]
    fine = build_outcomes(
        _raw("day_ahead_prices", [1.0] * 8, minutes=15), _raw("imbalance_prices", [7.0, 9.0], minutes=60)
    )
    assert fine["reference_price_eur_per_mwh"].to_list() == [7.0] * 4 + [9.0] * 4


def test_revisions_count_from_the_instant_they_were_known() -> None:
    early, late = STARTS[0] + timedelta(days=2), STARTS[0] + timedelta(days=30)
    imbalance = pl.concat(
        [_raw("imbalance_prices", [10.0], known=early), _raw("imbalance_prices", [99.0], known=late)]
    )
    prices = _raw("day_ahead_prices", [1.0])
    assert build_outcomes(prices, imbalance, as_of_utc=late - timedelta(seconds=1))[
        "reference_price_eur_per_mwh"
    ].to_list() == [10.0]
    assert build_outcomes(prices, imbalance, as_of_utc=late)["reference_price_eur_per_mwh"].to_list() == [
        99.0
    ]
    assert build_outcomes(prices, imbalance)["known_at_utc"].to_list() == [late]
    assert build_outcomes(prices, imbalance, as_of_utc=STARTS[0]).is_empty()


def test_prices_of_another_resolution_are_brought_to_the_signals() -> None:
    hourly = _signals(("buy", 1.0, 500.0), ("buy", 1.0, 500.0), settled_against="nothing")
    fine = build_outcomes(_raw("day_ahead_prices", [10.0, 20.0, 30.0, 40.0, 7.0, 7.0, 7.0], minutes=15))
    assert settle(hourly, fine, FEES)["day_ahead_price_eur_per_mwh"].to_list() == [25.0]
    one = hourly.head(1).with_columns(resolution_minutes=pl.lit(15, pl.Int32))
    quarters = pl.concat(
        [one.with_columns(pl.col("delivery_start_utc") + timedelta(minutes=15 * i)) for i in range(4)]
    )
    money = settle(quarters, build_outcomes(_raw("day_ahead_prices", [40.0])), FEES)
    assert money["day_ahead_price_eur_per_mwh"].to_list() == [40.0] * 4
    assert money["gross_pnl_eur"].sum() == -40.0


def test_signals_without_their_columns_are_refused() -> None:
    with pytest.raises(ContractError, match="lack the columns"):
        settle(pl.DataFrame({"zone": ["SK"]}), _outcomes([1.0]), FEES)


def test_fees_need_a_rule_for_the_day() -> None:
    with pytest.raises(ConfigurationError, match="no fee rule"):
        FEES.on(date(2019, 12, 31))
