"""What the desk earned: a day, seven days and a month, beside perfect foresight and the naive rivals."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

PERIODS = ("day", "7 days", "month")
Rivals = Mapping[str, Mapping[str, pl.DataFrame]]
"""Strategy to the settlements of each of its naive rivals by name, of one zone."""
_OF = ["zone", "strategy", "mode", "currency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Net P&L of one strategy of a zone over a period, both days included; amounts in `currency`."""

    zone: str
    strategy: str
    mode: str
    period: str
    first_day: date
    last_day: date
    n_days: int
    """Settled days in the period."""
    pnl: float
    perfect_foresight: float | None
    """None where it is not known for every settled unit."""
    foresight_share: float | None
    naive: float | None
    """The naive rival that earned most on the same days; None where it was not walked."""
    naive_name: str | None
    currency: str

    @property
    def label(self) -> str:
        """Strategy, mode and currency: what its periods have in common."""
        return f"{self.strategy}, {self.mode}" + ("" if self.currency == "EUR" else f", {self.currency}")

    def row(self) -> dict[str, Any]:
        """The row of a table or of JSON."""
        return asdict(self)


def period_days(last: date) -> dict[str, tuple[date, date]]:
    """Name of each period to its first and last day, where `last` is the newest settled day."""
    firsts = (last, last - timedelta(days=6), last.replace(day=1))
    return {name: (first, last) for name, first in zip(PERIODS, firsts, strict=True)}


def money_of(settlements: pl.DataFrame, last: date, *, naive: Rivals | None = None) -> list[Money]:
    """A row per strategy and period that has a settled day.

    Args:
        settlements: under its contract, of any zones and days.
        last: last day of every period.
        naive: the rivals, where they were walked.
    """
    champion = settlements.filter(pl.col("role") == "champion")
    rows = []
    for period, (first, end) in period_days(last).items():
        within = champion.filter(pl.col("delivery_day").is_between(first, end))
        for key, own in within.group_by(_OF, maintain_order=True):
            zone, strategy, mode, currency = (str(part) for part in key)
            name, amount = _best_rival((naive or {}).get(strategy, {}), own["delivery_day"].unique())
            pnl, perfect = float(own["pnl_eur"].sum()), _whole_sum(own["perfect_foresight_eur"])
            rows.append(
                Money(
                    zone=zone,
                    strategy=strategy,
                    mode=mode,
                    period=period,
                    first_day=first,
                    last_day=end,
                    n_days=own["delivery_day"].n_unique(),
                    pnl=pnl,
                    perfect_foresight=perfect,
                    foresight_share=pnl / perfect if perfect is not None and perfect > 0 else None,
                    naive=amount,
                    naive_name=name,
                    currency=currency,
                )
            )
    return sorted(rows, key=lambda row: (row.zone, row.strategy, row.mode, PERIODS.index(row.period)))


def _best_rival(rivals: Mapping[str, pl.DataFrame], days: pl.Series) -> tuple[str | None, float | None]:
    """The rival that earned most on the days, and how much; none where a day of it is missing."""
    found = {}
    for name, settled in rivals.items():
        own = settled.filter(pl.col("delivery_day").is_in(days.implode()))
        if own["delivery_day"].n_unique() == len(days):
            found[name] = float(own["pnl_eur"].sum())
    best = max(found, key=lambda name: found[name], default=None)
    return best, None if best is None else found[best]


def _whole_sum(column: pl.Series) -> float | None:
    return None if column.null_count() else float(column.sum())
