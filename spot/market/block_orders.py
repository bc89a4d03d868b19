"""Which block orders an exchange takes in the day-ahead auction, as dated data with sources.

A number that no public source gave is None: the desk's own contract says it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from spot.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOrders:
    """Block orders of one exchange from a delivery day on."""

    exchange: str
    zones: tuple[str, ...]
    """Bidding zones in which it runs the day-ahead auction, from the exchanges' own pages as remembered."""
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


_CORE = ("DE_LU", "AT", "BE", "FR", "NL")
_NORDIC = (
    *("DK_1", "DK_2", "FI", "NO_1", "NO_2", "NO_3", "NO_4", "NO_5", "SE_1", "SE_2", "SE_3", "SE_4"),
    *("EE", "LT", "LV"),
)
BLOCK_ORDERS = (
    BlockOrders(
        exchange="nord_pool",
        zones=(*_NORDIC, *_CORE, "PL"),
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
        zones=(*_CORE, "CH", "GB", *_NORDIC, "PL"),
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
    BlockOrders(
        exchange="alpex",
        zones=("AL", "XK"),
        valid_from=date(2026, 11, 30),
        has_exclusive_groups=True,
        has_profiles=None,
        has_linked_groups=None,
        most_blocks_per_group=None,
        most_groups=None,
        most_spread_pairs=None,
        volume_step_mw=0.1,
        price_step_eur_per_mwh=None,
        source="alpex.al/trading-products, read 2026-11-30: exclusive groups; steps and numbers not found",
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


def groups_of_zone(zone: str, day: date, exchange: str = "") -> BlockOrders | None:
    """The order types of the first exchange in the zone that takes exclusive groups; None where none does.

    Of a day before the first source, the oldest row counts: a backtest assumes that the rules were the same.
    An `exchange` that is named counts in any zone, which is an assumption of whoever names it.

    Raises:
        ConfigurationError: the named exchange is not listed.
    """
    if exchange:
        return _with_groups(exchange, day)
    names = dict.fromkeys(one.exchange for one in BLOCK_ORDERS if zone in one.zones)
    found = [_with_groups(name, day) for name in _in_order(zone, names)]
    return next((one for one in found if one is not None), None)


def _in_order(zone: str, names: Iterable[str]) -> list[str]:
    """Nord Pool first in the Nordic and Baltic zones, EPEX SPOT first elsewhere."""
    first = "nord_pool" if zone in _NORDIC else "epex_spot"
    return sorted(names, key=lambda name: (name != first, name))


def _with_groups(exchange: str, day: date) -> BlockOrders | None:
    oldest = next((one.valid_from for one in BLOCK_ORDERS if one.exchange == exchange), day)
    one = block_orders(exchange, max(day, oldest))
    return one if one.has_exclusive_groups else None
