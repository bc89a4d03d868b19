"""The key that signs the books: one file that its owner alone may read.

`SPOTDESK_BOOKS_KEY` names it; by default it is `identity/books.key` in the home, which no backup holds.
"""

import os
import stat
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from resources.files import read_regular, write_whole
from resources.home.find import state_home
from resources.settings.env_file import settings_of
from resources.settings.process import variable
from spot.errors import ConfigurationError

if TYPE_CHECKING:  # the stop button does not wait for the library
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

VARIABLE = "SPOTDESK_BOOKS_KEY"
_DEFAULT = "identity/books.key"
_MAXIMUM_BYTES = 4096
"""Chosen by hand: a key in PEM has some 120 bytes; a wrong file is not read whole."""


def key_file(home: Path) -> Path:
    """Where the private key of the desk lies, or would lie; a relative path is one below the home.

    A variable of the process counts for the desk of the process alone.
    """
    own = variable(VARIABLE)
    try:
        stamp = (home / ".env").stat().st_mtime_ns
    except OSError:
        stamp = 0
    return home / (_named(home, stamp, is_own=bool(own) and home == state_home()) or _DEFAULT)


def signing_key(home: Path) -> "Ed25519PrivateKey | None":
    """The private key of the desk; None where there is none.

    Raises:
        ConfigurationError: others may read the file, or it holds no key.
    """
    path = key_file(home)
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigurationError(f"the key of the books {path} cannot be read: {error.strerror}") from error
    return _loaded(path, found.st_mtime_ns, stat.S_IMODE(found.st_mode))


def make_key(home: Path) -> str:
    """Make a new private key and return the public one.

    Raises:
        ConfigurationError: there is a key already, or the file cannot be written.
    """
    path = key_file(home)
    if os.path.lexists(path):
        raise ConfigurationError(
            f"{path} is there already: move it to a safe place first; the books name every key that signed"
        )
    write_new_key(path)
    return public_key_in(path)


def write_new_key(path: Path) -> None:
    """Write a new private key to a file that only its owner may read.

    Raises:
        ConfigurationError: it cannot be written.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = f"{Ed25519PrivateKey.generate().private_bytes_raw().hex()}\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode(), durable=True, mode=0o600)
    except OSError as error:
        raise ConfigurationError(f"the key of the books cannot be written: {error}") from error


def public_key_in(path: Path) -> str:
    """The public key of the private one in a file."""
    from spot.books.signing import public_key_of

    found = path.stat()
    return public_key_of(_loaded(path, found.st_mtime_ns, stat.S_IMODE(found.st_mode)))


@lru_cache(maxsize=16)
def _named(home: Path, _stamp: int, *, is_own: bool) -> str:
    return settings_of(home, (VARIABLE,), is_named=not is_own).get(VARIABLE, "")


@lru_cache(maxsize=16)
def _loaded(path: Path, _stamp: int, mode: int) -> "Ed25519PrivateKey":
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if mode & 0o077:
        raise ConfigurationError(f"others may read the key of the books {path}: chmod 600 {path}")
    try:
        text = read_regular(path, _MAXIMUM_BYTES).decode("ascii")
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(text.strip()))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not 64 hex digits"
        raise ConfigurationError(f"the key of the books {path} cannot be read: {why}") from None
