"""Another key for the books: the old one signs the record of the new one."""

from pathlib import Path

from resources.books.chain import Chain
from resources.books.keys import key_file, public_key_in, signing_key, write_new_key
from spot.books.expected import key_in_force
from spot.errors import ConfigurationError


def next_key(home: Path) -> str:
    """Replace the key: the old one signs the record of the new one. Returns the new public key.

    A call that was killed is finished by the next one.

    Raises:
        ConfigurationError: there is no key to replace, or the new one cannot be written.
        SourceUnavailableError: others hold the books for too long; the old key goes on to sign.
    """
    path = key_file(home)
    beside = path.with_name(f"{path.name}.next")
    if signing_key(home) is None:
        raise ConfigurationError(f"there is no key in {path} to replace: `spotdesk books key --make`")
    if not beside.exists():
        write_new_key(beside)
    public, chain = public_key_in(beside), Chain(home)
    if key_in_force(chain.records()) != public:
        chain.append("key", {"public_key": public})
    beside.replace(path)
    return public
