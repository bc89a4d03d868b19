"""What a verdict does to the stages: challengers get the time that a decision needs."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import cast

import pytest

from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion, Stage
from spot.lifecycle.promotion import PromotionVerdict
from workflows.lifecycle.promotion import MAX_CHALLENGERS, carry_out

DAYS = (date(2025, 7, 1), date(2025, 7, 14))


@dataclass
class Stages:
    """A registry that keeps versions in memory."""

    known: dict[str, ModelVersion] = field(default_factory=dict)

    def versions(self, zone: str) -> list[ModelVersion]:
        return sorted((v for v in self.known.values() if v.zone == zone), key=lambda v: int(v.version))

    def set_stage(self, zone: str, version: str, stage: Stage) -> None:
        self.known[version] = replace(self.known[version], stage=stage)

    def promote(self, zone: str, version: str, *, serves_from: date) -> None:
        self.known[version] = replace(self.known[version], stage="champion", serves_from=serves_from)

    def add(self, stage: Stage, lineage: str = "simulated") -> ModelVersion:
        number = str(len(self.known) + 1)
        self.known[number] = ModelVersion(
            zone="FR",
            name="m",
            version=number,
            stage=stage,
            fingerprint=number,
            lineage=lineage,
            trained_from=DAYS[0],
            trained_through=DAYS[0],
            serves_from=DAYS[0],
            settings={},
            metrics={},
            tags={},
            checksums={},
            run_id=number,
            created_at_utc=datetime(2025, 7, 1, tzinfo=UTC),
        )
        return self.known[number]

    def stages(self) -> list[str]:
        return [version.stage for version in self.versions("FR")]


@pytest.fixture
def registry() -> Stages:
    return Stages()


def test_a_new_challenger_does_not_end_the_shadow_of_those_before(registry: Stages) -> None:
    registry.add("champion")
    for _ in range(MAX_CHALLENGERS):
        carry_out(
            PromotionVerdict(action="to_challenger", reasons=()),
            registry.add("candidate"),
            cast("ModelRegistry", registry),
            DAYS,
        )
    assert registry.stages() == ["champion"] + ["challenger"] * MAX_CHALLENGERS


def test_the_oldest_gives_way_to_one_too_many(registry: Stages) -> None:
    for _ in range(MAX_CHALLENGERS + 1):
        carry_out(
            PromotionVerdict(action="to_challenger", reasons=()),
            registry.add("candidate"),
            cast("ModelRegistry", registry),
            DAYS,
        )
    assert registry.stages() == ["expired"] + ["challenger"] * MAX_CHALLENGERS


def test_a_winner_serves_from_the_day_after_its_evidence_and_ends_older_rivals_of_its_data(
    registry: Stages,
) -> None:
    older, winner, newer, other = (
        registry.add("challenger"),
        registry.add("challenger"),
        registry.add("challenger"),
        registry.add("challenger", "files"),
    )
    carry_out(PromotionVerdict(action="promote", reasons=()), winner, cast("ModelRegistry", registry), DAYS)
    assert registry.stages() == ["expired", "champion", "challenger", "challenger"]
    assert registry.known[winner.version].serves_from == date(2025, 7, 15)
    assert older.stage == newer.stage == other.stage


def test_waiting_changes_nothing_and_losing_ends_the_version_alone(registry: Stages) -> None:
    first, second = registry.add("challenger"), registry.add("challenger")
    carry_out(
        PromotionVerdict(action="keep_challenger", reasons=()), first, cast("ModelRegistry", registry), DAYS
    )
    assert registry.stages() == ["challenger", "challenger"]
    carry_out(PromotionVerdict(action="reject", reasons=()), second, cast("ModelRegistry", registry), DAYS)
    assert registry.stages() == ["challenger", "rejected"]
