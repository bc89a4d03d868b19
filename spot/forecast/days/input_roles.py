"""What the inputs of a panel mean.

It says which raise the price, which lower it, what the residual load between them is, which belong to
neighbours, and which are prices of auctions that cleared before the gate.

Prices are in EUR/MWh, powers in MW.
"""

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from spot.arrays import Floats

Role = Literal["demand", "supply", "residual", "earlier_price", "other"]
_NEIGHBOUR = "neighbour"
_EARLIER = "earlier_price_"
_FUEL = "fuel_"


def is_of_neighbour(name: str) -> bool:
    """Whether an input describes another zone, as `neighbour_price_FR_eur_per_mwh` does.

    Such an input is the neighbour's price of the day before, known at the gate.
    """
    return name.lower().startswith(_NEIGHBOUR)


def is_fuel(name: str) -> bool:
    """Whether an input is the price of a fuel or of emission allowances, the same all day."""
    return name.lower().startswith(_FUEL)


def is_optional(name: str) -> bool:
    """Whether the engine keeps an input only where it helps: a neighbour's, an earlier price, or a fuel."""
    return is_of_neighbour(name) or is_fuel(name) or input_role(name) == "earlier_price"


def input_role(name: str) -> Role:
    """What an input says about the price: `demand` raises it, `supply` lowers it.

    The first series of a benchmark market is demand, the second supply.
    """
    lowered = name.lower()
    if is_of_neighbour(name) or is_fuel(name):
        return "other"
    if lowered.startswith(_EARLIER):
        return "earlier_price"
    if "residual" in lowered:
        return "residual"
    if "load" in lowered or "demand" in lowered or lowered == "exogenous_1":
        return "demand"
    if (
        any(word in lowered for word in ("wind", "solar", "renewable", "photovoltaic"))
        or lowered == "exogenous_2"
    ):
        return "supply"
    return "other"


def own_series(inputs: Mapping[str, Floats]) -> dict[str, Floats]:
    """All inputs, `(days, 24)` each, but a residual load, which has a feature group of its own."""
    return {name: array for name, array in inputs.items() if input_role(name) != "residual"}


def earlier_prices(inputs: Mapping[str, Floats]) -> dict[str, Floats]:
    """The results of auctions that cleared before the gate, EUR/MWh, `(days, 24)` each."""
    return {name: array for name, array in inputs.items() if input_role(name) == "earlier_price"}


def residual_load(inputs: Mapping[str, Floats]) -> Floats | None:
    """(D, 24) the first demand minus all supply, else an input that is a residual load, else None."""
    by_role: dict[Role, list[Floats]] = {role: [] for role in get_args(Role)}
    for name, array in inputs.items():
        by_role[input_role(name)].append(array)
    if by_role["demand"] and by_role["supply"]:
        return np.asarray(by_role["demand"][0] - np.sum(by_role["supply"], axis=0))
    return by_role["residual"][0] if by_role["residual"] else None
