"""What a backtest earned and risked.

One row of figures, attribution, and the comparison with a naive strategy on the same days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
import polars as pl

from spot.arrays import Bools, Floats
from spot.lifecycle.bootstrap import BootstrapResult, block_bootstrap
from spot.market.clock import local_time
from spot.risk.value_at_risk import max_drawdown_eur, tail_risk

DAYS_PER_YEAR = 365.0
"""Power is delivered on every day, so a year of a Sharpe ratio has all of them."""
MIN_BOOTSTRAP_DAYS = 14
"""Days below which an interval of the daily mean would say nothing: two blocks of a week."""
SIGNIFICANT = 0.05
"""Level of the tests, the usual one; fixed before any figure was seen."""


class Verdict(StrEnum):
    """Whether a strategy has an edge, as shown to people."""

    EDGE = "edge"
    EDGE_OVER_NAIVE = "edge over the naive forecast"
    NOT_SIGNIFICANT = "no significant edge: the profit may be luck"
    NOT_SIGNIFICANT_OVER_NAIVE = "no significant edge over the naive forecast"
    LOSES = "no edge: it loses money after costs"
    TOO_FEW_DAYS = "too few days to judge"
    DID_NOT_TRADE = "did not trade"

    @property
    def has_edge(self) -> bool:
        """Whether the verdict is that there is an edge."""
        return self in (Verdict.EDGE, Verdict.EDGE_OVER_NAIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingFigures:
    """Figures of one strategy's backtest. Ratios are NaN where they are undefined."""

    n_days: int
    n_traded_units: int
    energy_mwh: float
    pnl_eur: float
    pnl_eur_per_mwh: float
    daily_mean_eur: float
    daily_low_eur: float
    """Lower and upper end of the 90 % interval of the daily mean, block bootstrap."""
    daily_high_eur: float
    p_no_profit: float
    """Probability of a mean at least this high if there were no profit."""
    sharpe: float
    """Daily mean over daily standard deviation, times the root of 365."""
    hit_rate_days: float
    hit_rate_units: float
    """NaN for a battery: all hours in which it buys cost money, so the rate says nothing."""
    max_drawdown_eur: float
    daily_value_at_risk_eur: float
    daily_shortfall_eur: float
    costs_eur: float
    perfect_eur: float
    share_of_perfect: float

    @property
    def verdict(self) -> Verdict:
        """Whether the P&L shows an edge."""
        if self.n_traded_units == 0:
            return Verdict.DID_NOT_TRADE
        if not np.isfinite(self.p_no_profit):
            return Verdict.TOO_FEW_DAYS
        if self.pnl_eur <= 0:
            return Verdict.LOSES
        return Verdict.EDGE if self.p_no_profit < SIGNIFICANT else Verdict.NOT_SIGNIFICANT


def daily_pnl(settlements: pl.DataFrame, days: Sequence[date]) -> Floats:
    """(D,) net P&L of each day, EUR; a day without settled signals earned nothing."""
    sums = dict(
        settlements.group_by("delivery_day", maintain_order=True).agg(pl.col("pnl_eur").sum()).iter_rows()
    )
    return np.array([sums.get(day, 0.0) for day in days])


def trading_figures(settlements: pl.DataFrame, days: Sequence[date]) -> TradingFigures:
    """Figures of the settled signals over `days`; only days whose prices are known should be among them."""
    pnl = daily_pnl(settlements, days)
    traded = settlements.filter(pl.col("filled_mwh") > 0)
    energy, total = float(traded["filled_mwh"].sum()), float(pnl.sum())
    perfect = settlements.filter(pl.col("delivery_day").is_in(list(days)))["perfect_foresight_eur"]
    perfect_eur = float(perfect.sum()) if perfect.null_count() < len(perfect) else np.nan
    sure = _bootstrap(pnl)
    risk = tail_risk(pnl)
    deviation = float(pnl.std(ddof=1)) if len(pnl) > 1 else 0.0
    return TradingFigures(
        n_days=len(days),
        n_traded_units=traded.height,
        energy_mwh=energy,
        pnl_eur=total,
        pnl_eur_per_mwh=total / energy if energy > 0 else np.nan,
        daily_mean_eur=float(pnl.mean()) if len(pnl) else np.nan,
        daily_low_eur=sure.low if sure else np.nan,
        daily_high_eur=sure.high if sure else np.nan,
        p_no_profit=sure.p_not_above if sure else np.nan,
        sharpe=float(pnl.mean() / deviation * np.sqrt(DAYS_PER_YEAR)) if deviation > 0 else np.nan,
        hit_rate_days=_share(pnl[pnl != 0] > 0),
        hit_rate_units=_share(
            traded.filter(pl.col("settled_against") != "nothing")["pnl_eur"].to_numpy() > 0
        ),
        max_drawdown_eur=max_drawdown_eur(pnl),
        daily_value_at_risk_eur=risk.value_at_risk_eur,
        daily_shortfall_eur=risk.expected_shortfall_eur,
        costs_eur=float(
            sum(
                traded[name].sum()
                for name in ("fees_eur", "slippage_eur", "imbalance_cost_eur", "degradation_eur")
            )
        ),
        perfect_eur=perfect_eur,
        share_of_perfect=total / perfect_eur if np.isfinite(perfect_eur) and perfect_eur > 0 else np.nan,
    )


def compare_with(
    settlements: pl.DataFrame, naive: pl.DataFrame, days: Sequence[date]
) -> BootstrapResult | None:
    """Daily P&L minus that of a naive strategy on the same days.

    Mean, 90 % interval, chance of no difference; None with under 14 days.
    """
    return _bootstrap(daily_pnl(settlements, days) - daily_pnl(naive, days))


def attribution(settlements: pl.DataFrame, by: str) -> pl.DataFrame:
    """Energy, P&L and costs by `month`, `hour`, `direction`, `zone`, `model_version` or `strategy`.

    The first column has the name of `by`.
    """
    zones = settlements["zone"].unique().to_list()
    local = local_time(zones[0]) if zones else pl.col("delivery_start_utc")
    keys: Mapping[str, pl.Expr] = {
        "month": pl.col("delivery_day").dt.strftime("%Y-%m"),
        "hour": local.dt.hour().cast(pl.Int32),
        "direction": pl.col("side"),
    }
    return (
        settlements.with_columns(
            keys.get(by, pl.col(by) if by in settlements.columns else pl.lit("all")).alias(by)
        )
        .group_by(by, maintain_order=True)
        .agg(
            energy_mwh=pl.col("filled_mwh").sum(),
            gross_pnl_eur=pl.col("gross_pnl_eur").sum(),
            costs_eur=pl.sum_horizontal(
                "fees_eur", "slippage_eur", "imbalance_cost_eur", "degradation_eur"
            ).sum(),
            pnl_eur=pl.col("pnl_eur").sum(),
            n_units=(pl.col("filled_mwh") > 0).sum().cast(pl.Int64),
        )
        .sort(by)
    )


def equity_curve(settlements: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    """`delivery_day`, `pnl_eur`, `equity_eur`, `drawdown_eur` per day."""
    pnl = daily_pnl(settlements, days)
    equity = np.cumsum(pnl)
    peak = np.maximum.accumulate(np.concatenate([[0.0], equity]))[1:] if len(equity) else equity
    return pl.DataFrame(
        {"delivery_day": list(days), "pnl_eur": pnl, "equity_eur": equity, "drawdown_eur": peak - equity}
    )


def _bootstrap(values: Floats) -> BootstrapResult | None:
    return block_bootstrap(values) if len(values) >= MIN_BOOTSTRAP_DAYS else None


def _share(truth: Bools) -> float:
    return float(np.mean(truth)) if len(truth) else np.nan
