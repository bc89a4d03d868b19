"""What a backtest has to assume because the past does not record it. Each assumption is a named parameter."""

from dataclasses import dataclass

from spot.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Assumption:
    """One parameter of the backtest, its value, and what it means."""

    parameter: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """The assumptions of a backtest. On a desk's own record, all but the first are read from the record."""

    resume_after_days: int = 0
    """Days that a zone stays halted after the day on which a limit halted it. With 0 it trades again on the
    next day.
    """
    model_age_days: float = 0.0
    drift_status: str = "ok"

    def __post_init__(self) -> None:
        if self.resume_after_days < 0:
            raise ConfigurationError(
                f"a zone cannot be resumed {-self.resume_after_days} days before its halt"
            )

    def rows(self) -> tuple[Assumption, ...]:
        """The assumptions of a backtest without a desk's record."""
        return (
            self.resume_row(),
            Assumption("model_age_days", f"{self.model_age_days:g}", "the model is as old as this every day"),
            Assumption("drift_status", self.drift_status, "the verdict on drift before every day"),
            Assumption("other zones and strategies", "none", "only these strategies use the limits"),
        )

    def resume_row(self) -> Assumption:
        """Who resumes a zone that a limit halted."""
        if self.resume_after_days == 0:
            meaning = "a person resumes a zone that a limit halted before its next gate"
        else:
            meaning = f"a zone that a limit halted is flat for {self.resume_after_days} days more"
        return Assumption("resume_after_days", str(self.resume_after_days), meaning)
