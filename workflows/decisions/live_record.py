"""What went live is a record: once its gate has passed, no replay replaces its signals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.lake.zone_tables import read_span, replace_span
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.walk.inputs import Book
from spot.walk.signals import WalkedSignals

KEPT_BECAUSE = (
    "these days were live and their gate has passed; `spotdesk replay` and `spotdesk backtest` look at them"
    " again"
)


@dataclass(frozen=True, slots=True)
class LiveRecord:
    """Days of a span whose stored rows are kept, and the stored signals and settlements."""

    days: tuple[date, ...]
    signals: pl.DataFrame
    settlements: pl.DataFrame

    def on_top_of(self, before: Book) -> Book:
        """The book for a walk that skips the kept days."""
        return before.with_rows([self.signals], [self.settlements])


def live_record(span: ZoneDays, lake: Lake, now: datetime) -> LiveRecord:
    """Days whose gate has passed by `now` and that were decided live, or of which something live was sent."""
    signals = read_span(lake, "signals", span)
    live = signals.filter(pl.col("role") == "champion", pl.col("mode") == "live")
    sent = read_span(lake, "publications", span).filter(pl.col("status") == "sent", pl.col("mode") == "live")
    on_record = {*live["delivery_day"].to_list(), *sent["delivery_day"].to_list()}
    days = tuple(day for day in span.days if day in on_record and gate_closure_utc(span.zone, day) <= now)
    return LiveRecord(days, _of(signals, days), _of(read_span(lake, "settlements", span), days))


def write_decision(
    walked: WalkedSignals, span: ZoneDays, record: LiveRecord, lake: Lake
) -> dict[str, tuple[pl.DataFrame, WriteReport]]:
    """Write the five tables of a decision for all days but the kept ones; returns rows and report by table.

    `limit_conformance` comes last on purpose. By its rows of the same `as_of_utc`, the outbox knows that the
    decision is complete. A run that dies before it leaves signals that nobody sends.
    """
    made = {
        "signals": walked.signals,
        "bid_curves": walked.bid_curves,
        "block_orders": walked.block_orders,
        "risk_events": walked.events,
        "limit_conformance": walked.conformance,
    }
    written = {}
    for table, new in made.items():
        rows = pl.concat([_of(read_span(lake, table, span), record.days), new])
        written[table] = rows, replace_span(lake, table, rows, span)
    return written


def _of(rows: pl.DataFrame, days: Sequence[date]) -> pl.DataFrame:
    return rows.filter(pl.col("delivery_day").is_in(list(days)))
