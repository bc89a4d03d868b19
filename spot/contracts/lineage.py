"""Where data come from, as values: the source of a row, and the lineage of a model.

Tables and the registry store both as text. Only this module writes and parses that text.
"""

from dataclasses import dataclass
from typing import Self

import polars as pl

SIMULATED = "simulated"
_NO_SOURCE = "none"
_NOTE = " (assumed known: "


@dataclass(frozen=True, slots=True)
class DataSource:
    """What features, forecasts and signals were made from, as their column `source` says.

    The text is `a, b`, or `a, b (assumed known: c, d)` where inputs were admitted before their publication.
    """

    names: tuple[str, ...] = ()
    """Sources of market data, in alphabetical order; empty where nothing was known at the gate."""
    assumed_known: tuple[str, ...] = ()
    """Tables that were admitted against their publication rule, in alphabetical order."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The source that a stored text names."""
        names, _, admitted = text.partition(_NOTE)
        found = tuple(name for name in names.split(", ") if name and name != _NO_SOURCE)
        return cls(found, tuple(name for name in admitted.removesuffix(")").split(", ") if name))

    @property
    def main(self) -> str | None:
        """The first source; None where nothing was known."""
        return self.names[0] if self.names else None

    @property
    def is_simulated(self) -> bool:
        """Whether the simulator made any of the data."""
        return SIMULATED in self.names

    def __str__(self) -> str:
        """The text that tables store."""
        note = f"{_NOTE}{', '.join(sorted(self.assumed_known))})" if self.assumed_known else ""
        return (", ".join(sorted(self.names)) or _NO_SOURCE) + note


@dataclass(frozen=True, slots=True)
class Lineage:
    """The data that a model was made from. A version never replaces one of a different lineage.

    The text is `a`, or `a + c, d` where inputs were admitted before their publication. A model of the spread
    to the second price `s` adds ` against s`.
    """

    source: str
    """The zone's main source of market data."""
    assumed_known: tuple[str, ...] = ()
    """Tables that are admitted against their publication rule, in alphabetical order."""
    settled_against: str | None = None
    """The second price of a model of the spread; None for a model of the price."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The lineage that a stored text names."""
        data, _, settled = text.partition(" against ")
        source, _, admitted = data.partition(" + ")
        return cls(source, tuple(name for name in admitted.split(", ") if name), settled or None)

    @property
    def is_simulated(self) -> bool:
        """Whether the simulator made the data."""
        return self.source == SIMULATED

    def __str__(self) -> str:
        """The text that the registry stores."""
        admitted = f" + {', '.join(sorted(self.assumed_known))}" if self.assumed_known else ""
        against = f" against {self.settled_against}" if self.settled_against else ""
        return self.source + admitted + against


def sources_of(rows: pl.DataFrame) -> list[DataSource]:
    """The different sources of rows with the column `source`, in the order of their text."""
    return [DataSource.parse(text) for text in rows["source"].unique().sort().to_list()]
