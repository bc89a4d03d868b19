"""Trading states of a desk and its zones.

The stricter of the two applies. A state that cannot be read counts as halted.
"""

from enum import StrEnum


class TradingState(StrEnum):
    """ACTIVE trades, REDUCING only reduces open positions, HALTED does nothing."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


_STRICTNESS = (TradingState.ACTIVE, TradingState.REDUCING, TradingState.HALTED)


def stricter(*states: TradingState) -> TradingState:
    """The strictest of the states; HALTED when none is given."""
    return max(states, key=_STRICTNESS.index, default=TradingState.HALTED)
