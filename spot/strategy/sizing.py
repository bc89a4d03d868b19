"""Size by edge over risk: none below a least ratio, proportional above it, full from a full ratio on."""

import numpy as np

from spot.arrays import Floats


def size_by_edge(
    edge: Floats, risk: Floats, *, max_mw: float, full_size_ratio: float, min_edge_ratio: float
) -> Floats:
    """MW per unit, `(P,)`, from zero to `max_mw`.

    `edge` and `risk` are in EUR/MWh, `(P,)` each. The size is zero where the edge is not positive or anything
    is not finite.

    For small bets the growth-optimal size is proportional to edge over variance (Kelly 1956). The ratio of
    edge to width, capped, is its cautious form: it does not grow when the forecast is overconfident in calm
    hours.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(risk > 0, edge / risk, np.where(edge > 0, np.inf, 0.0))
        share = np.clip(ratio / full_size_ratio, 0.0, 1.0)
    is_worth = np.isfinite(edge) & np.isfinite(risk) & (edge > 0) & (ratio >= min_edge_ratio)
    return np.where(is_worth, max_mw * share, 0.0)


def round_towards_zero(exposure_mw: Floats, step_mw: float) -> Floats:
    """Volumes in MW, `(P,)`, rounded to steps of the market, never larger than before."""
    steps = np.floor(np.abs(exposure_mw) / step_mw + 1e-9)
    return np.sign(exposure_mw) * np.minimum(np.round(steps * step_mw, 9), np.abs(exposure_mw))
