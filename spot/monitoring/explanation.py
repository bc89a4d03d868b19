"""Which features the forecast depends on, and whether that has changed since training.

The method works for any model. The share of a feature is how far the point forecast moves when that feature
alone is replaced by another day's values (permutation importance of Breiman, 2001, without outcomes),
normalised to sum to one. The shift of the mix is the total variation distance of the shares.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.contracts.words import Status
from spot.monitoring.settings import ExplanationSettings

PAST_PRICES = "past prices"
Predict = Callable[[DeliveryPanel], Floats | None]
"""From a panel whose last row is to be forecast to its (P,) point forecast in EUR/MWh, or None when the model
refuses. It must not keep what it was given.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationVerdict:
    """Shares of the features now and in the reference."""

    status: Status
    reasons: tuple[str, ...]
    shares: pl.DataFrame
    """`feature`, `share_reference`, `share`; shares are 0 to 1 and sum to one."""
    shift: float | None
    """Total variation distance of the two mixes, 0 to 1."""


def feature_shares(
    predict: Predict, panel: DeliveryPanel, rows: Sequence[int], *, days_back: int = 7
) -> dict[str, float]:
    """Share of every input, and of past prices, in the forecasts of `rows` of the panel.

    Empty when nothing could be forecast. Each feature in turn takes its values of `days_back` days before.
    Past prices are moved by as many days.
    """
    moved: dict[str, list[float]] = {}
    for row in rows:
        if row < 2 * days_back:
            continue
        known = panel.known_at_gate(row)
        base = predict(known)
        if base is None:
            continue
        for name in (*known.inputs, PAST_PRICES):
            other = predict(_with_older(known, name, days_back))
            if other is not None and other.shape == base.shape:
                moved.setdefault(name, []).append(float(np.abs(other - base).mean()))
    sizes = {name: float(np.mean(values)) for name, values in moved.items()}
    total = sum(sizes.values())
    return {name: size / total for name, size in sizes.items()} if total > 0 else {}


def assess_explanations(
    reference: Mapping[str, float],
    newest: Mapping[str, float],
    *,
    n_days: int,
    settings: ExplanationSettings,
    youth: str = "",
) -> ExplanationVerdict:
    """Compare the mix of the newest days with that of the reference.

    `youth` says why there are few days yet, where that is no fault.
    """
    names = sorted(set(reference) | set(newest))
    shares = pl.DataFrame(
        {
            "feature": names,
            "share_reference": [reference.get(name) for name in names],
            "share": [newest.get(name) for name in names],
        },
        schema={"feature": pl.String, "share_reference": pl.Float64, "share": pl.Float64},
    )
    if not reference or not newest or n_days < settings.minimum_days:
        few = (
            f"cannot see: {n_days} days explained after the version's first ones, {settings.minimum_days}"
            " needed"
        )
        text = youth or (few if reference else "cannot see: nothing of this version was explained")
        status: Status = "too_young" if youth else "cannot_see"
        return ExplanationVerdict(status=status, reasons=(text,), shares=shares, shift=None)
    difference = {name: newest.get(name, 0.0) - reference.get(name, 0.0) for name in names}
    shift = sum(abs(value) for value in difference.values()) / 2.0
    if shift <= settings.maximum_shift:
        return ExplanationVerdict(status="ok", reasons=(), shares=shares, shift=shift)
    most = max(difference, key=lambda name: abs(difference[name]))
    text = (
        f"the mix of features moved by {shift:.0%}, limit {settings.maximum_shift:.0%}: most of all {most},"
        f" {difference[most]:+.0%}"
    )
    return ExplanationVerdict(status="alert", reasons=(text,), shares=shares, shift=shift)


def _with_older(known: DeliveryPanel, name: str, days_back: int) -> DeliveryPanel:
    """The panel whose last row has, in one feature, the values of an earlier day."""
    if name == PAST_PRICES:
        prices = known.prices.copy()
        prices[-1 - days_back : -1] = known.prices[-1 - 2 * days_back : -1 - days_back]
        return replace(known, prices=prices)
    values = known.inputs[name].copy()
    values[-1] = values[-1 - days_back]
    return replace(known, inputs={**known.inputs, name: values})
