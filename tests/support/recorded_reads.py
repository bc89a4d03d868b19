"""Every read of the lake and every access of the registry, recorded where it happens: who read what."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import pytest
from dagster._core.execution.context.compute import current_execution_context

from resources.lake import access
from resources.lake.lake import Lake
from resources.models.version import family_name
from resources.models.version_store import VersionStore

_READS = ("read", "version", "state", "newest_day", "zones")


@dataclass
class RecordedReads:
    """Names of tables and registry families by the asset or check whose body read them."""

    of: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unguarded: set[str] = field(default_factory=set)
    """What a step read outside of the body of an asset or a check."""

    def note(self, name: str) -> None:
        opened = access.current()
        if opened is not None:
            self.of[opened.name].add(name)
        elif current_execution_context.get() is not None:
            self.unguarded.add(name)


@contextmanager
def recorded_reads() -> Iterator[RecordedReads]:
    """Record until the end of the block."""
    recorded = RecordedReads()

    def noting(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def call(self: Lake, table: str, *given: Any, **named: Any) -> Any:
            recorded.note(table)
            return method(self, table, *given, **named)

        return call

    client = VersionStore.client

    @wraps(client)
    def noting_client(self: VersionStore) -> Any:
        recorded.note(family_name(self.family))
        return client(self)

    with pytest.MonkeyPatch.context() as patch:
        for name in _READS:
            patch.setattr(Lake, name, noting(getattr(Lake, name)))
        patch.setattr(VersionStore, "client", noting_client)
        yield recorded
