"""One message of the outbox and the row of `publications` that it leaves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import polars as pl

from spot.contracts.signal_tables import PUBLICATIONS
from spot.strategy.outbox.batch import Batch
from spot.strategy.outbox.lease import Lease
from spot.strategy.outbox.payload import csv_payload, json_payload

Channel = Literal["table", "file", "webhook"]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel answered, and the checksum of what it got."""

    text: str
    payload_sha256: str


@dataclass(frozen=True, slots=True)
class Sender:
    """The desk that sends, and its lease of the zone."""

    desk_id: str
    lease: Lease | None

    def number(self, mode: str) -> int | None:
        """Number of the lease that a message of this mode carries."""
        return self.lease.number if self.lease is not None and mode == "live" else None


@dataclass(frozen=True, slots=True)
class Message:
    """A batch with what says which of several may be believed."""

    batch: Batch
    sequence: int
    desk_id: str
    lease: int | None
    books_head: str = ""

    @property
    def json(self) -> bytes:
        """Body of a message, and content of a file."""
        return json_payload(
            self.batch,
            sequence=self.sequence,
            desk_id=self.desk_id,
            lease=self.lease,
            books_head=self.books_head,
        )

    @property
    def csv(self) -> bytes:
        """The same for those who read tables."""
        return csv_payload(self.batch, desk_id=self.desk_id, lease=self.lease)


def rows_of(batch: Batch, channel: Channel, desk: pl.DataFrame) -> pl.DataFrame:
    """Rows of the very batch on the channel."""
    return desk.filter(pl.col("publication_id") == batch.publication_id, pl.col("channel") == channel)


def sequence_of(batch: Batch, channel: Channel, desk: pl.DataFrame) -> int:
    """1 for the first batch of this zone, day and strategy on the channel.

    2 for the one that replaces it, and so on.
    """
    same = {
        "zone": batch.zone,
        "delivery_day": batch.delivery_day,
        "strategy": batch.strategy,
        "channel": channel,
        "status": "sent",
    }
    return (
        1 + desk.filter(*(pl.col(name) == value for name, value in same.items()))["publication_id"].n_unique()
    )


def publication_row(
    batch: Batch,
    channel: Channel,
    attempt: int,
    status: str,
    *,
    sender: Sender,
    now: datetime,
    detail: str = "",
    receipt: Receipt | None = None,
) -> pl.DataFrame:
    """The row of `publications` that says how an attempt ended; attempt 0 is none."""
    return pl.DataFrame(
        {
            "publication_id": batch.publication_id,
            "channel": channel,
            "attempt": attempt,
            "zone": batch.zone,
            "delivery_day": batch.delivery_day,
            "strategy": batch.strategy,
            "n_signals": batch.signals.height,
            "n_orders": batch.n_orders,
            "mode": batch.mode,
            "status": status,
            "detail": detail,
            "payload_sha256": receipt.payload_sha256 if receipt else "",
            "receipt": receipt.text if receipt else "",
            "recorded_at_utc": now,
            "desk_id": sender.desk_id,
            "lease": sender.number(batch.mode),
        },
        schema=PUBLICATIONS.schema,
    )
