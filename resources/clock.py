"""The present instant, as a resource. A schedule tick reads the clock; a replay and a test set it."""

from datetime import UTC, datetime

from resources.fixed_resource import FixedResource
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError


class Clock(FixedResource):
    """The present instant, or always `fixed_utc` (ISO 8601 with offset). The run is then a replay."""

    fixed_utc: str = ""

    def now(self) -> datetime:
        """The present instant, aware UTC.

        Raises:
            ConfigurationError: `fixed_utc` is not an instant with a time zone.
        """
        if not self.fixed_utc:
            return utc_now()
        try:
            instant = datetime.fromisoformat(self.fixed_utc)
        except ValueError as error:
            raise ConfigurationError(f"clock: {self.fixed_utc!r} is not an ISO 8601 instant") from error
        if instant.tzinfo is None:
            raise ConfigurationError(f"clock: {self.fixed_utc!r} has no time zone")
        return instant.astimezone(UTC)
