"""What a day's forecast is made of: contributions of families of inputs, and the past days it resembles.

Contributions are in EUR/MWh.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from spot.arrays import Floats

_FAMILIES = {
    "dow": "calendar",
    "hol": "calendar",
    "hol7": "calendar",
    "sea": "calendar",
    "trend": "calendar",
    "hour": "calendar",
    "weekday": "calendar",
}
_LEVELS = ("lev", "lev2", "mm")


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastParts:
    """How a member explains one of its own forecasts. Either part may be missing."""

    contributions: Mapping[str, Floats] = field(default_factory=dict)
    """Family of inputs to (24,) its contribution to each clock hour against a usual day, EUR/MWh."""
    likeness: Floats | None = None
    """(D - 1,) similarity of every earlier day, 0 to 1."""


def family_of(feature: str) -> str:
    """The family that a feature group or a column of the hour table belongs to."""
    name = feature.split(".", maxsplit=1)[0]
    if name in _FAMILIES:
        return _FAMILIES[name]
    if name in _LEVELS:
        return "price level"
    if name in ("r0", "r1"):
        return "residual load"
    for mark in ("@", "-"):
        if mark in name:
            return name.rpartition(mark)[0]
    return "prices of the days before"


def by_family(columns: Mapping[str, Floats]) -> dict[str, Floats]:
    """Contributions (24,) of columns added up by family."""
    families: dict[str, Floats] = {}
    for name, values in columns.items():
        family = family_of(name)
        families[family] = families[family] + values if family in families else values
    return families
