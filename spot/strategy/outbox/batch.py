"""What may leave the desk, and in which form.

Batches of signals with an idempotent id, the reasons to refuse one, payloads and their signature.

A batch is one zone, day and strategy: the whole day, flat units included, because it replaces every earlier
batch of the same three. Pure: the adapters that send are in `resources/trading/outbox.py`.
"""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from spot.contracts.signal_tables import BID_CURVES, PUBLICATIONS, SIGNALS
from spot.contracts.table import check_rows
from spot.errors import ContractError
from spot.market.delivery import n_periods
from spot.market.gates import gate_closure_utc
from spot.risk.state import TradingState

SIGNATURE_TOLERANCE = timedelta(minutes=5)
ORDER_RATE_SPAN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The signals of one zone, day and strategy, and the id by which a receiver knows them again."""

    publication_id: str
    zone: str
    delivery_day: date
    strategy: str
    mode: str
    valid_until_utc: datetime
    signals: pl.DataFrame
    curves: Mapping[str, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    """Signal id to its steps (price, accumulated MW); a signal without steps is one order at its limit price."""

    @property
    def n_orders(self) -> int:
        """Units that buy or sell."""
        return int((self.signals["volume_mw"] > 0).sum())


@dataclass(frozen=True, slots=True)
class SilenceVerdict:
    """Whether signals are missing although the gate is near."""

    is_silent: bool
    reasons: tuple[str, ...]


def make_batches(signals: pl.DataFrame, bid_curves: pl.DataFrame | None = None) -> tuple[Batch, ...]:
    """The champion's signals as batches, in the order of zone, day and strategy, with the steps of those that are bid as a curve."""
    champion = signals.filter(pl.col("role") == "champion").sort(
        "zone", "delivery_day", "strategy", "delivery_start_utc"
    )
    steps = BID_CURVES.empty() if bid_curves is None else bid_curves
    return tuple(
        _batch(rows, steps)
        for _, rows in champion.group_by("zone", "delivery_day", "strategy", maintain_order=True)
    )


def _batch(rows: pl.DataFrame, bid_curves: pl.DataFrame) -> Batch:
    zone, day, strategy = rows.select("zone", "delivery_day", "strategy").row(0)
    until = rows["valid_until_utc"].min()
    if not isinstance(until, datetime):
        raise ContractError(f"{zone} {day} {strategy}: signals without valid_until_utc")
    own = bid_curves.filter(pl.col("signal_id").is_in(rows["signal_id"].implode())).sort(
        "delivery_start_utc", "step"
    )
    curves = {
        str(signal): tuple(steps.select("price_eur_per_mwh", "volume_mw").rows())
        for (signal,), steps in own.group_by("signal_id", maintain_order=True)
    }
    text = "|".join(
        (zone, str(day), strategy, *rows["signal_id"].to_list(), *([repr(curves)] if curves else []))
    )
    return Batch(
        publication_id=hashlib.sha256(text.encode()).hexdigest()[:24],
        zone=zone,
        delivery_day=day,
        strategy=strategy,
        mode="live" if rows["mode"].eq("live").all() else "paper",
        valid_until_utc=until,
        signals=rows,
        curves=curves,
    )


def assess_batch(
    batch: Batch,
    *,
    now: datetime,
    state: TradingState,
    conformance: pl.DataFrame,
    published: pl.DataFrame | None = None,
) -> tuple[str, ...]:
    """Every reason not to send the batch at `now`; none means it may leave.

    `conformance` holds rows of `limit_conformance`: no order leaves without those of its own decision (the
    same `as_of_utc`), or with a breached one. `published` holds rows of `publications` of the whole desk:
    what left in the last minute counts against the order rate, and the batch waits where there is no room.
    """
    gate = gate_closure_utc(batch.zone, batch.delivery_day)
    has_orders = batch.n_orders > 0
    reasons = []
    if state is TradingState.HALTED:
        reasons.append("halted")
    if state is TradingState.REDUCING and has_orders and batch.signals["trading_state"].eq("ACTIVE").any():
        reasons.append("decided while ACTIVE, and the state is now REDUCING")
    if now >= gate:
        reasons.append(f"the gate closed at {gate:%Y-%m-%d %H:%M} UTC")
    if now >= batch.valid_until_utc:
        reasons.append(f"void since {batch.valid_until_utc:%Y-%m-%d %H:%M} UTC")
    if check_rows(batch.signals, SIGNALS).rejected.height:
        reasons.append("signals break their contract")
    minutes = batch.signals["resolution_minutes"][0]
    if batch.signals.height != n_periods(batch.zone, batch.delivery_day, int(minutes)):
        reasons.append("units are missing or doubled")
    decided = batch.signals["as_of_utc"]
    if decided.n_unique() > 1:
        reasons.append("signals of several decisions")
    # Rows of an earlier decision say nothing about this one: its limits are not written yet, or its run died
    # before it wrote them.
    about = {
        "zone": batch.zone,
        "delivery_day": batch.delivery_day,
        "strategy": batch.strategy,
        "role": "champion",
        "as_of_utc": decided[0],
    }
    judged = conformance.filter(*(pl.col(name) == value for name, value in about.items()))
    if has_orders and judged.is_empty():
        reasons.append("no limits were checked for this decision")
    if has_orders and judged.filter(pl.col("status").is_in(["breached", "denied"])).height:
        reasons.append("a limit is breached or denies")
    if has_orders:
        reasons += _above_rate(batch, judged, PUBLICATIONS.empty() if published is None else published, now)
    return tuple(reasons)


def _above_rate(batch: Batch, judged: pl.DataFrame, published: pl.DataFrame, now: datetime) -> list[str]:
    """Scopes whose orders of the last minute, with the batch, are above their limit.

    The same batch on a second channel counts once.
    """
    recent = published.filter(
        pl.col("status") == "sent",
        pl.col("recorded_at_utc") > now - ORDER_RATE_SPAN,
        pl.col("publication_id") != batch.publication_id,
    ).unique("publication_id")
    inside = {"desk": pl.lit(True), "zone": pl.col("zone") == batch.zone}
    inside["strategy"] = inside["zone"] & (pl.col("strategy") == batch.strategy)
    reasons = []
    for scope, limit in (
        judged.filter(pl.col("limit_name") == "max_orders_per_minute")
        .select("scope", "limit_value")
        .iter_rows()
    ):
        n_orders = batch.n_orders + int(recent.filter(inside[scope])["n_orders"].sum())
        if limit is None or not n_orders <= limit:
            reasons.append(f"order rate: {n_orders} orders of the {scope} in a minute, {limit} are allowed")
    return reasons


def json_payload(batch: Batch, *, sequence: int, desk_id: str = "", lease: int | None = None) -> bytes:
    """The batch as JSON, the same bytes for the same arguments; instants as ISO 8601.

    `lease` is the number of the desk's right to send, None on paper: a receiver refuses a lower one than it has seen.
    """
    document = {
        "publication_id": batch.publication_id,
        "sequence": sequence,
        "desk_id": desk_id,
        "lease": lease,
        "replaces": "every earlier batch of this zone, delivery_day and strategy",
        "zone": batch.zone,
        "delivery_day": batch.delivery_day.isoformat(),
        "strategy": batch.strategy,
        "mode": batch.mode,
        "valid_until_utc": batch.valid_until_utc.isoformat(),
        "signals": [
            {
                **{key: _plain(value) for key, value in row.items()},
                "bid_curve": [list(step) for step in batch.curves.get(row["signal_id"], ())],
            }
            for row in batch.signals.to_dicts()
        ],
    }
    return json.dumps(document, sort_keys=True, ensure_ascii=False, allow_nan=False).encode()


def csv_payload(batch: Batch, *, desk_id: str = "", lease: int | None = None) -> bytes:
    """The batch as CSV with a header; a curve is `price:MW` steps parted by spaces."""
    curves = [
        " ".join(f"{price:g}:{mw:g}" for price, mw in batch.curves.get(signal, ()))
        for signal in batch.signals["signal_id"]
    ]
    frame = batch.signals.with_columns(
        bid_curve=pl.Series(curves, dtype=pl.String),
        publication_id=pl.lit(batch.publication_id),
        desk_id=pl.lit(desk_id),
        lease=pl.lit(lease, dtype=pl.Int64),
    )
    return frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, a dot and the body, as `sha256=<hex>` (RFC 2104)."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(secret: bytes, timestamp: str, body: bytes, signature: str, *, now: datetime) -> bool:
    """What a receiver checks: the signature is right and not older or newer than five minutes."""
    try:
        sent = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    is_fresh = sent.tzinfo is not None and abs(now - sent) <= SIGNATURE_TOLERANCE
    return is_fresh and hmac.compare_digest(sign(secret, timestamp, body), signature)


def valid_signals(signals: pl.DataFrame, *, now: datetime) -> pl.DataFrame:
    """The signals that still hold at `now`; every reader that acts on signals asks this first."""
    return signals.filter(pl.col("valid_until_utc") > now)


def as_sent(signals: pl.DataFrame, publications: pl.DataFrame) -> pl.DataFrame:
    """The signals as the books see them.

    Live ones of a zone, day and strategy of which no channel took anything are flat, they never were orders.
    """
    key = ["zone", "delivery_day", "strategy"]
    taken = (
        publications.filter(pl.col("status") == "sent", pl.col("mode") == "live")
        .select(*key, is_taken=True)
        .unique()
    )
    never_left = (pl.col("mode") == "live") & pl.col("is_taken").is_null()
    return (
        signals.join(taken, on=key, how="left", maintain_order="left")
        .with_columns(
            side=pl.when(never_left).then(pl.lit("flat")).otherwise("side"),
            volume_mw=pl.when(never_left).then(0.0).otherwise("volume_mw"),
        )
        .drop("is_taken")
    )


def assess_silence(
    signals: pl.DataFrame,
    *,
    zone: str,
    delivery_day: date,
    strategies: Sequence[str],
    now: datetime,
    minutes_before_gate: int,
) -> SilenceVerdict:
    """Silence is an alarm: within `minutes_before_gate` of the gate every strategy must have spoken for every unit, flat included."""
    gate = gate_closure_utc(zone, delivery_day)
    if not gate - timedelta(minutes=minutes_before_gate) <= now:
        return SilenceVerdict(False, ())
    rows = signals.filter(
        (pl.col("zone") == zone) & (pl.col("delivery_day") == delivery_day) & (pl.col("role") == "champion")
    )
    reasons = []
    for strategy in strategies:
        own = rows.filter(pl.col("strategy") == strategy)
        expected = (
            n_periods(zone, delivery_day, int(own["resolution_minutes"][0]))
            if own.height
            else n_periods(zone, delivery_day)
        )
        if own["delivery_start_utc"].n_unique() < expected:
            reasons.append(
                f"{strategy}: {own['delivery_start_utc'].n_unique()} of {expected} units of {zone} on"
                f" {delivery_day} have a signal"
            )
    return SilenceVerdict(bool(reasons), tuple(reasons))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime | date) else value
