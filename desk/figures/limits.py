"""Limits used and the headroom that is left, as the signals of a day were judged."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from spot.risk.limit_book import LIMIT_KINDS

_ORDER = ("breached", "denied", "reduced", "within")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitUse:
    """One limit of one scope, how much of it the signals of a day use, and what is left."""

    zone: str
    delivery_day: date
    strategy: str
    scope: str
    limit: str
    means: str
    used: float | None
    allowed: float | None
    headroom_frac: float | None
    """1 minus used over allowed, share of one; None where that means nothing."""
    status: str
    judged_utc: datetime

    @property
    def is_stopping(self) -> bool:
        """Whether nothing may leave because of it."""
        return self.status in ("breached", "denied")

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return asdict(self)


def limit_uses(conformance: pl.DataFrame, day: date | None = None) -> list[LimitUse]:
    """The champion's limits on `day`, by default its newest; those that stop come first, then the fullest.

    `conformance` is under `limit_conformance`, of one zone.
    """
    champion = conformance.filter(pl.col("role") == "champion")
    judged = champion["delivery_day"].max() if day is None else day
    rows = [_use(row) for row in champion.filter(pl.col("delivery_day") == judged).iter_rows(named=True)]
    return sorted(rows, key=_urgency)


def _use(row: dict[str, Any]) -> LimitUse:
    return LimitUse(
        zone=row["zone"],
        delivery_day=row["delivery_day"],
        strategy=row["strategy"],
        scope=row["scope"],
        limit=row["limit_name"],
        means=LIMIT_KINDS.get(row["limit_name"], ""),
        used=row["used"],
        allowed=row["limit_value"],
        headroom_frac=row["headroom_frac"],
        status=row["status"],
        judged_utc=row["as_of_utc"],
    )


def _urgency(use: LimitUse) -> tuple[int, float, str, str]:
    # An order that takes any price uses its bounds of price whole, and nothing runs short.
    headroom = 2.0 if use.headroom_frac is None or "price" in use.limit else use.headroom_frac
    return _ORDER.index(use.status), headroom, use.limit, use.scope
