"""`spotdesk run` beside a zone that trades live: it may look at the past, and nothing else."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from desk.main import main
from resources.home.make import make_home
from resources.home.marker import read_marker
from resources.settings.zones import load_desk_settings
from resources.trading.leases import LeaseStore
from tests.support.live_desk import LONG_AGO
from tests.support.people import accept_as_two_people


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """The command line on a desk whose DE_LU is live on ENTSO-E.

    Returns exit code and standard error on one line.
    """
    zones = {
        "defaults": {"source": "simulated"},
        "zones": {"DE_LU": {"source": "entsoe", "live": True}},
    }
    make_home(tmp_path / "home", settings={"zones.yaml": yaml.safe_dump(zones)})
    accept_as_two_people(tmp_path / "home")
    LeaseStore(tmp_path / "home").give("DE_LU", by="Ann", reason="the only desk", now=LONG_AGO)
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOTDESK_ENTSOE_TOKEN", "")

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["spotdesk", "run", "--zone", "DE_LU", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not list((tmp_path / "home").rglob("lake"))  # nothing was begun
        return int(ended.value.code or 0), " ".join(capsys.readouterr().err.split())

    return run


@pytest.mark.parametrize(
    ("changes", "home"),
    [
        (("--source", "entsoe", "--assume-known", "renewable_forecasts"), "renewable_forecasts"),
        (("--source", "pjm"), "pjm"),
        (("--profile", "lear", "--source", "pjm"), "pjm-lear"),
    ],
)
def test_other_settings_than_the_zones_own_are_a_study_that_never_sends(
    call: Callable[..., Any], tmp_path: Path, changes: tuple[str, ...], home: str
) -> None:
    (tmp_path / "home" / ".env").write_text("SPOTDESK_SIGNAL_WEBHOOK_URL=http://x\n")
    code, said = call("--from", "2025-01-01", "--to", "2025-01-07", *changes)
    study = tmp_path / "home" / "studies" / home
    assert code == 2, "the source has no key"
    assert f"It has a home of its own, {study}" in said
    settings = load_desk_settings(study / "conf" / "zones.yaml").zones["DE_LU"]
    assert (settings.live, settings.is_scheduled) == (False, False)
    assert "WEBHOOK" not in (study / ".env").read_text()
    assert read_marker(study).kind == "study"


def _an_hour_before_the_gate_for_21_january() -> datetime:
    return datetime(2026, 1, 20, 10, 0, tzinfo=UTC)


def test_a_day_whose_gate_is_open_is_the_schedules_to_decide(
    call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desk.trading.run.utc_now", _an_hour_before_the_gate_for_21_january)
    code, said = call("--from", "2026-01-10", "--to", "2026-01-21")
    assert code == 2
    assert "the gate for 2026-01-21 is open until 2026-01-20 11:00 UTC" in said
    # today's gate has passed: the next thing that is missing is the token of the source
    code, said = call("--from", "2026-01-10", "--to", "2026-01-20")
    assert "SPOTDESK_ENTSOE_TOKEN" in said
