"""Check that a walk-forward uses nothing that was not yet known.

All of it is changed, and the forecasts must stay the same, bit for bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.forecast.interface import PriceForecast

WalkForward = Callable[[DeliveryPanel], Sequence[PriceForecast]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakVerdict:
    """Whether a walk-forward is free of look-ahead.

    If not, it has the first day whose forecast changed, and by how much, EUR/MWh.
    """

    is_clean: bool
    n_compared: int
    leaking_day: date | None = None
    largest_difference: float = 0.0


def perturbed_after(panel: DeliveryPanel, row: int, *, seed: int = 0) -> DeliveryPanel:
    """The panel with the future replaced by random values of similar size.

    The future is the prices from day `row` on, and the inputs from the day after.
    """
    rng = np.random.default_rng(seed)

    def noised(values: Floats, start: int) -> Floats:
        changed = values.copy()
        known = values[np.isfinite(values)]
        shape = changed[start:].shape
        changed[start:] = np.where(
            np.isfinite(changed[start:]),
            rng.choice(known, size=shape) + rng.normal(0, known.std(), size=shape),
            np.nan,
        )
        return changed

    return replace(
        panel,
        prices=noised(panel.prices, row),
        inputs={name: noised(values, row + 1) for name, values in panel.inputs.items()},
    )


def leak_check(
    walk: WalkForward, panel: DeliveryPanel, *, first_row: int, rows: Sequence[int]
) -> LeakVerdict:
    """Compare forecasts with those made after everything unknown at the gate was changed.

    It compares the days from `first_row` to each of `rows`.

    Args:
        walk: makes the forecasts of the days of a panel from `first_row` on, in order.
        panel: the true panel.
        first_row: first day forecast.
        rows: days whose future is changed, one at a time; each at least `first_row`.
    """
    honest = walk(panel)
    n_compared = 0
    for row in rows:
        changed = walk(perturbed_after(panel, row, seed=row))
        for here, there in zip(honest[: row - first_row + 1], changed, strict=False):
            difference = max(
                float(np.abs(here.point - there.point).max()),
                float(np.abs(here.quantiles - there.quantiles).max()),
            )
            n_compared += 1
            if difference > 0:
                return LeakVerdict(
                    is_clean=False,
                    n_compared=n_compared,
                    leaking_day=here.delivery_day,
                    largest_difference=difference,
                )
    return LeakVerdict(is_clean=True, n_compared=n_compared)
