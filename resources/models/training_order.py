"""What a training run is asked to do, as launch configuration: up to which day, why, and on whose request."""

from datetime import date

from dagster import ConfigurableResource

from spot.errors import ConfigurationError


class TrainingOrder(ConfigurableResource["TrainingOrder"]):
    """One order for all assets of a training run.

    Left empty, a run trains up to the newest published prices, because a person asked.
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

    def through(self) -> date | None:
        """The newest day, or None for the newest published one.

        Raises:
            ConfigurationError: `through_day` is no day.
        """
        try:
            return date.fromisoformat(self.through_day) if self.through_day else None
        except ValueError as error:
            raise ConfigurationError(f"training order: through_day {self.through_day!r} is no day") from error
