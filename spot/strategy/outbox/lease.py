"""The lease of a live zone: which one of several copies of a desk may send its orders.

A person gives it, zone by zone. Its number grows with every lease of the zone, whichever copy gets it, and
stands in every message. A receiver that has seen a number refuses every lower one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from spot.strategy.outbox.batch import Batch


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one desk to send the orders of one zone."""

    zone: str
    number: int
    desk_id: str
    since_utc: datetime


def next_number(given: Iterable[int], now: datetime) -> int:
    """Number of a new lease: seconds since 1970, and above every number that this desk knows.

    A counter would not do: two copies that each count on from the same lease would give the same number.
    """
    return max(int(now.timestamp()), *(number + 1 for number in given), 1)


def assess_lease(batch: Batch, lease: Lease | None) -> tuple[str, ...]:
    """Every reason why the lease does not allow this desk to send the batch.

    A paper batch needs no lease.
    """
    if batch.mode != "live":
        return ()
    if lease is None:
        return (f"this desk has no lease of {batch.zone}: give it one with `spotdesk live`",)
    if batch.signals["as_of_utc"].min() < lease.since_utc:  # type: ignore[operator]  # an instant, by its contract
        began = f"{lease.since_utc:%Y-%m-%d %H:%M} UTC"
        return (f"decided before the lease began at {began}: another desk may have sent it",)
    return ()
