"""A purge in the books: it is recorded before anything goes. Data files of tables have their own records."""

from datetime import datetime
from pathlib import Path

from resources.books.chain import chain_of

KIND = "purge"


def record_purge(home: Path, **before: datetime) -> None:
    """Record what is about to be removed: name of a part, and the instant before which its parts go.

    A desk that keeps no books records nothing.

    Raises:
        SourceUnavailableError: others hold the books for too long; nothing may go.
        ConfigurationError: the newest record or the key of the desk cannot be read.
        OSError: the disk does not take the record.
    """
    chain = chain_of(home)
    if chain is not None:
        chain.append(KIND, {name: instant.isoformat() for name, instant in before.items()})
