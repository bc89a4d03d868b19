"""The verdict on a zone and the limits that follow from its backtest."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl
import pytest

from spot.backtest.advice import advise, propose_limits
from spot.backtest.coverage import Coverage
from spot.backtest.judged import JudgedStrategy
from spot.contracts.signal_tables import SETTLEMENTS
from spot.market.delivery import days_between, delivery_starts_utc
from spot.risk.limit_book import LIMIT_KINDS
from spot.strategy.proposals.storage import Storage

FIRST = date(2025, 3, 3)
GOOD = {"n_days": 40, "mae_eur_per_mwh": 9.0, "naive_mae_eur_per_mwh": 12.0}


def judged(pnl: Sequence[float], *, mw: float = 4.0) -> JudgedStrategy:
    """A battery with one filled hour a day that earned `pnl`."""
    days = days_between(FIRST, FIRST + timedelta(days=len(pnl) - 1))
    rows = [
        dict.fromkeys(SETTLEMENTS.columns)
        | {
            "zone": "NL",
            "delivery_day": day,
            "delivery_start_utc": delivery_starts_utc("NL", day)[0],
            "strategy": "storage",
            "side": "buy",
            "settled_against": "nothing",
            "exposure_mw": mw,
            "filled_mwh": mw,
            "unfilled_mwh": 0.0,
            "pnl_eur": earned,
            "perfect_foresight_eur": abs(earned),
            **dict.fromkeys(("fees_eur", "slippage_eur", "imbalance_cost_eur", "degradation_eur"), 0.0),
        }
        for day, earned in zip(days, pnl, strict=True)
    ]
    return JudgedStrategy(
        strategy=Storage(strategy="storage"),
        coverage=Coverage(asked=days, judged=days, n_forecast=len(days)),
        settlements=pl.DataFrame(rows, schema=SETTLEMENTS.schema),
        rivals={},
    )


WINNER = judged([50.0 + at % 7 for at in range(40)])
LOSER = judged([-50.0 - at % 7 for at in range(40)])


def test_a_strategy_with_an_edge_is_traded() -> None:
    advice = advise([WINNER], **GOOD)  # type: ignore[arg-type]
    assert advice.trades
    assert advice.strategies == ("storage",)
    assert advice.reasons[-1].startswith("storage: edge (2,")


@pytest.mark.parametrize(
    ("strategies", "facts", "reason"),
    [
        ([LOSER], {}, "storage: no edge: it loses money after costs"),
        ([WINNER], {"n_days": 27}, "only 27 days could be forecast, 28 are needed"),
        ([WINNER], {"mae_eur_per_mwh": 12.0}, "the weekly naive one of 12.00: it is no better"),
        ([WINNER], {"mae_eur_per_mwh": float("nan")}, "it is no better"),
        ([], {}, "no strategy of the zone has the prices that settle it"),
    ],
)
def test_what_speaks_against_trading_is_said(
    strategies: list[JudgedStrategy], facts: dict[str, float], reason: str
) -> None:
    advice = advise(strategies, **{**GOOD, **facts})  # type: ignore[arg-type]
    assert not advice.trades
    assert reason in advice.reasons[-1]


def test_limits_lie_above_what_the_backtest_used_and_lost() -> None:
    limits = propose_limits([judged([30.0, -340.0] * 20)])
    assert set(limits) <= set(LIMIT_KINDS)
    assert (limits["max_mw_per_mtu"], limits["max_mwh_per_day"]) == (4.0, 4.0)
    assert limits["max_daily_loss_eur"] == 680.0
    assert limits["max_drawdown_eur"] >= limits["max_daily_loss_eur"]
    assert limits["max_expected_shortfall_eur"] >= limits["max_value_at_risk_eur"] >= 200.0


def test_without_trades_there_is_nothing_to_limit() -> None:
    assert propose_limits([]) == {}
    assert propose_limits([judged([0.0] * 30, mw=0.0)]) == {}
