"""The outbox: signals leave at least once, to a table, a folder and a webhook, with retries and receipts.

The tables `signals` and `publications` are the outbox. A signal without a `sent` row for a channel is still
to be sent. After a crash between sending and writing the row it is sent again under the same id. Publishers
take turns, message by message, until the row is written, so two at once send a message once.

State, clock, limits and order rate are asked anew before each message. A file or post leaves from a process
of its own, which asks the state again and which a halt ends (`resources/trading/leaving`). Only a live zone
reaches the webhook; paper signals go to the table and the folder `paper`.
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
from dagster import ResourceDependency

from resources.books.leaving import head_to_send, note_departure
from resources.fixed_resource import FixedResource
from resources.home.marker import desk_id_of
from resources.lake.lake import Lake
from resources.settings.at_use import second_place, signal_webhook, signal_webhook_problem
from resources.trading.clock_watch import ClockWatch
from resources.trading.leases import LeaseStore
from resources.trading.leaving.outside import stopped_from_outside
from resources.trading.leaving.send import Permission, drop, post
from resources.trading.locks import publishing, writing_decision
from resources.trading.orders_to_send import limits_behind, not_judged, orders_to_send
from resources.trading.publication_row import (
    Channel,
    Message,
    Receipt,
    Sender,
    publication_row,
    rows_of,
    sequence_of,
)
from resources.trading.second_place import LEASE_SECONDS, SecondPlace
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from spot.contracts.signal_tables import PUBLICATIONS
from spot.errors import SourceUnavailableError, TradingHaltedError
from spot.market.gates import gate_closure_utc
from spot.strategy.by_hand.changes import Key
from spot.strategy.outbox.batch import Batch, make_batches
from spot.strategy.outbox.lease import assess_lease
from spot.strategy.outbox.refusal import assess_batch
from spot.strategy.outbox.standing import valid_signals

_LOG = logging.getLogger("spotdesk.publication")


class Outbox(FixedResource):
    """Where signals go.

    The webhook's address and secret are read at each use, and no part of the configuration.
    """

    lake: ResourceDependency[Lake]
    state_folder: str
    drop_folder: str = ""
    home: str = ""
    """Folder of the desk, which holds the leases of live zones; without it no live order leaves."""

    def publish(
        self, zone: str, first_day: date, last_day: date, *, clock: Callable[[], datetime] = utc_now
    ) -> pl.DataFrame:
        """Send what is still valid of a zone's signals and has not been sent.

        Rows of `publications` of this call. Each message asks `clock` anew; the graph leaves it the true one,
        whatever the clock of a replay says.

        Raises:
            SourceUnavailableError: a decision has been being written for too long.
        """
        with writing_decision(Path(self.state_folder)):  # signals, curves and blocks of the same decision
            orders = orders_to_send(self.lake, zone, first_day, last_day)
            blocks = self.lake.read("block_orders", zones=[zone], first_day=first_day, last_day=last_day)
        target = signal_webhook()
        publisher = Publisher(
            lake=self.lake,
            state_folder=self.state_folder,
            drop_folder=self.drop_folder,
            home=self.home,
            webhook_url=target["url"],
            webhook_secret=target["secret"],
            webhook_problem=signal_webhook_problem(),
            second_place=second_place(),
            unjudged=orders.unjudged,
        )
        signals = valid_signals(orders.signals, now=clock())
        return publisher.publish(signals, orders.bid_curves, blocks, clock=clock)

    def clock_problem(self) -> str:
        """Why the clock of the machine is not trusted; empty where it is, and before a desk is set up."""
        return ClockWatch(Path(self.state_folder)).problem()


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Sends what may leave. `drop_folder` and `webhook_url` may be empty: that channel is then off."""

    lake: Lake
    state_folder: str
    drop_folder: str = ""
    home: str = ""
    webhook_url: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    webhook_problem: str = ""
    """Why nothing may be posted; empty where it may."""
    second_place: SecondPlace | None = None
    unjudged: Mapping[Key, str] = field(default_factory=dict)
    """Batches with changes of people whose limits were not judged on the newest decision, and why."""
    max_attempts: int = 5
    timeout_seconds: float = 5.0
    """Attempts and longest wait. Chosen by hand: other batches wait, and the gate comes nearer."""

    def publish(
        self,
        signals: pl.DataFrame,
        bid_curves: pl.DataFrame | None = None,
        block_orders: pl.DataFrame | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> pl.DataFrame:
        """Send every batch of `signals` (any rows of the table) that a channel has not had yet.

        Rows of `publications` of this call. Call it again to retry what failed: a channel that has a batch is
        not bothered twice, one that failed `max_attempts` times is left to the alert that its last row is.
        """
        made = [PUBLICATIONS.empty()]
        for batch in make_batches(signals, bid_curves, block_orders):
            for channel in self._channels(batch):
                row = self._publish_once(batch, channel, clock)
                if row is not None:
                    made.append(row)
        return pl.concat(made)

    def _channels(self, batch: Batch) -> list[Channel]:
        channels: list[Channel] = ["table"]
        if self.drop_folder:
            channels.append("file")
        if self.webhook_url and batch.mode == "live":
            channels.append("webhook")
        return channels

    def _publish_once(
        self, batch: Batch, channel: Channel, clock: Callable[[], datetime]
    ) -> pl.DataFrame | None:
        """One attempt on one channel, or None where nothing is to be done."""
        # Other publishers wait until the row is written; the stop button does not.
        with publishing(Path(self.state_folder)) as turn:
            desk = self._published_around(batch)
            if self._is_done(batch, channel, desk):
                return None
            conformance = limits_behind(self.lake, batch)
            state = TradingStateStore(Path(self.state_folder)).state(batch.zone)
            now = clock()
            permission = Permission(
                state_folder=Path(self.state_folder),
                zone=batch.zone,
                state=state,
                judged_at=now,
                valid_until=self._valid_until(batch, now),
            )
            sender = self._sender(batch.zone)
            reasons = assess_batch(batch, now=now, state=state, conformance=conformance, published=desk)
            reasons += assess_lease(batch, sender.lease) + not_judged(batch, self.unjudged)
            reasons += stopped_from_outside(permission, self.second_place)
            reasons += (self.webhook_problem,) if channel == "webhook" and self.webhook_problem else ()
            turn.check()
            row = (
                self._refused(batch, channel, desk, sender, reasons, now)
                if reasons
                else self._attempt(batch, channel, desk, sender, permission)
            )
            if row is not None:
                self.lake.upsert("publications", row)
        return row

    def _valid_until(self, batch: Batch, now: datetime) -> datetime:
        """The gate, the end of the signals, or how long an answer of the second place holds."""
        ends = [batch.valid_until_utc, gate_closure_utc(batch.zone, batch.delivery_day)]
        if self.second_place is not None:
            ends.append(now + timedelta(seconds=LEASE_SECONDS))
        return min(ends)

    def _refused(
        self,
        batch: Batch,
        channel: Channel,
        desk: pl.DataFrame,
        sender: Sender,
        reasons: tuple[str, ...],
        now: datetime,
    ) -> pl.DataFrame | None:
        """A refusal is one row, however often it is asked; attempt 0 is no attempt."""
        is_known = (rows_of(batch, channel, desk)["status"] == "refused").any()
        if is_known:
            return None
        said = "; ".join(reasons)
        return publication_row(batch, channel, 0, "refused", sender=sender, detail=said, now=now)

    def _sender(self, zone: str) -> Sender:
        """Who sends: the desk as its marker says it, and its lease of the zone."""
        if not self.home:
            return Sender("", None)
        home = Path(self.home)
        return Sender(desk_id_of(home), LeaseStore(home).held(zone))

    def _attempt(
        self, batch: Batch, channel: Channel, desk: pl.DataFrame, sender: Sender, permission: Permission
    ) -> pl.DataFrame | None:
        """Send, and the row that says how it ended."""
        now = permission.judged_at
        attempt = 1 + rows_of(batch, channel, desk).filter(pl.col("status") != "refused").height
        try:
            message = Message(
                batch,
                sequence_of(batch, channel, desk),
                sender.desk_id,
                sender.number(batch.mode),
                head_to_send(self.home),
            )
            receipt = self._send(message, channel, permission)
            if channel == "webhook":
                note_departure(self.home, message.books_head, to="the webhook of signals", now=now)
        except TradingHaltedError as error:
            return self._refused(batch, channel, desk, sender, (str(error),), now)
        except (OSError, SourceUnavailableError) as error:
            _LOG.warning("publication %s: %s did not take it: %s", batch.publication_id, channel, error)
            return publication_row(
                batch, channel, attempt, "failed", sender=sender, detail=str(error), now=now
            )
        return publication_row(batch, channel, attempt, "sent", sender=sender, receipt=receipt, now=now)

    def _published_around(self, batch: Batch) -> pl.DataFrame:
        """Publications of all zones around the batch's day.

        What it had, and what counts against the order rate.
        """
        day = timedelta(days=1)
        return self.lake.read(
            "publications", first_day=batch.delivery_day - day, last_day=batch.delivery_day + day
        )

    def _is_done(self, batch: Batch, channel: Channel, desk: pl.DataFrame) -> bool:
        own = rows_of(batch, channel, desk)
        return (
            bool((own["status"] == "sent").any())
            or own.filter(pl.col("status") != "refused").height >= self.max_attempts
        )

    def _send(self, message: Message, channel: Channel, permission: Permission) -> Receipt:
        body = message.json
        checksum = hashlib.sha256(body).hexdigest()
        if channel == "file":
            return Receipt(self._drop(message, body, permission), checksum)
        if channel == "webhook":
            return Receipt(self._post(message, body, permission), checksum)
        return Receipt(f"signals@{self.lake.version('signals')}", checksum)

    def _drop(self, message: Message, body: bytes, permission: Permission) -> str:
        """JSON and CSV, each swapped in by one rename: a reader sees the whole file or none.

        The receipt is relative to the folder of the outbox, so that it holds where the desk is moved to.
        """
        batch = message.batch
        inner = Path(batch.mode) / batch.zone / batch.delivery_day.isoformat()
        name = f"{batch.strategy}-{batch.publication_id}"
        files = {f"{name}.csv": message.csv, f"{name}.json": body}
        drop(permission, Path(self.drop_folder) / inner, files)
        return str(inner / f"{name}.json")

    def _post(self, message: Message, body: bytes, permission: Permission) -> str:
        if not self.webhook_secret:
            raise SourceUnavailableError("the webhook has no secret: an unsigned message is not sent")
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.batch.publication_id,
            "X-Spotdesk-Desk": message.desk_id,
            "X-Spotdesk-Lease": str(message.lease),
            "User-Agent": "spotdesk",
        }
        answer = post(
            permission,
            url=self.webhook_url,
            secret=self.webhook_secret,
            headers=headers,
            body=body,
            seconds=self.timeout_seconds,
        )
        if not 200 <= answer.status < 300:
            raise SourceUnavailableError(f"the webhook answered {answer.status}")
        return f"HTTP {answer.status} {answer.text}".strip()
