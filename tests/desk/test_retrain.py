"""`spotdesk retrain`: the request of a person is kept from before the training on.

It is tried again when the training dies.
"""

from pathlib import Path
from typing import Any

import pytest
import typer

from desk.in_process import ChainFailedError
from desk.models.retrain import retrain
from resources.identity.person import recorded_name
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.errors import ConfigurationError

ASKED: dict[str, Any] = {
    "zone": "FR",
    "by": "A. Trader",
    "reason": "new plant",
    "through": None,
    "as_json": True,
}


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    monkeypatch.delenv("SPOTDESK_LAKE_URI", raising=False)
    return make_lake(read_environment())


def request_of(lake: Lake) -> tuple[str, str, int]:
    return lake.read("retrain_requests").select("cause", "status", "n_attempts").row(0)


def test_a_queued_request_has_no_attempt_yet_and_a_second_one_waits_for_it(
    lake: Lake, capsys: pytest.CaptureFixture[str]
) -> None:
    retrain(**ASKED, queue=True)
    assert request_of(lake) == ("person", "requested", 0)
    assert lake.read("retrain_requests")["detail"][0] == f"{recorded_name('A. Trader')}: new plant"
    with pytest.raises(typer.Exit):
        retrain(**ASKED, queue=True)
    assert "still open" in capsys.readouterr().err


def test_a_request_that_nobody_would_train_is_refused(lake: Lake) -> None:
    with pytest.raises(ConfigurationError, match="CH has no schedule"):
        retrain(**{**ASKED, "zone": "CH"}, queue=True)
    assert lake.read("retrain_requests").is_empty()


def test_while_it_is_trained_here_the_sensor_leaves_it_alone(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def train(*args: object, **how: object) -> None:
        seen.append(request_of(lake))
        raise ChainFailedError("no data")

    monkeypatch.setattr("desk.models.retrain.train_zone", train)
    with pytest.raises(ChainFailedError):
        retrain(**ASKED, queue=False)
    assert seen == [("person", "running", 1)]
    assert request_of(lake) == ("person", "failed", 1)
