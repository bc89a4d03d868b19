"""Day-ahead prices of one zone as they were known at any instant.

A price that came late is missing until it came. A revised price has its first value until the revision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from spot.arrays import Ints
from spot.contracts.panel import DeliveryPanel
from spot.features.grid import Grid, make_grid, periods_of, to_us
from spot.features.vintages import NEVER_US, Vintages, vintages_of
from spot.market.gates import gate_closure_utc


@dataclass(frozen=True, slots=True)
class KnownPrices:
    """All vintages of the prices of D contiguous days. `known_prices` makes it."""

    grid: Grid
    vintages: Vintages
    last_change_us: Ints
    """(D,) newest publication about each day, microseconds since 1970 UTC; `NEVER_US` for none."""

    def as_of(self, panel: DeliveryPanel, instant: datetime) -> DeliveryPanel:
        """`panel`, whose days are among these, with the prices that were known at `instant`."""
        rows = (panel.days - np.datetime64(self.grid.days[0], "D")).astype(np.int64)
        instant_us = to_us(instant)
        later = np.flatnonzero(
            (self.last_change_us[rows] > instant_us) & np.isfinite(panel.prices).any(axis=1)
        )
        if not len(later):
            return panel
        matrix, _ = self.vintages.known_at_gates(np.full(len(self.grid.days), instant_us))
        known = periods_of(self.grid, matrix)[rows[later], : panel.prices.shape[1]]
        prices = panel.prices.copy()
        prices[later] = np.nan
        prices[later, : known.shape[1]] = known
        return replace(panel, prices=prices)

    def late_days(self) -> tuple[date, ...]:
        """Days with prices that were published only after the gate of the following day."""
        gates = (gate_closure_utc(self.grid.zone, day + timedelta(days=1)) for day in self.grid.days)
        return tuple(
            day
            for day, change_us, gate in zip(self.grid.days, self.last_change_us, gates, strict=True)
            if change_us > to_us(gate)
        )

    def between_revisions(self, days: Sequence[date]) -> list[list[date]]:
        """`days`, ascending, cut into runs within which no price is revised between two gates."""
        revised_us = self._revised_us()
        runs: list[list[date]] = []
        before_us = NEVER_US
        for day in days:
            gate_us = to_us(gate_closure_utc(self.grid.zone, day))
            if not runs or ((revised_us > before_us) & (revised_us <= gate_us)).any():
                runs.append([])
            runs[-1].append(day)
            before_us = gate_us
        return runs

    def _revised_us(self) -> Ints:
        """(R,) when each value was published that differs from the first of its slot."""
        key = self.vintages.row * 1000 + self.vintages.slot
        _, first, group = np.unique(key, return_index=True, return_inverse=True)
        differs = self.vintages.value != self.vintages.value[first][group]
        revised: Ints = self.vintages.available_us[differs]
        return revised


def known_prices(prices: pl.DataFrame, *, zone: str, first_day: date, last_day: date) -> KnownPrices:
    """Vintages of prices on the days of a panel, from rows of `day_ahead_prices` of any zones."""
    grid = make_grid(zone, first_day, last_day)
    vintages = vintages_of(
        prices.filter(pl.col("zone") == zone, pl.col("series") == "day_ahead"),
        grid,
        value="price_eur_per_mwh",
    )
    last_change = np.full(len(grid.days), NEVER_US)
    np.maximum.at(last_change, vintages.row, vintages.available_us)
    return KnownPrices(grid, vintages, last_change)
