"""Secrets of a desk in a backup: encrypted under a passphrase, or left out.

The key is made by scrypt (RFC 7914) from the passphrase and a random salt; Fernet (AES-128-CBC and
HMAC-SHA256) seals the text, so a wrong passphrase and a changed byte are both found.
"""

import base64
import os

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from spot.errors import ConfigurationError

PUBLIC_VARIABLES = (
    "SPOTDESK_ENVIRONMENT",
    "SPOTDESK_MARKET_DATA",
    "SPOTDESK_COMMIT",
    "AWS_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ALLOW_HTTP",
)
"""Variables of `.env` that are not secret and mean the same elsewhere. Any other variable may be a secret."""
_SALT_BYTES = 16
"""128 bits: no two backups share a salt (NIST SP 800-132, section 5.1)."""
_SCRYPT = {"length": 32, "n": 2**15, "r": 8, "p": 1}
"""32 MB and a tenth of a second for each guess (RFC 7914, section 2)."""
_LEAST_CHARACTERS = 12
"""Chosen by hand: with a tenth of a second for each guess, twelve random letters take longer than anybody
lives.
"""


def public_part(env_text: str) -> str:
    """The lines of `.env` that a backup may hold in plain text.

    Comments are left out, because they may hold an old key.
    """
    kept = []
    for line in env_text.splitlines():
        name, _, value = line.partition("=")
        # user:password@host, or a key in a query
        if name.strip() in PUBLIC_VARIABLES and not any(sign in value for sign in "@?"):
            kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def seal(text: str, passphrase: str) -> bytes:
    """The text encrypted under the passphrase.

    Raises:
        ConfigurationError: the passphrase is too short to protect anything.
    """
    if len(passphrase) < _LEAST_CHARACTERS:
        raise ConfigurationError(f"the passphrase needs at least {_LEAST_CHARACTERS} characters")
    salt = os.urandom(_SALT_BYTES)
    return salt + _fernet(passphrase, salt).encrypt(text.encode())


def unseal(sealed: bytes, passphrase: str) -> str:
    """The text that was sealed.

    Raises:
        ConfigurationError: the passphrase is wrong, or a byte was changed.
    """
    salt, token = sealed[:_SALT_BYTES], sealed[_SALT_BYTES:]
    try:
        return _fernet(passphrase, salt).decrypt(token).decode()
    except (InvalidToken, UnicodeDecodeError) as error:
        raise ConfigurationError("the secrets cannot be read: the passphrase is wrong") from error


def _fernet(passphrase: str, salt: bytes) -> Fernet:
    key = Scrypt(salt=salt, **_SCRYPT).derive(passphrase.encode())
    return Fernet(base64.urlsafe_b64encode(key))
