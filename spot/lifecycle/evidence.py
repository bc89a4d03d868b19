"""The evidence on two versions: their losses and P&L on the same days.

Losses are in EUR/MWh, P&L in EUR.
"""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats, Ints
from spot.errors import ContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Both versions on the same consecutive delivery days, (D,) each.

    NaN where a version had no forecast or the outcome is missing.

    Losses are daily means in EUR/MWh (absolute error or pinball), P&L is EUR per day of paper or real
    trading.
    """

    candidate_losses: Floats
    champion_losses: Floats | None
    naive_losses: Floats | None = None
    candidate_pnl_eur: Floats | None = None
    champion_pnl_eur: Floats | None = None


def evidence_rows(evidence: Evidence) -> Ints:
    """Rows of the evidence that count, `(n,)`, ascending.

    A day that the champion could not forecast says nothing about its rival.
    """
    return np.flatnonzero(
        np.isfinite(
            evidence.candidate_losses if evidence.champion_losses is None else evidence.champion_losses
        )
    )


def money_differences(evidence: Evidence, comparable: Ints) -> Floats | None:
    """Candidate's less champion's P&L on the rows `comparable`, `(n,)`, EUR per day; None without P&L."""
    if evidence.candidate_pnl_eur is None or evidence.champion_pnl_eur is None:
        return None
    return np.asarray((evidence.candidate_pnl_eur - evidence.champion_pnl_eur)[comparable], dtype=np.float64)


def check_lengths(evidence: Evidence) -> None:
    """Check that all arrays of the evidence hold one value per day of the same days.

    Raises:
        ContractError: they do not.
    """
    others = (
        evidence.champion_losses,
        evidence.naive_losses,
        evidence.candidate_pnl_eur,
        evidence.champion_pnl_eur,
    )
    n_days = len(evidence.candidate_losses)
    if evidence.candidate_losses.ndim != 1 or any(
        array is not None and array.shape != (n_days,) for array in others
    ):
        raise ContractError("promotion evidence: all arrays hold one value per day of the same days")
