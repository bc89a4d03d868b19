"""Who serves a day: the one rule."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar


class Servable(Protocol):
    """What decides whether a version may serve a day."""

    @property
    def version(self) -> str:
        """Number of the version."""
        ...

    @property
    def stage(self) -> str:
        """`champion` for every version that ever served."""
        ...

    @property
    def lineage(self) -> str:
        """The data that it stands on."""
        ...

    @property
    def serves_from(self) -> date:
        """First delivery day that it may forecast."""
        ...


V = TypeVar("V", bound=Servable)


def serving_version(champion: str | None, versions: Sequence[V], day: date, lineage: str) -> V | None:
    """The champion where it may serve the day, else the newest former champion that may; None where none may.

    A replay of the past thus never uses a model that learnt from it, and gives the same rows each time. A
    version on other data never stands in.
    """
    fit = [one for one in versions if one.lineage == lineage and one.serves_from <= day]
    now = next((one for one in fit if one.version == champion), None)
    served = [one for one in fit if one.stage == "champion"]
    return now or max(served, key=lambda one: (one.serves_from, int(one.version)), default=None)
