"""The alert channels: how one message leaves, and which addresses there are.

Nothing here knows Dagster or the lake: `spotdesk watch` sends through the same channels when both are gone.
"""

import logging
from collections.abc import Mapping
from typing import Any

import httpx

from resources.providers.http import silence_address_log
from resources.wall_clock import utc_now

CHANNELS_VARIABLE = "SPOTDESK_WEBHOOK_URL"
silence_address_log()


def post_alert(addresses: str, row: Mapping[str, object], *, timeout_seconds: float) -> dict[int, str]:
    """Send the row of an alert to each of the addresses, which are separated by white space.

    Where the row has a `books_head`, the text ends with it. Returns number (from 1) to why that address did
    not take it. An address may carry a token, so it is never part of what is returned or logged.
    """
    text = f"[{row['severity']}] {row['zone']} {row['kind']}: {row['message']}"
    if "books_head" in row:
        text += f"\nbooks {row['books_head']}"
    failed = {}
    for n, address in enumerate(addresses.split(), start=1):
        why = (
            _post_json(address, row, text, timeout_seconds)
            if _is_webhook(address)
            else _notify(address, row, text)
        )
        if why:
            failed[n] = why
    return failed


def is_channel(address: str) -> bool:
    """Whether an address is a webhook or one that Apprise knows how to reach."""
    if _is_webhook(address):
        return bool(httpx.URL(address).host)
    return _apprise_of(address) is not None


def _is_webhook(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _post_json(address: str, row: Mapping[str, object], text: str, timeout_seconds: float) -> str:
    """Why the webhook did not take the row; empty where it did."""
    # A replay raises alerts as of a past day; when the message left, the true clock says.
    instants = {"raised_at_utc": str(row["raised_at_utc"]), "sent_at_utc": utc_now().isoformat()}
    body = {**row, **instants, "text": text}
    try:
        httpx.post(address, json=body, timeout=timeout_seconds).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return ""


def _notify(address: str, row: Mapping[str, object], text: str) -> str:
    """Why the channel of Apprise did not take the message; empty where it did."""
    channel = _apprise_of(address)
    if channel is None:
        return "not an address that Apprise knows"
    kind = {"info": "info", "warning": "warning", "critical": "failure"}[str(row["severity"])]
    return (
        ""
        if channel.notify(body=text, title=f"Spotdesk {row['zone']}", notify_type=kind)
        else "not delivered"
    )


def _apprise_of(address: str) -> Any | None:
    """Apprise with this one address, or None where it does not know it. It is slow to import: only on use."""
    from apprise import Apprise

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # it logs addresses, and they hold tokens
    channel = Apprise()
    return channel if channel.add(address) else None
