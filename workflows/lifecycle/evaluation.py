"""The evaluation of a candidate, stored with the version.

It holds daily errors with those of champion and naive forecast, and the sanity checks.
"""

import json
from dataclasses import dataclass
from datetime import date

import numpy as np

from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.pictures.comparison import walk_forward_errors
from spot.arrays import Floats
from spot.contracts.lineage import Lineage
from spot.errors import ForecastError
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.sanity import SanityCheck, SanityVerdict
from workflows.training.recorded_window import RecordedWindow


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Everything known about a candidate when it is judged."""

    days: tuple[date, ...]
    candidate: Floats
    champion: Floats | None
    naive: Floats
    champion_version: str | None
    sanity: SanityVerdict

    def evidence(self) -> Evidence:
        """The evidence for `decide_promotion`."""
        return Evidence(
            candidate_losses=self.candidate, champion_losses=self.champion, naive_losses=self.naive
        )

    def means(self) -> dict[str, float]:
        """Mean losses, EUR/MWh, of those that have any."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """What the losses of an evaluation measure, and with which naive rule they are compared."""

    name: str
    """Its name in names of figures: mae or pinball."""
    label: str
    naive: str


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


def find_candidate(registry: ModelRegistry, recorded: RecordedWindow) -> ModelVersion:
    """The newest version that learnt from the training set.

    Raises:
        ForecastError: there is none, so the model must be trained first.
    """
    zone, serves_from = recorded.window.zone, recorded.window.serves_from
    made = [
        version
        for version in registry.versions(zone)
        if version.lineage == recorded.lineage and version.serves_from == serves_from
    ]
    if not made:
        raise ForecastError(f"zone {zone}: no version serves from {serves_from}; train the model first")
    return made[-1]


def keep_evaluation(
    registry: ModelRegistry, candidate: ModelVersion, evaluation: Evaluation, measure: Measure
) -> bytes:
    """Write the evaluation to the version, and its figures and picture to the run that made it.

    Returns the picture, PNG. What promotion reads is written first.
    """
    registry.set_tag(candidate.zone, candidate.version, "evaluation", evaluation.to_json())
    means = {f"walk_forward_{measure.name}_{who}": value for who, value in evaluation.means().items()}
    registry.log_metrics(candidate, means)
    drawn = evaluation_picture(evaluation, candidate, measure)
    registry.log_picture(candidate, "walk_forward_errors", drawn)
    return drawn


def loss_ratio(candidate: ModelVersion) -> float | None:
    """Mean error of an evaluated version over that of the naive rule.

    None where it was not evaluated, or either has no error.
    """
    text = candidate.tags.get("evaluation")
    means = {} if text is None else evaluation_from_json(text).means()
    return means["candidate"] / means["naive"] if {"candidate", "naive"} <= means.keys() else None


def evaluation_picture(evaluation: Evaluation, candidate: ModelVersion, measure: Measure) -> bytes:
    """Daily walk-forward losses with those of champion and naive rule, PNG."""
    series = {
        f"candidate, version {candidate.version}": evaluation.candidate,
        f"champion, version {evaluation.champion_version}": evaluation.champion,
        measure.naive: evaluation.naive,
    }
    shown = {who: losses for who, losses in series.items() if losses is not None}
    return walk_forward_errors(
        evaluation.days,
        shown,
        zone=candidate.zone,
        label=measure.label,
        is_simulated=Lineage.parse(candidate.lineage).is_simulated,
    )


def _numbers(values: Floats) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in values]


def _floats(values: list[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
