"""Which block orders an exchange takes in the day-ahead auction, as dated data with sources.

A number that no public source gave is None: the desk's own contract says it.
"""

from dataclasses import dataclass
from datetime import date

from spot.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOrders:
    """Block orders of one exchange from a delivery day on."""

    exchange: str
    valid_from: date
    """First delivery day for which the source speaks; nothing is known of earlier ones."""
    has_exclusive_groups: bool
    has_profiles: bool | None
    """Whether a block may have another volume in each unit."""
    has_linked_groups: bool | None
    """Whether a block of an exclusive group may be linked with a block outside it."""
    most_blocks_per_group: int | None
    most_groups: int | None
    most_spread_pairs: int | None
    """Pairs of a buy and a sell block that are accepted or rejected together, per portfolio."""
    volume_step_mw: float
    price_step_eur_per_mwh: float | None
    source: str


BLOCK_ORDERS = (
    BlockOrders(
        exchange="nord_pool",
        valid_from=date(2026, 11, 30),
        has_exclusive_groups=True,
        has_profiles=True,
        has_linked_groups=None,
        most_blocks_per_group=None,
        most_groups=None,
        most_spread_pairs=3,
        volume_step_mw=0.1,
        price_step_eur_per_mwh=0.01,
        source=(
            "support.nordpoolgroup.com, articles 8000089253 (exclusive groups), 8000099614 (spread blocks),"
            " read 2026-11-29; pages differ on links; the numbers stand in product specifications, not found"
        ),
    ),
    BlockOrders(
        exchange="epex_spot",
        valid_from=date(2026, 11, 30),
        has_exclusive_groups=True,
        has_profiles=None,
        has_linked_groups=None,
        most_blocks_per_group=None,
        most_groups=None,
        most_spread_pairs=None,
        volume_step_mw=0.1,
        price_step_eur_per_mwh=None,
        source="epexspot.com: volumes with one decimal in the day-ahead auction; numbers of groups not found",
    ),
)
"""By exchange and first delivery day, oldest first."""


def block_orders(exchange: str, day: date) -> BlockOrders:
    """The block orders of an exchange for a delivery day.

    Raises:
        ConfigurationError: the exchange is not listed, or nothing is known for the day.
    """
    own = [one for one in BLOCK_ORDERS if one.exchange == exchange]
    if not own:
        known = ", ".join(sorted({one.exchange for one in BLOCK_ORDERS}))
        raise ConfigurationError(f"block orders: no exchange {exchange!r}; known are {known}")
    valid = [one for one in own if one.valid_from <= day]
    if not valid:
        raise ConfigurationError(
            f"block orders of {exchange} on {day}: nothing is known before {own[0].valid_from};"
            " add a row with its source to spot/market/block_orders.py"
        )
    return valid[-1]
