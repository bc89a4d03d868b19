"""One figure of a suite of faults, with its target."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    name: str
    value: float
    unit: str
    target: str
    is_met: bool
    note: str = ""


def at_least(name: str, value: float, target: float, unit: str, note: str = "") -> Figure:
    return Figure(name, round(value, 4), unit, f">= {target:g}", value >= target, note)


def at_most(name: str, value: float, target: float, unit: str, note: str = "") -> Figure:
    return Figure(name, round(value, 4), unit, f"<= {target:g}", value <= target, note)
