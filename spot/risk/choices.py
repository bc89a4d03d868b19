"""What the auction may choose instead of a plan: the worst that orders in exclusive groups can be.

Of each group at most one block is executed. So the worst is one block of each group, whichever is worst for
the measure, and never the sum of a group's blocks.
"""

from dataclasses import dataclass, replace

from spot.arrays import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The reach of a plan's exclusive groups. P market time units, S paths of the day; long is positive."""

    low_mw: Floats
    """(P,) least exposure that the auction may choose in each unit, zero or less."""
    high_mw: Floats
    """(P,) greatest exposure, zero or more."""
    value_eur: Floats
    """(P,) energy times expected price; its sum is that of the worst block of every group."""
    gains_eur: Floats
    """(S,) what the groups gain on each path of the day, costs and the chances of their fills included."""
    n_blocks: int
    """Block orders of all groups: each is an order at the exchange."""

    def scaled(self, factor: float) -> "Choices":
        """All blocks by one factor."""
        return replace(
            self,
            low_mw=self.low_mw * factor,
            high_mw=self.high_mw * factor,
            value_eur=self.value_eur * factor,
            gains_eur=self.gains_eur * factor,
        )
