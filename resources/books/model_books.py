"""Changes of the model registry in the books: what begins, and what stands once it is done.

The registry cannot be changed together with the chain. So a change is recorded before it, with what will
stand after it, and once it is done. A process that dies in between leaves one of both, and a later command
records which.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from resources.books.chain import chain_of
from spot.books.expected import version_digest

BEGINS, DONE = "model begins", "model"


class Versions(Protocol):
    """A registry that can say what stands."""

    def facts_of(self, name: str, version: str) -> Mapping[str, Any]:
        """The facts of one version."""

    def champion_number(self, name: str) -> str:
        """Number of the version that the alias names; empty for none."""


@contextmanager
def tag_recorded(
    home: str, versions: Versions, name: str, version: str, key: str, value: str
) -> Iterator[None]:
    """Record that a tag of a version changes, around the change."""
    chain = chain_of(home)
    if chain is None:
        yield
        return
    row = versions.facts_of(name, version)
    after = {**row, "tags": {**row["tags"], key: value}}
    chain.append(BEGINS, {"name": name, "version": version, "after": version_digest(after)})
    yield
    record_models(home, versions, name, [version])


@contextmanager
def alias_recorded(home: str, versions: Versions, name: str, version: str) -> Iterator[None]:
    """Record that the alias moves to a version, around the move."""
    chain = chain_of(home)
    if chain is not None:
        chain.append(BEGINS, {"name": name, "champion": version})
    yield
    record_models(home, versions, name, [])


def record_creation(home: str, name: str, tags: Mapping[str, str]) -> None:
    """Record that a version with these tags, which hold the checksums of its files, is about to be made."""
    chain = chain_of(home)
    if chain is not None:
        chain.append(BEGINS, {"name": name, "tags": version_digest(tags)})


def record_models(
    home: str, versions: Versions, name: str, changed: list[str], *, is_late: bool = False
) -> None:
    """Record what stands: the versions that changed, and the champion."""
    chain = chain_of(home)
    if chain is not None:
        hashes = {number: version_digest(versions.facts_of(name, number)) for number in changed}
        content = {"name": name, "versions": hashes, "champion": versions.champion_number(name)}
        chain.append(DONE, content, is_late=is_late)
