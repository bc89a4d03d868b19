"""A zone that asks for a second person.

The evidence is recorded once, a person is told, and the version waits.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from resources.lake.lake import Lake
from resources.models.version import ModelVersion, Stage
from resources.settings.zones import Desk, DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from spot.lifecycle.sanity import SanityCheck, SanityVerdict
from workflows.lifecycle.evaluation import Evaluation
from workflows.lifecycle.families import PRICE
from workflows.lifecycle.promotion import review_zone

ZONE, FIRST = "FR", date(2025, 6, 1)
NOW = datetime(2025, 6, 20, 10, tzinfo=UTC)
GOOD = Evaluation(
    days=tuple(FIRST + timedelta(days=n) for n in range(14)),
    candidate=np.full(14, 4.0) + np.arange(14) / 10,
    champion=None,
    naive=np.full(14, 9.0),
    champion_version=None,
    sanity=SanityVerdict((SanityCheck("range", passed=True, detail=""),)),
)


@dataclass
class Candidates:
    """A registry with one candidate that was evaluated."""

    stage: Stage = "candidate"
    promoted: list[str] = field(default_factory=list)

    def versions(self, zone: str) -> list[ModelVersion]:
        return [
            ModelVersion(
                zone=zone,
                name="m",
                version="1",
                stage=self.stage,
                fingerprint="f",
                lineage="simulated",
                trained_from=FIRST,
                trained_through=FIRST,
                serves_from=FIRST,
                settings={},
                metrics={},
                tags={"evaluation": GOOD.to_json(), "cause": "schedule", "data_version": "training:1"},
                checksums={},
                run_id="r",
                created_at_utc=NOW,
            )
        ]

    def champion(self, zone: str) -> None:
        return None

    def champion_before(self, zone: str, version: ModelVersion) -> None:
        return None

    def promote(self, zone: str, version: str, *, serves_from: date) -> None:
        self.promoted.append(version)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(uri=str(tmp_path / "lake"))


def desk(project_root: Path, tmp_path: Path, sign_off: str) -> Desk:
    conf = tmp_path / "conf"
    conf.mkdir()
    (conf / "promotion.yaml").write_text(f"sign_off_zones: [{sign_off}]\n")
    return make_desk(conf, DeskSettings(zones={ZONE: ZoneSettings()}))


def test_a_version_waits_is_recorded_once_and_a_person_is_told_each_week(
    project_root: Path, tmp_path: Path, lake: Lake
) -> None:
    made, alerts, registry = desk(project_root, tmp_path, ZONE), Alerts(lake=lake), Candidates()
    for n in range(10):
        review_zone(PRICE, ZONE, lake, made, registry, alerts, NOW + timedelta(days=n))  # type: ignore[arg-type]
    assert registry.promoted == []
    decisions = lake.read("promotion_decisions")
    assert decisions["action"].to_list() == ["await_sign_off"]
    assert decisions["decided_at_utc"].to_list() == [NOW]
    told = lake.read("alerts").sort("raised_at_utc")
    assert told["kind"].to_list() == ["sign_off_awaited"] * 2
    assert (told["raised_at_utc"][1] - told["raised_at_utc"][0]) == timedelta(days=7)
    assert "--signed-off-by" in told["message"][0]


def test_a_zone_that_asks_for_nobody_promotes_and_asked_again_leaves_the_first_record(
    project_root: Path, tmp_path: Path, lake: Lake
) -> None:
    made, alerts, registry = desk(project_root, tmp_path, "BE"), Alerts(lake=lake), Candidates()
    review_zone(PRICE, ZONE, lake, made, registry, alerts, NOW)  # type: ignore[arg-type]
    # killed before the stage was written: the next review finds the candidate again
    review_zone(PRICE, ZONE, lake, made, registry, alerts, NOW + timedelta(days=1))  # type: ignore[arg-type]
    assert registry.promoted == ["1", "1"]
    decisions = lake.read("promotion_decisions")
    assert (decisions["action"].to_list(), decisions["decided_at_utc"].to_list()) == (["promote"], [NOW])
    assert lake.read("alerts").is_empty()


def test_an_insane_candidate_is_rejected_whoever_signs(
    project_root: Path, tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, registry = desk(project_root, tmp_path, ZONE), Candidates()
    stages = []
    monkeypatch.setattr(
        Candidates, "set_stage", lambda self, zone, version, stage: stages.append(stage), raising=False
    )
    bad = replace(GOOD, sanity=SanityVerdict((SanityCheck("range", passed=False, detail="1e9"),)))
    monkeypatch.setattr("tests.trading_assets.test_sign_off.GOOD", bad)
    review_zone(PRICE, ZONE, lake, made, registry, Alerts(lake=lake), NOW)  # type: ignore[arg-type]
    assert stages == ["rejected"]
