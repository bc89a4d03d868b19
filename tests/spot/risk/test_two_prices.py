"""Areas that settle a surplus and a shortage at two prices: each direction closes at its own."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from spot.contracts.live_tables import IMBALANCE_PRICE_SIDES
from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.signal_tables import SIGNALS
from spot.contracts.table import TableContract
from spot.market.delivery import delivery_starts_utc
from spot.risk.fees import FeeRule, FeeSchedule
from spot.risk.fills import settle
from spot.risk.outcomes import zone_outcomes
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.settle import settle_signals

DAY = date(2025, 6, 3)
STARTS = delivery_starts_utc("CZ", DAY)
FREE = FeeSchedule(
    rules=(
        FeeRule(
            valid_from=date(2020, 1, 1),
            day_ahead_fee_eur_per_mwh=0.0,
            reference_fee_eur_per_mwh=0.0,
            slippage_eur_per_mwh=0.0,
        ),
    )
)
KNOWN = STARTS[0] + timedelta(days=1)
LONG, SHORT, AUCTION = [40.0, 120.0, 80.0], [60.0, 150.0, 130.0], [100.0, 100.0, 100.0]


def _rows(contract: TableContract, series: str, values: list[float], known: datetime) -> pl.DataFrame:
    frame = {
        "zone": "CZ",
        "series": series,
        "delivery_day": DAY,
        "delivery_start_utc": list(STARTS[: len(values)]),
        "resolution_minutes": 60,
        "price_eur_per_mwh": values,
        "available_at_utc": known,
        "availability": "rule",
        "source": "entsoe",
    }
    return pl.DataFrame({name: frame[name] for name in contract.columns}, schema=contract.schema)


@pytest.fixture
def raw() -> Mapping[str, pl.DataFrame]:
    prices = next(one for one in RAW_TABLES if one.name == "day_ahead_prices")
    sides = [
        _rows(IMBALANCE_PRICE_SIDES, series, values, KNOWN)
        for series, values in (("long", LONG), ("short", SHORT))
    ]
    return {
        "day_ahead_prices": _rows(prices, "day_ahead", AUCTION, STARTS[0] - timedelta(hours=10)),
        "imbalance_price_sides": pl.concat(sides),
    }


def signals(*sides: str, limit: float | None = None, **settled: object) -> pl.DataFrame:
    rows = []
    for start, side in zip(STARTS, sides, strict=False):
        row = {
            "signal_id": str(start),
            "zone": "CZ",
            "delivery_day": DAY,
            "delivery_start_utc": start,
            "resolution_minutes": 60,
            "strategy": "settlement_spread",
            "role": "champion",
            "model_version": "1",
            "side": side,
            "volume_mw": 0.0 if side == "flat" else 2.0,
            "limit_price_eur_per_mwh": limit,
            "settled_against": "imbalance",
            "is_firm": False,
            "mode": "paper",
            "market": "day_ahead",
            **settled,
        }
        rows.append(dict.fromkeys(SIGNALS.columns) | row)
    return pl.DataFrame(rows, schema=SIGNALS.schema)


def test_who_bought_closes_at_the_price_of_the_surplus_and_who_sold_at_that_of_the_shortage(
    raw: Mapping[str, pl.DataFrame],
) -> None:
    outcomes = zone_outcomes(raw, zone="CZ", settled_against="imbalance")
    money = settle(signals("buy", "sell", "flat"), outcomes, FREE)
    assert money["reference_price_eur_per_mwh"].to_list() == [40.0, 150.0, 105.0]
    assert money["pnl_eur"].to_list() == [2.0 * (40.0 - 100.0), -2.0 * (150.0 - 100.0), 0.0]
    assert money["known_at_utc"].unique().to_list() == [KNOWN]


def test_perfect_foresight_takes_the_direction_that_pays_at_its_own_price(
    raw: Mapping[str, pl.DataFrame],
) -> None:
    strategy = SettlementSpread(
        strategy="settlement_spread", settled_against="imbalance", fees=FREE, max_mw=1
    )
    outcomes = zone_outcomes(raw, zone="CZ", settled_against="imbalance")
    money = settle_signals(signals("flat", "flat", "flat"), outcomes, strategy)
    # Sell at 100 and buy back at 60; buy at 100 and be paid 120; between 80 and 130 nothing pays.
    assert money["perfect_foresight_eur"].to_list() == [40.0, 20.0, 0.0]


def test_nothing_is_settled_before_both_prices_are_known(raw: Mapping[str, pl.DataFrame]) -> None:
    only_long = {
        **raw,
        "imbalance_price_sides": raw["imbalance_price_sides"].filter(pl.col("series") == "long"),
    }
    outcomes = zone_outcomes(only_long, zone="CZ", settled_against="imbalance")
    assert settle(signals("buy", "sell"), outcomes, FREE).is_empty()
    early = zone_outcomes(raw, zone="CZ", settled_against="imbalance", as_of_utc=KNOWN - timedelta(seconds=1))
    assert early["reference_price_eur_per_mwh"].null_count() == early.height


def test_missing_firm_energy_is_bought_at_the_price_of_a_shortage(raw: Mapping[str, pl.DataFrame]) -> None:
    outcomes = zone_outcomes(raw, zone="CZ", settled_against="nothing")
    wanted = signals("buy", "buy", limit=0.0, is_firm=True, settled_against="nothing")
    assert settle(wanted, outcomes, FREE)["imbalance_cost_eur"].to_list() == [2.0 * 60.0, 2.0 * 150.0]
