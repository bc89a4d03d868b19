"""The signature of a message, and what a receiver checks. Standard library alone: the sender imports it."""

import hashlib
import hmac
from datetime import datetime, timedelta

SIGNATURE_TOLERANCE = timedelta(minutes=5)
"""Oldest message that a receiver takes where it says nothing else."""
PROMPT_TOLERANCE = timedelta(seconds=15)
"""For a receiver whose clock is kept by NTP: a message is signed when its connection stands, so an older one
was held up on the way.
"""


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over timestamp, a dot and the body, as `sha256=<hex>` (RFC 2104)."""
    return "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def is_signed(
    secret: bytes,
    timestamp: str,
    body: bytes,
    signature: str,
    *,
    now: datetime,
    tolerance: timedelta = SIGNATURE_TOLERANCE,
) -> bool:
    """What a receiver checks: the signature is right, and the sending time no further away than `tolerance`.

    The sending time is under the signature, so a message that was held up cannot be made to look fresh.
    """
    try:
        sent = datetime.fromisoformat(timestamp)
    except ValueError:
        return False
    is_fresh = sent.tzinfo is not None and abs(now - sent) <= tolerance
    return is_fresh and hmac.compare_digest(sign(secret, timestamp, body), signature)
