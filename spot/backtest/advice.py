"""What a backtest of a zone says to do with it: trade or not, why, and within which limits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from spot.backtest.judged import JudgedStrategy
from spot.backtest.trading_report import daily_pnl, trading_figures

SENSIBLE_DAYS = 28
"""Days below which nothing is advised: four weeks hold each weekday four times. Chosen by hand."""
_ROOM = 2.0
"""How far a proposed limit lies above the worst of the backtest, as a factor: a backtest does not hold the
worst day to come. Chosen by hand.
"""
_LEAST_LOSS_EUR = 100.0
"""Losses below which a limit would stop trading over nothing. Chosen by hand."""
_ORDERED_MWH = pl.col("filled_mwh") + pl.col("unfilled_mwh")


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """The verdict on a zone."""

    trades: bool
    reasons: tuple[str, ...]
    """Why, one sentence for each thing that counts."""
    strategies: tuple[str, ...] = ()
    """The strategies that showed an edge."""


def advise(
    judged: Sequence[JudgedStrategy],
    *,
    n_days: int,
    mae_eur_per_mwh: float,
    naive_mae_eur_per_mwh: float,
) -> Advice:
    """Whether to trade the zone.

    Args:
        judged: the strategies that could be judged, each with its settlements.
        n_days: days that were forecast.
        mae_eur_per_mwh: mean absolute error of the forecasts.
        naive_mae_eur_per_mwh: the same of the weekly naive forecast on the same periods.
    """
    if n_days < SENSIBLE_DAYS:
        return Advice(
            trades=False, reasons=(f"only {n_days} days could be forecast, {SENSIBLE_DAYS} are needed",)
        )
    against = f"{mae_eur_per_mwh:.2f} EUR/MWh, the weekly naive one of {naive_mae_eur_per_mwh:.2f}"
    error = f"the forecast had a mean absolute error of {against}"
    if not mae_eur_per_mwh < naive_mae_eur_per_mwh:
        return Advice(trades=False, reasons=(f"{error}: it is no better",))
    if not judged:
        return Advice(trades=False, reasons=(error, "no strategy of the zone has the prices that settle it"))
    with_edge = tuple(one.strategy.strategy for one in judged if one.verdict.has_edge)
    return Advice(
        trades=bool(with_edge), reasons=(error, *(_of_strategy(one) for one in judged)), strategies=with_edge
    )


def _of_strategy(one: JudgedStrategy) -> str:
    figures = trading_figures(one.settlements, one.coverage.judged)
    chance = f", p = {figures.p_no_profit:.2g}" if np.isfinite(figures.p_no_profit) else ""
    return (
        f"{one.strategy.strategy}: {one.verdict.value} ({figures.pnl_eur:,.0f} EUR after costs in"
        f" {figures.n_days} days{chance})"
    )


def propose_limits(judged: Sequence[JudgedStrategy]) -> Mapping[str, float]:
    """Limits of the zone from what its strategies needed and lost in the backtest, with room above it.

    Kinds are those of `LIMIT_KINDS`: power of an order and energy of a day as used; loss of a day, drawdown,
    value at risk and expected shortfall at twice the worst. Nothing where no strategy traded.
    """
    traded = [one for one in judged if (one.settlements["filled_mwh"] > 0).any()]
    if not traded:
        return {}
    days = sorted({day for one in traded for day in one.coverage.judged})
    pnl = np.sum([daily_pnl(one.settlements, days) for one in traded], axis=0)
    figures = [trading_figures(one.settlements, one.coverage.judged) for one in traded]
    orders = pl.concat([one.settlements for one in traded])
    of_days = orders.group_by("delivery_day").agg(_ORDERED_MWH.sum().alias("mwh"))["mwh"].to_list()
    worst = max(_LEAST_LOSS_EUR, -float(pnl.min()))
    fall = max(worst, *(one.max_drawdown_eur for one in figures))
    at_risk = max(_LEAST_LOSS_EUR, sum(one.daily_value_at_risk_eur for one in figures))
    shortfall = max(at_risk, sum(one.daily_shortfall_eur for one in figures))
    return {
        "max_mw_per_mtu": _rounded(max(orders["exposure_mw"].abs().to_list())),
        "max_mwh_per_day": _rounded(max(of_days)),
        "max_daily_loss_eur": _rounded(_ROOM * worst),
        "max_drawdown_eur": _rounded(_ROOM * fall),
        "max_value_at_risk_eur": _rounded(_ROOM * at_risk),
        "max_expected_shortfall_eur": _rounded(_ROOM * shortfall),
    }


def _rounded(value: float) -> float:
    """The value rounded up to two digits."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1) if value > 0 else 1.0
    return round(math.ceil(round(value / step, 6)) * step, 6)
