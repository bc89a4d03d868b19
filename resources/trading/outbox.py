"""The outbox: signals to a table, a folder and a webhook, at least once, with idempotent ids, retries and receipts.

The tables `signals` and `publications` are the outbox: what has no `sent` row for a channel is still to be
sent, so a crash between sending and writing the row sends again under the same id. Publishers take turns,
message by message, until the row is written: two that are at work at once send a message once. State,
instant, limits and order rate are asked anew, under the lock of the stop button, before every single one.
Paper signals go to the table and the folder `paper`; only a zone set live reaches the webhook.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import httpx
import polars as pl
from dagster import ConfigurableResource, ResourceDependency

from resources.files import write_whole
from resources.lake.lake import Lake
from resources.providers.http import silence_address_log
from resources.settings.environment import signal_webhook
from resources.trading.locks import publishing, writing_decision
from resources.trading.state import MAX_SENDING_SECONDS, TradingStateStore
from resources.wall_clock import utc_now
from spot.contracts.signal_tables import PUBLICATIONS
from spot.errors import SourceUnavailableError
from spot.strategy.outbox.batch import (
    Batch,
    assess_batch,
    csv_payload,
    json_payload,
    make_batches,
    sign,
    valid_signals,
)

Channel = Literal["table", "file", "webhook"]
_LOG = logging.getLogger("spotdesk.publication")
silence_address_log()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a channel answered, and the checksum of what it got."""

    text: str
    payload_sha256: str


class Outbox(ConfigurableResource["Outbox"]):
    """Where signals go.

    The webhook's address and secret are read at each use and no part of the configuration, which the UI
    shows.
    """

    lake: ResourceDependency[Lake]
    state_folder: str
    drop_folder: str = ""

    def publish(
        self, zone: str, first_day: date, last_day: date, *, clock: Callable[[], datetime]
    ) -> pl.DataFrame:
        """Send what is still valid of a zone's signals and has not been sent.

        Rows of `publications` of this call. Each message asks `clock` anew.

        Raises:
            SourceUnavailableError: a decision has been being written for too long.
        """
        with writing_decision(Path(self.state_folder)):  # signals and curves of the same decision
            rows = self.lake.read("signals", zones=[zone], first_day=first_day, last_day=last_day)
            curves = self.lake.read("bid_curves", zones=[zone], first_day=first_day, last_day=last_day)
        target = signal_webhook()
        publisher = Publisher(
            lake=self.lake,
            state_folder=self.state_folder,
            drop_folder=self.drop_folder,
            webhook_url=target["url"],
            webhook_secret=target["secret"],
        )
        return publisher.publish(valid_signals(rows, now=clock()), curves, clock=clock)


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Sends what may leave. `drop_folder` and `webhook_url` may be empty: that channel is then off."""

    lake: Lake
    state_folder: str
    drop_folder: str = ""
    webhook_url: str = field(default="", repr=False)
    webhook_secret: str = field(default="", repr=False)
    max_attempts: int = 5
    timeout_seconds: float = 5.0

    def publish(
        self,
        signals: pl.DataFrame,
        bid_curves: pl.DataFrame | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
    ) -> pl.DataFrame:
        """Send every batch of `signals` (any rows of the table) that a channel has not had yet.

        Rows of `publications` of this call.

        Call it again to retry what failed: a channel that has a batch is not bothered twice, one that failed
        `max_attempts` times is left to the alert that its last row is.
        """
        made = [PUBLICATIONS.empty()]
        for batch in make_batches(signals, bid_curves):
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
        # The outer lock keeps other publishers away until the row is written; the stop button waits for the
        # inner one, held while the message leaves.
        with publishing(Path(self.state_folder)):
            desk = self._published_around(batch)
            if self._is_done(batch, channel, desk):
                return None
            conformance = self.lake.read(
                "limit_conformance",
                zones=[batch.zone],
                first_day=batch.delivery_day,
                last_day=batch.delivery_day,
            )
            with TradingStateStore(Path(self.state_folder)).sending(batch.zone) as state:
                now = clock()
                reasons = assess_batch(batch, now=now, state=state, conformance=conformance, published=desk)
                row = (
                    self._refused(batch, channel, desk, reasons, now)
                    if reasons
                    else self._attempt(batch, channel, desk, now)
                )
            if row is not None:
                self.lake.upsert("publications", row)
        return row

    def _refused(
        self, batch: Batch, channel: Channel, desk: pl.DataFrame, reasons: tuple[str, ...], now: datetime
    ) -> pl.DataFrame | None:
        """A refusal is one row, however often it is asked; attempt 0 is no attempt."""
        is_known = (_own(batch, channel, desk)["status"] == "refused").any()
        return None if is_known else _row(batch, channel, 0, "refused", detail="; ".join(reasons), now=now)

    def _attempt(self, batch: Batch, channel: Channel, desk: pl.DataFrame, now: datetime) -> pl.DataFrame:
        """Send, and the row that says how it ended."""
        attempt = 1 + _own(batch, channel, desk).filter(pl.col("status") != "refused").height
        try:
            receipt = self._send(batch, channel, _sequence(batch, channel, desk), now)
        except (OSError, SourceUnavailableError) as error:
            _LOG.warning("publication %s: %s did not take it: %s", batch.publication_id, channel, error)
            return _row(batch, channel, attempt, "failed", detail=str(error), now=now)
        return _row(batch, channel, attempt, "sent", receipt=receipt, now=now)

    def _published_around(self, batch: Batch) -> pl.DataFrame:
        """Publications of all zones around the batch's day.

        What it had, and what counts against the order rate.
        """
        day = timedelta(days=1)
        return self.lake.read(
            "publications", first_day=batch.delivery_day - day, last_day=batch.delivery_day + day
        )

    def _is_done(self, batch: Batch, channel: Channel, desk: pl.DataFrame) -> bool:
        own = _own(batch, channel, desk)
        return (
            bool((own["status"] == "sent").any())
            or own.filter(pl.col("status") != "refused").height >= self.max_attempts
        )

    def _send(self, batch: Batch, channel: Channel, sequence: int, now: datetime) -> Receipt:
        body = json_payload(batch, sequence=sequence)
        checksum = hashlib.sha256(body).hexdigest()
        if channel == "file":
            return Receipt(self._drop(batch, body), checksum)
        if channel == "webhook":
            return Receipt(self._post(batch, body, now), checksum)
        return Receipt(f"signals@{self.lake.version('signals')}", checksum)

    def _drop(self, batch: Batch, body: bytes) -> str:
        """JSON and CSV, each whole or not there; on disk, since the ledger says next that they were sent."""
        folder = Path(self.drop_folder) / batch.mode / batch.zone / batch.delivery_day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, content in (("csv", csv_payload(batch)), ("json", body)):
            write_whole(folder / f"{batch.strategy}-{batch.publication_id}.{suffix}", content, durable=True)
        return str(folder / f"{batch.strategy}-{batch.publication_id}.json")

    def _post(self, batch: Batch, body: bytes, now: datetime) -> str:
        timestamp = now.isoformat()
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": batch.publication_id,
            "X-Spotdesk-Timestamp": timestamp,
            "X-Spotdesk-Signature": sign(self.webhook_secret.encode(), timestamp, body),
        }
        if not self.webhook_secret:
            raise SourceUnavailableError("the webhook has no secret: an unsigned message is not sent")
        # The whole message must have left within the time that a halt waits for it.
        timeout = httpx.Timeout(min(self.timeout_seconds, MAX_SENDING_SECONDS / 2))
        try:
            answer = httpx.post(
                self.webhook_url, content=body, headers=headers, timeout=timeout, follow_redirects=False
            )
        except httpx.HTTPError as error:
            # The URL may carry a token: it is not logged.
            raise SourceUnavailableError(f"the webhook did not answer ({type(error).__name__})") from error
        if not answer.is_success:
            raise SourceUnavailableError(f"the webhook answered {answer.status_code}")
        return f"HTTP {answer.status_code} {answer.text[:200]}".strip()


def _own(batch: Batch, channel: Channel, desk: pl.DataFrame) -> pl.DataFrame:
    """Rows of the very batch on the channel."""
    return desk.filter(pl.col("publication_id") == batch.publication_id, pl.col("channel") == channel)


def _sequence(batch: Batch, channel: Channel, desk: pl.DataFrame) -> int:
    """1 for the first batch of this zone, day and strategy on the channel, 2 for the one that replaces it, and so on."""
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


def _row(
    batch: Batch,
    channel: Channel,
    attempt: int,
    status: str,
    *,
    now: datetime,
    detail: str = "",
    receipt: Receipt | None = None,
) -> pl.DataFrame:
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
        },
        schema=PUBLICATIONS.schema,
    )
