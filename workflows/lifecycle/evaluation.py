"""The evaluation of a candidate as it is kept with the version.

Daily errors beside champion and naive forecast, and the sanity checks.
"""

import json
from dataclasses import dataclass
from datetime import date

import numpy as np

from resources.models.registry import ModelRegistry, ModelVersion
from resources.pictures.comparison import walk_forward_errors
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.contracts.panel import Floats
from spot.forecast.members import forecaster_from_files
from spot.lifecycle.promotion import Evidence
from spot.lifecycle.sanity import SanityCheck, SanityVerdict, assess_sanity
from workflows.training.window import TrainingData, WalkForwardScores


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What is known about a candidate when it is judged."""

    days: tuple[date, ...]
    candidate: Floats
    champion: Floats | None
    naive: Floats
    champion_version: str | None
    sanity: SanityVerdict

    def evidence(self) -> Evidence:
        """For `decide_promotion`."""
        return Evidence(
            candidate_losses=self.candidate, champion_losses=self.champion, naive_losses=self.naive
        )

    def means(self) -> dict[str, float]:
        """Mean absolute errors, EUR/MWh, of those that have one."""
        series = {"candidate": self.candidate, "champion": self.champion, "naive": self.naive}
        return {
            who: float(np.nanmean(losses))
            for who, losses in series.items()
            if losses is not None and np.isfinite(losses).any()
        }

    def to_json(self) -> str:
        """Text that `evaluation_from_json` reads."""
        return json.dumps(
            {
                "days": [str(day) for day in self.days],
                "candidate": _numbers(self.candidate),
                "champion": None if self.champion is None else _numbers(self.champion),
                "naive": _numbers(self.naive),
                "champion_version": self.champion_version,
                "sanity": [[check.name, check.passed, check.detail] for check in self.sanity.checks],
            }
        )


def evaluation_from_json(text: str) -> Evaluation:
    """The evaluation that `Evaluation.to_json` wrote."""
    stored = json.loads(text)
    return Evaluation(
        days=tuple(date.fromisoformat(day) for day in stored["days"]),
        candidate=_floats(stored["candidate"]),
        champion=None if stored["champion"] is None else _floats(stored["champion"]),
        naive=_floats(stored["naive"]),
        champion_version=stored["champion_version"],
        sanity=SanityVerdict(
            tuple(
                SanityCheck(name, passed=passed, detail=detail) for name, passed, detail in stored["sanity"]
            )
        ),
    )


def assess_candidate(
    registry: ModelRegistry,
    candidate: ModelVersion,
    data: TrainingData,
    scores: WalkForwardScores,
    desk: Desk,
) -> Evaluation:
    """Scores and sanity of a candidate as stored."""
    sanity = assess_sanity(
        registry.files(candidate),
        data.panel,
        from_files=forecaster_from_files,
        trained_from=candidate.trained_from,
        trained_through=candidate.trained_through,
        data_version=candidate.tags.get("data_version", ""),
        settings=promotion_settings(desk).sanity,
    )
    return Evaluation(
        days=scores.days,
        candidate=scores.candidate,
        champion=scores.champion,
        naive=scores.naive,
        champion_version=scores.champion_version,
        sanity=sanity,
    )


def evaluation_picture(evaluation: Evaluation, candidate: ModelVersion) -> bytes:
    """Daily walk-forward errors beside champion and naive forecast, PNG."""
    series = {
        f"candidate, version {candidate.version}": evaluation.candidate,
        f"champion, version {evaluation.champion_version}": evaluation.champion,
        "weekly naive": evaluation.naive,
    }
    shown = {who: losses for who, losses in series.items() if losses is not None}
    return walk_forward_errors(
        evaluation.days, shown, zone=candidate.zone, is_simulated=candidate.lineage.startswith("simulated")
    )


def _numbers(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _floats(values: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
