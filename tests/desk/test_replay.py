"""`spotdesk replay`: every strategy of a day, or one signal by its id.

An id that fits several is refused.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from desk.models.replay import replay
from desk.screen.console import a_day
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.errors import ConfigurationError
from tests.support.made_up_rows import made_up
from workflows.decisions.replay import ReplayVerdict

HOW: dict[str, Any] = {"zone": None, "day": None, "signal": None, "as_json": True}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the signals that were made again; the making is tested with trading_assets."""
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    monkeypatch.delenv("SPOTDESK_LAKE_URI", raising=False)
    whose = {"role": "champion", "model_version": "1", "source": "simulated"}
    signals = made_up(
        "signals",
        {**whose, "strategy": "storage", "signal_id": "abc1"},
        {**whose, "strategy": "settlement_spread", "signal_id": "abc2"},
    )
    day = signals["delivery_day"][0]
    make_lake(read_environment()).replace("signals", signals, zone="DE_LU", first_day=day, last_day=day)
    seen: list[str] = []

    def again(row: Any, *_: Any) -> Any:
        seen.append(row["signal_id"])
        return (
            ReplayVerdict(what="the forecast", n_rows=1, differences=()),
            ReplayVerdict(what=row["strategy"], n_rows=1, differences=()),
        )

    monkeypatch.setattr("desk.models.replay.replay_signal", again)
    return seen


def test_a_day_is_replayed_with_all_its_strategies_and_one_forecast(
    asked: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    replay(**{**HOW, "zone": "DE_LU", "day": a_day("2025-10-10")})
    assert sorted(asked) == ["abc1", "abc2"]
    told = json.loads(capsys.readouterr().out)
    assert [verdict["what"] for verdict in told] == ["the forecast", "settlement_spread", "storage"]


def test_an_id_may_be_cut_short_while_it_fits_one_signal_only(asked: list[str]) -> None:
    replay(**{**HOW, "signal": "abc2"})
    assert asked == ["abc2"]
    with pytest.raises(ConfigurationError, match="2 signals begin with abc"):
        replay(**{**HOW, "signal": "abc"})
