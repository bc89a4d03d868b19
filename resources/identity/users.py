"""The users of a desk: names, roles and salted hashes of passwords, in one file that only its owner reads.

The hash is scrypt of the standard library: each guess costs 16 MB and some hundredths of a second.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from resources.files import write_whole
from resources.identity.roles import Identity, Role
from spot.errors import ConfigurationError

FOLDER = "identity"
"""Folder of the desk; no backup holds it."""
_FILE = "users.json"
MIN_PASSWORD = 12
"""Characters of a password. NIST SP 800-63B asks for at least 8, and for length before rules."""
_COST = {"n": 2**14, "r": 8, "p": 1}
_MAX_NAME = 64
_MAX_FILE_BYTES = 1_000_000
"""Bounds of a name and of the file of users: no desk has as many. Chosen by hand."""


@dataclass(frozen=True, slots=True)
class User:
    """One user. `digest` is empty for somebody whom only a trusted proxy may name."""

    name: str
    role: Role
    salt: str
    digest: str
    stamp: str
    """Changes with password and role: a session that holds another stamp has ended."""


class UserStore:
    """The users of the desk in `home`."""

    def __init__(self, home: Path) -> None:
        self.path = home / FOLDER / _FILE

    def users(self) -> Mapping[str, User]:
        """Name to user; empty where none was ever added.

        Raises:
            ConfigurationError: the file cannot be read, or is not what `spotdesk users` writes.
        """
        try:
            if not self.path.exists():
                return {}
            rows = json.loads(_text_of(self.path))
            found = [User(**{**row, "role": Role(row["role"])}) for row in rows]
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise ConfigurationError(
                f"users of the desk: {self.path} cannot be read ({error}): nobody can log in"
            ) from error
        return {user.name: user for user in found}

    def add(self, name: str, role: Role, password: str | None) -> User:
        """Add a user, or give one another role or password; sessions of the old one end.

        Args:
            name: The name that records show.
            role: What the user may do.
            password: None for somebody whom a trusted proxy authenticates.

        Raises:
            ConfigurationError: the name or the password is not fit.
        """
        _check_name(name)
        if password is not None and len(password) < MIN_PASSWORD:
            raise ConfigurationError(
                f"the password has {len(password)} characters: {MIN_PASSWORD} are asked for"
            )
        salt = secrets.token_bytes(16)
        digest = "" if password is None else _digest(password, salt).hex()
        user = User(name, role, salt.hex(), digest, secrets.token_hex(8))
        with self._lock():
            self._write({**self.users(), name: user})
        return user

    def remove(self, name: str) -> None:
        """Remove a user, whose sessions end.

        Raises:
            ConfigurationError: there is no such user.
        """
        with self._lock():
            users = dict(self.users())
            if users.pop(name, None) is None:
                raise ConfigurationError(f"there is no user {name!r}: there are {', '.join(users) or 'none'}")
            self._write(users)

    def check(self, name: str, password: str) -> Identity | None:
        """The user whose password it is; None where name or password is wrong, which takes equally long."""
        user = self.users().get(name)
        salt = bytes.fromhex(user.salt) if user else b"nobody of this name"
        given = _digest(password, salt).hex()
        if user is None or not user.digest or not hmac.compare_digest(given, user.digest):
            return None
        return Identity(user.name, user.role, "password")

    def _lock(self) -> FileLock:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return FileLock(f"{self.path}.lock", timeout=10)

    def _write(self, users: Mapping[str, User]) -> None:
        rows = [asdict(users[name]) for name in sorted(users)]
        write_whole(self.path, json.dumps(rows, indent=1).encode(), durable=True, mode=0o600)


def session_key(home: Path) -> bytes:
    """The key that signs sessions of this desk, made once. Whoever reads it can act as any user.

    Raises:
        ConfigurationError: the file of the key is damaged.
    """
    path = home / FOLDER / "session_key"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(f"{path}.lock", timeout=10):
        if not path.is_file():
            write_whole(path, secrets.token_hex(32).encode(), durable=True, mode=0o600)
        key = path.read_bytes()
    if len(key) != 64:
        raise ConfigurationError(f"{path} is damaged: remove it, and everybody logs in again")
    return key


def _digest(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, maxmem=64 * 1024 * 1024, **_COST)


def _text_of(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > _MAX_FILE_BYTES:
        raise ValueError("it is no file, or too large")
    return path.read_text(encoding="utf-8")


def _check_name(name: str) -> None:
    if not name or len(name) > _MAX_NAME or not all(c.isalnum() or c in "._-@+" for c in name):
        raise ConfigurationError(
            f"user {name[:_MAX_NAME]!r}: a name has 1 to {_MAX_NAME} letters, digits or . _ - @ +"
        )
