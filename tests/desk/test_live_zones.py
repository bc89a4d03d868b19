"""`spotdesk run` beside a zone that trades live: it may look at the past, and nothing else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from desk.main import main
from resources.home.make import make_home


@pytest.fixture
def call(
    tmp_path: Path, project_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """The command line on a desk whose DE_LU is live on ENTSO-E.

    Returns exit code and standard error on one line.
    """
    zones = {
        "defaults": {"source": "simulated"},
        "zones": {"DE_LU": {"source": "entsoe", "live": True}, "FR": {}},
    }
    (tmp_path / "zones.yaml").write_text(yaml.safe_dump(zones))
    monkeypatch.setenv("SPOTDESK_CONF", str(tmp_path))
    make_home(tmp_path / "home")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SPOTDESK_ENTSOE_TOKEN", "")

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["spotdesk", "run", "--zone", "FR", "--zone", "DE_LU", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not (tmp_path / "home" / "lake").exists()  # nothing was begun
        return int(ended.value.code or 0), " ".join(capsys.readouterr().err.split())

    return run


@pytest.mark.parametrize("source", [(), ("--source", "simulated"), ("--source", "smard")])
def test_another_source_than_the_zones_own_is_refused(call, source):
    code, said = call("--from", "2025-01-01", "--to", "2025-01-07", *source)
    assert code == 2
    assert "zone DE_LU is live and stands on entsoe" in said
    assert "--source entsoe" in said


def _an_hour_before_the_gate_for_21_january() -> datetime:
    return datetime(2026, 1, 20, 10, 0, tzinfo=UTC)


def test_a_day_whose_gate_is_open_is_the_schedules_to_decide(call, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("desk.trading.run.utc_now", _an_hour_before_the_gate_for_21_january)
    code, said = call("--from", "2026-01-10", "--to", "2026-01-21", "--source", "entsoe")
    assert code == 2
    assert "the gate for 2026-01-21 is open until 2026-01-20 11:00 UTC" in said
    # today's gate has passed: the next thing that is missing is the token of the source
    code, said = call("--from", "2026-01-10", "--to", "2026-01-20", "--source", "entsoe")
    assert "SPOTDESK_ENTSOE_TOKEN" in said


def test_what_is_assumed_known_is_never_traded(call):
    code, said = call(
        "--from",
        "2025-01-01",
        "--to",
        "2025-01-07",
        "--source",
        "entsoe",
        "--assume-known",
        "renewable_forecasts",
    )
    assert code == 2
    assert "--assume-known" in said
