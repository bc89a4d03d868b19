"""The rule that says which version serves a day."""

from collections.abc import Sequence
from datetime import date
from typing import Protocol, TypeVar


class Servable(Protocol):
    """What the rule needs to know of a version."""

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
    """The champion where it may serve the day, else the newest former champion that may, else None.

    So a replay of the past never uses a model that learnt from it, and gives the same rows each time. A
    version made from other data is never used.
    """
    fit = [one for one in versions if one.lineage == lineage and one.serves_from <= day]
    now = next((one for one in fit if one.version == champion), None)
    served = [one for one in fit if one.stage == "champion"]
    return now or max(served, key=lambda one: (one.serves_from, int(one.version)), default=None)
