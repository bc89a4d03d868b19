"""What a limit did, as a value that becomes a row of `risk_events`."""

from dataclasses import dataclass
from typing import Literal

LimitEventKind = Literal["breach", "denied", "state", "override", "override_rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitEvent:
    """One breach, denial or override with its numbers; NaN where nothing could be measured."""

    kind: LimitEventKind
    scope: str
    limit_name: str
    value: float
    limit_value: float
    action: Literal["reduce", "block", "halt", "none"]
    detail: str
