"""Hands out values as known at the gate of each delivery day.

It records the newest publication that it handed out.

Values keep the unit of their table: EUR/MWh for prices, MW for powers.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, timedelta

import numpy as np
import polars as pl

from spot.arrays import Bools, Floats, Ints
from spot.contracts.lineage import DataSource
from spot.contracts.raw_tables import EARLIER_AUCTION_PRICES, RAW_TABLES, RAW_TABLES_OF_A_ZONE
from spot.errors import ContractError
from spot.features.grid import Grid, to_us
from spot.features.vintages import NEVER_US, Vintages, vintages_of
from spot.market.gates import gate_closure_utc

_FAR_FUTURE_US = np.iinfo(np.int64).max


class Gatekeeper:
    """Raw tables of one zone, seen from the gates of the target days.

    `target` is the grid of the days that features are built for. The whole grid starts `n_history` days
    earlier. `newest_us`, (D,), is raised by every value that is handed out.
    """

    def __init__(
        self,
        raw: Mapping[str, pl.DataFrame],
        grid: Grid,
        *,
        n_history: int,
        admit: AbstractSet[str] = frozenset(),
    ) -> None:
        known_tables = {contract.name: contract for contract in (*RAW_TABLES, EARLIER_AUCTION_PRICES)}
        if unknown := sorted({*admit} - {*known_tables}):
            raise ContractError(
                f"features of {grid.zone}: cannot admit {unknown}, known are {sorted(known_tables)}"
            )
        self.zone = grid.zone
        self.target = grid.part(n_history, len(grid.days))
        self.gate_us: Ints = np.array(
            [to_us(gate_closure_utc(grid.zone, day)) for day in self.target.days], dtype=np.int64
        )
        self.newest_us: Ints = np.full(len(self.target.days), NEVER_US)
        self._grid = grid
        self._n_history = n_history
        self._admit = frozenset(admit)
        self._raw = {
            name: raw.get(name, contract.empty()).filter(pl.col("zone") == grid.zone)
            for name, contract in known_tables.items()
        }
        self._vintages: dict[tuple[str, str], Vintages] = {}
        self._seen: dict[tuple[str, str, int], tuple[Floats, Ints]] = {}

    @property
    def sources(self) -> list[str]:
        """(D,) sources of what was known at each gate about the day and the history before it.

        They are those of the zone's own tables: results of other auctions and fuels name theirs themselves.
        They name the tables that were admitted against their publication rule.
        """
        seen = pl.concat(
            [
                self._raw[name].select("delivery_day", "source", "available_at_utc")
                for name in RAW_TABLES_OF_A_ZONE
            ]
        )
        firsts = (
            seen.group_by("delivery_day", "source")
            .agg(pl.col("available_at_utc").dt.epoch("us").min())
            .rows()
        )
        by_day: dict[date, list[tuple[str, int]]] = {}
        for day, source, first_us in firsts:
            by_day.setdefault(day, []).append((source, first_us))
        texts = []
        for day, gate_us in zip(self.target.days, self.gate_us, strict=True):
            window = (
                entry for k in range(self._n_history + 1) for entry in by_day.get(day - timedelta(days=k), [])
            )
            names = {source for source, first_us in window if first_us <= gate_us}
            texts.append(str(DataSource(tuple(names), tuple(self._admit))))
        return texts

    def lagged(self, lag_days: int) -> Grid:
        """The grid of the days `lag_days` before the target days."""
        return self._grid.part(self._n_history - lag_days, len(self._grid.days) - lag_days)

    def look(self, table: str, series: str, value: str, *, lag_days: int) -> tuple[Floats, Ints]:
        """Values of `lag_days` before each target day as known at that day's gate. They do not count as used.

        Returns:
            (D, S) values by slot of the day they belong to, NaN where unknown; (D,) their newest publication,
            to be given to `use`.
        """
        if (table, series, lag_days) not in self._seen:
            self._seen[table, series, lag_days] = self._look(table, series, value, lag_days)
        return self._seen[table, series, lag_days]

    def has_rows(self, table: str, *series: str) -> bool:
        """Whether the table holds any row of these series on the days of the grid."""
        return not self._raw[table].filter(pl.col("series").is_in(series)).is_empty()

    def use(self, newest_us: Ints, days: Bools | None = None) -> None:
        """Remember that values published up to `newest_us` entered the features.

        Args:
            newest_us: newest publication per target day, microseconds since 1970, `(D,)`.
            days: the target days that it holds for, `(D,)`. All of them if not given.
        """
        used = newest_us if days is None else np.where(days, newest_us, NEVER_US)
        self.newest_us = np.maximum(self.newest_us, used)

    def at_gate(self, table: str, series: str, value: str, *, lag_days: int) -> Floats:
        """(D, S) values of `lag_days` before each target day as known at that day's gate.

        Slots are those of the day that the values belong to.
        """
        matrix, newest = self.look(table, series, value, lag_days=lag_days)
        self.use(newest)
        return matrix

    def at_gate_clock(self, table: str, series: str, value: str, *, lag_days: int) -> Floats:
        """(D, S) as `at_gate`, at the same time of the local clock of each target day."""
        return self.to_target(self.at_gate(table, series, value, lag_days=lag_days), lag_days)

    def to_target(self, matrix: Floats, lag_days: int) -> Floats:
        """(D, S) of the days `lag_days` before to the slots of the target days, by the local clock."""
        return self.target.at_clock_of(self.lagged(lag_days).to_clock(matrix))

    def outcome(self, table: str, series: str, value: str) -> Floats:
        """(D, S) newest vintage of all. For outcomes only: it ignores the gate."""
        matrix, _ = self._load(table, series, value).known_at_gates(
            np.full(len(self._grid.days), _FAR_FUTURE_US)
        )
        return matrix[self._n_history :]

    def _look(self, table: str, series: str, value: str, lag_days: int) -> tuple[Floats, Ints]:
        gates = np.full(len(self._grid.days), NEVER_US)
        rows = slice(self._n_history - lag_days, len(self._grid.days) - lag_days)
        is_admitted = lag_days == 0 and table in self._admit
        gates[rows] = _FAR_FUTURE_US if is_admitted else self.gate_us
        matrix, newest = self._load(table, series, value).known_at_gates(gates)
        return matrix[rows], np.minimum(newest[rows], self.gate_us) if is_admitted else newest[rows]

    def _load(self, table: str, series: str, value: str) -> Vintages:
        if (table, series) not in self._vintages:
            self._vintages[table, series] = vintages_of(
                self._raw[table].filter(pl.col("series") == series), self._grid, value=value
            )
        return self._vintages[table, series]
