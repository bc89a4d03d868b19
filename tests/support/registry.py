"""A model registry with one version, for tests that need a model's age and no model."""

from datetime import date
from types import SimpleNamespace


class OneVersion:
    """A registry with one version, number 7, and no model of the spread."""

    def __init__(self, trained_through: date) -> None:
        self.trained_through = trained_through

    def versions(self, _zone: str) -> list[SimpleNamespace]:
        """The version."""
        return [SimpleNamespace(version="7", trained_through=self.trained_through)]

    def of_family(self, _family: str) -> "OneVersion":
        """The same, whose `serving` serves nobody."""
        return self

    def serving(self, _zone: str, days: tuple[date, ...], _lineage: str) -> dict[date, None]:
        """Nobody serves any day."""
        return dict.fromkeys(days)
