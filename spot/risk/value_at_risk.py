"""Value at risk and expected shortfall of a position, by historical and by filtered historical simulation.

A scenario is one past day's gain of 1 MWh long in every market time unit. Filtered simulation (Barone-Adesi,
Giannopoulos, Vosper 1999) rescales each past day by today's volatility over the volatility of its own time,
here an exponentially weighted one. The expected shortfall is the mean of the worst share of days, with its
last day weighted (Acerbi, Tasche 2002), so it is coherent.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from spot.arrays import Floats
from spot.errors import ContractError

MIN_SCENARIOS = 30
"""Fewest days of scenarios from which a 95 % tail is computed. Chosen by hand; not tuned."""


@dataclass(frozen=True, slots=True)
class TailRisk:
    """Loss figures in EUR, a loss being positive; NaN when there are too few scenarios."""

    value_at_risk_eur: float
    expected_shortfall_eur: float


def tail_risk(pnl_eur: Floats, level: float = 0.95) -> TailRisk:
    """Value at risk and expected shortfall of a sample of P&L, shape (S,).

    Raises:
        ContractError: the level is not between a half and one.
    """
    if not 0.5 < level < 1.0:
        raise ContractError(f"confidence level {level}: expected between 0.5 and 1")
    sample = np.sort(pnl_eur[np.isfinite(pnl_eur)])
    if len(sample) < MIN_SCENARIOS:
        return TailRisk(np.nan, np.nan)
    tail = (1.0 - level) * len(sample)
    whole = min(int(tail), len(sample) - 1)
    shortfall = -(sample[:whole].sum() + (tail - whole) * sample[whole]) / tail
    return TailRisk(max(0.0, float(-sample[whole])), max(0.0, float(shortfall)))


def historical_risk(
    exposure_mwh: Floats, scenarios: Floats, level: float = 0.95, *, costs_eur: float = 0.0
) -> TailRisk:
    """Risk of `exposure_mwh` (P,), long positive, under `scenarios` (S, P) in EUR/MWh.

    A gap in a scenario drops it. `costs_eur` are paid in each of them, besides what the scenarios hold.
    """
    if not np.any(exposure_mwh):
        return TailRisk(0.0, 0.0)
    return tail_risk(scenarios @ exposure_mwh - costs_eur, level)


def filtered_risk(
    exposure_mwh: Floats, scenarios: Floats, level: float = 0.95, half_life_days: float = 20.0
) -> TailRisk:
    """As `historical_risk`, with each day's P&L rescaled from the volatility of its time to the newest.

    Args:
        exposure_mwh: open volume per period, `(P,)`.
        scenarios: price moves in EUR/MWh, `(days, P)`. Days ascend.
        level: probability of the value at risk.
        half_life_days: days after which a day's weight in the volatility has halved.
    """
    if not np.any(exposure_mwh):
        return TailRisk(0.0, 0.0)
    pnl = scenarios @ exposure_mwh
    pnl = pnl[np.isfinite(pnl)]
    if len(pnl) < MIN_SCENARIOS:
        return TailRisk(np.nan, np.nan)
    decay = 0.5 ** (1.0 / half_life_days)
    variance = float(np.mean(pnl**2))
    # Exponentially weighted variance after each day. A day is scaled by what was known before it.
    after, _ = lfilter([1.0 - decay], [1.0, -decay], pnl**2, zi=[decay * variance])
    before = np.concatenate([[variance], after[:-1]])
    floor = 1e-12 + 1e-4 * variance
    return tail_risk(pnl * np.sqrt(np.maximum(after[-1], floor) / np.maximum(before, floor)), level)


def worst_risk(exposure_mwh: Floats, scenarios: Floats, level: float = 0.95) -> TailRisk:
    """The larger of the historical and the filtered figure; NaN when either cannot be computed.

    `exposure_mwh` is `(P,)`, `scenarios` in EUR/MWh is `(days, P)`.
    """
    plain, filtered = (
        historical_risk(exposure_mwh, scenarios, level),
        filtered_risk(exposure_mwh, scenarios, level),
    )
    return TailRisk(
        float(np.maximum(plain.value_at_risk_eur, filtered.value_at_risk_eur)),
        float(np.maximum(plain.expected_shortfall_eur, filtered.expected_shortfall_eur)),
    )


def drawdown_eur(daily_pnl_eur: Floats) -> float:
    """How far the sum of daily P&L, `(days,)`, stands below its highest point so far, start included.

    NaN when a day is not finite.
    """
    if len(daily_pnl_eur) == 0:
        return 0.0
    equity = np.concatenate([[0.0], np.cumsum(daily_pnl_eur)])
    return float(equity.max() - equity[-1])


def max_drawdown_eur(daily_pnl_eur: Floats) -> float:
    """The deepest drawdown on the way, in EUR, of daily P&L, `(days,)`."""
    if len(daily_pnl_eur) == 0:
        return 0.0
    equity = np.concatenate([[0.0], np.cumsum(daily_pnl_eur)])
    return float((np.maximum.accumulate(equity) - equity).max())
