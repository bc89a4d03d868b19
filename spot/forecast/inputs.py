"""What the inputs of a panel mean: which raise the price, which lower it, and the residual load between them."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Role = Literal["demand", "supply", "other"]


def input_role(name: str) -> Role:
    """What an input says about the price: `demand` raises it, `supply` lowers it. The benchmark's two series are taken in that order."""
    lowered = name.lower()
    if "load" in lowered or "demand" in lowered or lowered == "exogenous_1":
        return "demand"
    if any(word in lowered for word in ("wind", "solar", "renewable", "photovoltaic")) or lowered == "exogenous_2":
        return "supply"
    return "other"


def residual_load(inputs: Mapping[str, Floats]) -> Floats | None:
    """(D, 24) the first demand minus all supply, or None where one of the two sides has no input."""
    demand = [array for name, array in inputs.items() if input_role(name) == "demand"]
    supply = [array for name, array in inputs.items() if input_role(name) == "supply"]
    if not demand or not supply:
        return None
    return np.asarray(demand[0] - np.sum(supply, axis=0))
