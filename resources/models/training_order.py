"""The order of a training run: up to which day, why, and for which request.

The order is in the tags of the run. Configuration of a run sets nothing (`resources/fixed_resource.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Self

from spot.errors import ConfigurationError

_TAGS = {
    "through_day": "spotdesk/through_day",
    "cause": "spotdesk/cause",
    "detail": "spotdesk/detail",
    "request_id": "spotdesk/request_id",
}
REQUEST_TAG = _TAGS["request_id"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOrder:
    """One order for all assets of a training run.

    An empty order trains up to the newest published prices, because a person asked.
    """

    through_day: str = ""
    """Newest delivery day whose outcome may be used, evaluation included (ISO); the version serves from the
    day after.
    """
    cause: str = "person"
    """schedule, drift, performance, estimated_performance, code or person."""
    detail: str = ""
    request_id: str = ""
    """Row of `retrain_requests`, if there is one."""

    @classmethod
    def of_run(cls, tags: Mapping[str, str]) -> Self:
        """The order in the tags of a run. Fields without a tag are empty."""
        return cls(**{name: tags[tag] for name, tag in _TAGS.items() if tag in tags})

    def tags(self) -> dict[str, str]:
        """The tags of a run that carries out this order."""
        return {tag: value for name, tag in _TAGS.items() if (value := getattr(self, name))}

    def through(self) -> date | None:
        """The newest day, or None for the newest published one.

        Raises:
            ConfigurationError: `through_day` is not a day.
        """
        try:
            return date.fromisoformat(self.through_day) if self.through_day else None
        except ValueError as error:
            raise ConfigurationError(
                f"training order: through_day {self.through_day!r} is not a day, write for example 2026-03-29"
            ) from error
