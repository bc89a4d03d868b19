"""What a backtest takes for granted because the past does not say it, each as a named parameter."""

from dataclasses import dataclass

from spot.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Assumption:
    """A parameter of the backtest, what it is, and what that means."""

    parameter: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """The parameters; a backtest on a desk's own record reads all but the first from it."""

    resume_after_days: int = 0
    """Days that a zone stays halted after the day on which a limit halted it. 0 is before the next gate."""
    model_age_days: float = 0.0
    drift_status: str = "ok"

    def __post_init__(self) -> None:
        if self.resume_after_days < 0:
            raise ConfigurationError(
                f"a zone cannot be resumed {-self.resume_after_days} days before its halt"
            )

    def rows(self) -> tuple[Assumption, ...]:
        """The assumptions of a backtest that has no desk's record."""
        return (
            self.resume_row(),
            Assumption("model_age_days", f"{self.model_age_days:g}", "the model is as old as this every day"),
            Assumption("drift_status", self.drift_status, "the verdict on drift before every day"),
            Assumption("other zones and strategies", "none", "the limits are used by these strategies alone"),
        )

    def resume_row(self) -> Assumption:
        """Who resumes a zone that a limit halted."""
        if self.resume_after_days == 0:
            meaning = "a person resumes a zone that a limit halted before its next gate"
        else:
            meaning = f"a zone that a limit halted is flat for {self.resume_after_days} days more"
        return Assumption("resume_after_days", str(self.resume_after_days), meaning)
