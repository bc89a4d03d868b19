"""The state that the turns at one host consist of, wherever it lies."""

from dataclasses import dataclass, field

WAIT_SECONDS = 30
"""Longest wait for others that change the same state."""


@dataclass(slots=True)
class Turns:
    """The shared state of one host of a provider, while nobody else changes it."""

    now: float
    """Seconds of a clock that everybody who shares the state reads."""
    instants: dict[str, float] = field(default_factory=dict)
    """`next_turn` and `blocked_until`, by the same clock; what is missing is over."""
