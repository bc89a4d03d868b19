"""Addresses in `.env` to which a desk sends: a changed one waits for a person, like a changed setting.

Of an accepted address only a digest is kept, with a salt of the desk, so that nobody learns it from the
record. Addresses that the process brings as variables belong to whoever starts it, and are not judged.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from resources.settings.acceptance.changes import Change, Needs
from resources.settings.env_file import settings_of

ENV_FILE = ".env"
ALERTS, SIGNALS = "SPOTDESK_WEBHOOK_URL", "SPOTDESK_SIGNAL_WEBHOOK_URL"
DESTINATIONS = (ALERTS, SIGNALS)


def digests_of(home: Path, salt: str) -> dict[str, str]:
    """Name to digest of each address that `.env` holds."""
    return {name: _digest(address, salt) for name, address in _addresses(home).items()}


def changed_destinations(home: Path, accepted: Mapping[str, str], salt: str) -> list[Change]:
    """Addresses of `.env` that are not those of the digests.

    The first address for alerts needs nobody. The first one for signals, and every other change, needs a
    person.
    """
    now = digests_of(home, salt)
    found = []
    for name in DESTINATIONS:
        if now.get(name) != accepted.get(name):
            needs: Needs = "nobody" if name == ALERTS and name not in accepted else "a person"
            before = "an address" if name in accepted else None
            after = ("another address" if before else "an address") if name in now else None
            found.append(Change(ENV_FILE, name, before, after, needs))
    return found


def is_in_file(home: Path, name: str, address: str) -> bool:
    """Whether an address is the one that `.env` holds."""
    return bool(address) and _addresses(home).get(name) == address


def _addresses(home: Path) -> Mapping[str, str]:
    return settings_of(home, DESTINATIONS, is_named=True)


def _digest(address: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}\0{address}".encode()).hexdigest()
