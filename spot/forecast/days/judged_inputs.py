"""Inputs that the engine keeps only where they help: earlier auctions, fuels, neighbours.

Each earlier auction is judged alone, on top of those kept before it, because one may make another needless.
Fuels are judged together, and so are neighbours. The judge is the bank under its prior: its mean absolute
error on the newest days, with and without.
"""

from dataclasses import dataclass
from typing import Literal

from spot.forecast.days.input_roles import input_role, is_fuel, is_of_neighbour

Choice = Literal["always", "never", "if_better"]
Kind = Literal["earlier_prices", "fuels", "neighbours"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedInputs:
    """Inputs that were judged when a model was fitted, and what came of it."""

    names: tuple[str, ...]
    error_with: float
    """Mean absolute error with them on the newest days, EUR/MWh; NaN where no error decided."""
    error_without: float
    is_kept: bool

    @property
    def lower_percent(self) -> float:
        """By how much the error is lower with them, in percent; NaN where no error decided."""
        return 100 * (1 - self.error_with / self.error_without)


def optional_groups(names: tuple[str, ...]) -> list[tuple[Kind, tuple[str, ...]]]:
    """The groups among the inputs of a panel, in the order in which they are judged."""
    earlier = [name for name in names if input_role(name) == "earlier_price"]
    fuels = tuple(name for name in names if is_fuel(name))
    neighbours = tuple(name for name in names if is_of_neighbour(name))
    groups: list[tuple[Kind, tuple[str, ...]]] = [("earlier_prices", (name,)) for name in earlier]
    groups += [("fuels", fuels)] if fuels else []
    groups += [("neighbours", neighbours)] if neighbours else []
    return groups
