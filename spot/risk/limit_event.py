"""The effect of a limit, as a value that becomes a row of `risk_events`."""

from dataclasses import dataclass
from typing import Literal

from spot.contracts.words import LimitAction

LimitEventKind = Literal["breach", "denied", "state", "override", "override_rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEvent:
    """One breach, denial or override with its numbers; NaN where nothing could be measured."""

    kind: LimitEventKind
    scope: str
    limit_name: str
    value: float
    limit_value: float
    action: LimitAction | None
    """What was done with the orders; None where nothing was."""
    detail: str
