"""A refitted model of the spread is decided on as stored.

Recorded once, beside the one that serves, and signed where the zone asks for it.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from resources.lake.lake import Lake
from resources.models.version import SPREAD_FAMILY, ModelVersion
from resources.settings.zones import DeskSettings, ZoneSettings, make_desk
from resources.trading.alerts import Alerts
from workflows.lifecycle import spread_promotion
from workflows.lifecycle.spread_promotion import judge_spread

ZONE, FIRST = "FR", date(2025, 6, 1)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(14))
NOW = datetime(2025, 6, 20, 10, tzinfo=UTC)
PAST = 5.0 + np.random.default_rng(2).normal(0.0, 0.1, 14)
LOSSES = {"1": PAST - 0.5, "2": PAST[::-1] - 0.5, "3": PAST + 0.2, "4": PAST * 1000.0}


def version(number: str) -> ModelVersion:
    return ModelVersion(
        zone=ZONE,
        name=f"{SPREAD_FAMILY}.{ZONE}",
        version=number,
        stage="candidate",
        fingerprint=number,
        lineage="simulated",
        trained_from=FIRST,
        trained_through=FIRST - timedelta(days=1),
        serves_from=FIRST,
        settings={},
        metrics={},
        tags={"data_version": f"spread:{number}"},
        checksums={},
        run_id="r",
        created_at_utc=NOW,
    )


@dataclass
class Spreads:
    """A registry whose files name their version; version 1 serves."""

    done: list[tuple[str, str]] = field(default_factory=list)

    def files(self, one: ModelVersion) -> dict[str, bytes]:
        return {"version": one.version.encode()}

    def champion_before(self, zone: str, one: ModelVersion) -> ModelVersion | None:
        return None if one.version == "1" else version("1")

    def promote(self, zone: str, number: str) -> ModelVersion:
        self.done.append((number, "champion"))
        return version(number)

    def set_stage(self, zone: str, number: str, stage: str) -> ModelVersion:
        self.done.append((number, stage))
        return version(number)


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    lake, spreads = Lake(uri=str(tmp_path / "lake")), Spreads()
    monkeypatch.setattr(
        spread_promotion.CatBoostSpread, "from_files", lambda files: files["version"].decode()
    )
    monkeypatch.setattr(
        spread_promotion, "daily_pinball_losses", lambda model, *_: np.column_stack([LOSSES[model], PAST])
    )

    def decide(number: str, *, sign_off: str = "", now: datetime = NOW) -> None:
        conf = tmp_path / "conf"
        conf.mkdir(exist_ok=True)
        (conf / "promotion.yaml").write_text(f"sign_off_zones: [{sign_off}]\n")
        desk = make_desk(conf, DeskSettings(zones={ZONE: ZoneSettings()}))
        judge_spread(version(number), None, DAYS, spreads, lake, desk, Alerts(lake=lake), now=now)  # type: ignore[arg-type]

    decide.lake, decide.done = lake, spreads.done  # type: ignore[attr-defined]
    return decide


@pytest.mark.parametrize(
    ("number", "stage"), [("1", "champion"), ("2", "champion"), ("3", "rejected"), ("4", "rejected")]
)
def test_it_serves_only_when_no_untouched_day_speaks_against_it(judge, number: str, stage: str) -> None:
    judge(number)
    judge(number, now=NOW + timedelta(days=1))  # killed before the stage was written, and made again
    assert judge.done == [(number, stage)] * 2
    row = judge.lake.read("promotion_decisions").row(0, named=True)
    assert judge.lake.read("promotion_decisions").height == 1
    assert (row["candidate_version"], row["model"], row["candidate_data_version"]) == (
        number,
        f"{SPREAD_FAMILY}.{ZONE}",
        f"spread:{number}",
    )
    assert row["champion_version"] == (None if number == "1" else "1")
    assert row["n_days"] == 14


def test_where_a_second_person_signs_it_waits_and_the_alert_says_how(judge) -> None:
    judge("2", sign_off=ZONE)
    assert judge.done == []
    assert judge.lake.read("promotion_decisions")["action"].to_list() == ["await_sign_off"]
    (alert,) = judge.lake.read("alerts").to_dicts()
    assert alert["kind"] == "sign_off_awaited"
    assert "spotdesk promote --model spread --zone FR --version 2" in alert["message"]
