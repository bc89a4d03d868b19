"""The delivery panel: the one matrix type that forecasters read.

Rows are delivery days, columns are periods of the day.

Row `d` of `inputs` holds what was known *at the gate of day d*; row `d` of `prices` is the outcome, known
only after that gate. So a forecast for row `n` may use `prices[:n]` and `inputs[:n + 1]`, and nothing else:
`DeliveryPanel.known_at_gate` cuts exactly that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from spot.arrays import Days, Floats, Ints
from spot.errors import ContractError


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryPanel:
    """One zone on a contiguous calendar of delivery days.

    Shapes: D days, P the most periods of any of them (100 for a panel with a 25-hour quarter-hour day). A day
    with fewer periods is padded with NaN at its end. Periods follow each other in time; no period of a local
    clock is left out or doubled.
    """

    zone: str
    days: Days
    """(D,) datetime64[D], ascending, without gaps."""
    n_periods: Ints
    """(D,) number of market time units of each day."""
    resolution_minutes: Ints
    """(D,) length of a market time unit on each day: 15, 30 or 60."""
    prices: Floats
    """(D, P) EUR/MWh, NaN where missing or not yet known."""
    inputs: Mapping[str, Floats]
    """Name to (D, P), as known at the gate of each day; NaN where missing. Names carry their unit, for
    example `load_forecast_mw`.
    """
    holiday_fraction: Floats
    """(D,) share of the zone's holiday calendars on which the day is a public holiday, 0 to 1."""

    def __post_init__(self) -> None:
        n_days, width = self.prices.shape
        per_day = {
            "days": self.days,
            "n_periods": self.n_periods,
            "resolution_minutes": self.resolution_minutes,
            "holiday_fraction": self.holiday_fraction,
        }
        for name, shape in {name: vector.shape for name, vector in per_day.items()}.items():
            if shape != (n_days,):
                raise ContractError(f"panel of {self.zone}: {name} has shape {shape}, expected ({n_days},)")
        for name, array in self.inputs.items():
            if array.shape != (n_days, width):
                raise ContractError(
                    f"panel of {self.zone}: input {name} has shape {array.shape}, expected {(n_days, width)}"
                )
        if n_days > 1 and not (np.diff(self.days) == np.timedelta64(1, "D")).all():
            raise ContractError(
                f"panel of {self.zone}: days are not contiguous; a missing day is a row of NaN"
            )
        if n_days and (self.n_periods.max() > width or self.n_periods.min() < 1):
            raise ContractError(f"panel of {self.zone}: n_periods outside 1..{width}")

    def __len__(self) -> int:
        return len(self.days)

    @property
    def last_day(self) -> date:
        """The newest delivery day of the panel."""
        return self.days[-1].astype(object)  # type: ignore[no-any-return]

    def known_at_gate(self, row: int) -> "DeliveryPanel":
        """What may be used to forecast day `row`: earlier prices, and inputs up to and including the day.

        The price of the day itself is removed.
        """
        cut = self.first(row + 1)
        prices = cut.prices.copy()
        prices[row] = np.nan
        return replace(cut, prices=prices)

    def first(self, n_days: int) -> "DeliveryPanel":
        """The oldest `n_days` days, outcomes included."""
        return self.rows(slice(0, n_days))

    def rows(self, part: slice) -> "DeliveryPanel":
        """A contiguous part of the panel."""
        return replace(
            self,
            days=self.days[part],
            n_periods=self.n_periods[part],
            resolution_minutes=self.resolution_minutes[part],
            prices=self.prices[part],
            inputs={name: array[part] for name, array in self.inputs.items()},
            holiday_fraction=self.holiday_fraction[part],
        )
