"""Which code made a model: a hash over the sources that a forecast depends on, so that an edit elsewhere makes no new version."""

import hashlib
from functools import cache

from resources.settings.home import PROJECT_ROOT

_ROOMS = (
    "spot/forecast",
    "spot/features",
    "spot/contracts/panel.py",
    "spot/contracts/feature_tables.py",
    "spot/market",
)
_SPREAD_ROOMS = (
    "spot/strategy/spread/model.py",
    "spot/strategy/spread/inputs.py",
    "spot/strategy/spread/sources.py",
    "spot/risk/outcomes.py",
    "spot/features",
    "spot/market",
)


@cache
def lock_hash() -> str:
    """SHA-256 of `requirements.lock`: which versions of which libraries.

    `none` where the file is not there.
    """
    lock = PROJECT_ROOT / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else "none"


def model_code_version() -> str:
    """Sixteen hex digits over the sources of features, forecasters and market rules."""
    return _hash_of(_ROOMS)


def spread_code_version() -> str:
    """The same for models of the spread."""
    return _hash_of(_SPREAD_ROOMS)


@cache
def _hash_of(rooms: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for room in rooms:
        path = PROJECT_ROOT / room
        for file in sorted([path] if path.is_file() else path.rglob("*.py")):
            digest.update(file.relative_to(PROJECT_ROOT).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
