"""The heartbeat: a request to an address outside, whose owner alarms when it stays away."""

import httpx

from resources.providers.http import silence_address_log

TIMEOUT_SECONDS = 5.0
"""Chosen by hand: the daemon's tick waits for it. The next beat comes a minute later."""
silence_address_log()


def send_heartbeat(address: str) -> str:
    """Ask the address once (GET); why it did not answer, empty where it did.

    The address is a secret: it is no part of what is returned.
    """
    try:
        httpx.get(address, timeout=TIMEOUT_SECONDS).raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"HTTP status {error.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return type(error).__name__
    return ""
