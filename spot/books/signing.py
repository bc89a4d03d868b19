"""Ed25519 signatures (RFC 8032) of records, commits and certificates. Keys are 32 bytes in hex."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def public_key_of(key: Ed25519PrivateKey) -> str:
    """The public key of a private one."""
    return key.public_key().public_bytes_raw().hex()


def sign(key: Ed25519PrivateKey, purpose: str, text: str) -> str:
    """The signature of a text, for one purpose: that of a record cannot pass for that of a certificate."""
    return key.sign(_message(purpose, text)).hex()


def is_signed(public_key: str, purpose: str, text: str, signature: str) -> bool:
    """Whether the owner of the key signed the text for this purpose."""
    try:
        known = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        known.verify(bytes.fromhex(signature), _message(purpose, text))
    except (ValueError, InvalidSignature):
        return False
    return True


def _message(purpose: str, text: str) -> bytes:
    return f"spotdesk {purpose} 1\n{text}".encode()
