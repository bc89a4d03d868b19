"""`spotdesk drift` shows the features, and what every other monitor said last."""

from pathlib import Path
from typing import Any

import pytest
import typer

from desk.models.drift import drift
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from tests.support.made_up_rows import made_up

HOW: dict[str, Any] = {"zone": "DE_LU", "day": None, "history": False}


def test_the_verdicts_of_all_monitors_are_told_and_drift_alone_is_the_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    monkeypatch.delenv("SPOTDESK_LAKE_URI", raising=False)
    lake = make_lake(read_environment())
    lake.upsert("feature_drift", made_up("feature_drift", {"status": "ok"}))
    lake.upsert(
        "forecast_performance",
        made_up("forecast_performance", {"status": "alert", "reason": "realised mae 9 over 5"}),
    )
    lake.upsert("feature_importance", made_up("feature_importance", {"status": "cannot_see", "reason": None}))
    drift(**HOW, as_json=False)
    told = capsys.readouterr().out
    assert "performance on 2025-10-10: alert; realised mae 9 over 5" in told
    assert "explanations on 2025-10-10: cannot_see\n" in told
    lake.upsert("feature_drift", made_up("feature_drift", {"status": "alert", "feature": "load_forecast_mw"}))
    with pytest.raises(typer.Exit) as stopped:
        drift(**HOW, as_json=True)
    assert stopped.value.exit_code == 1
