"""A desk can be halted from a second place, and senders fail closed where they cannot ask it."""

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.trading.second_place import SecondPlace
from resources.trading.state_files import StateRecord
from spot.errors import SourceUnavailableError
from spot.risk.state import TradingState


def _record(state: Any, scope: str = "desk") -> Any:
    return StateRecord(scope, TradingState(state), "because", "Ann", "2026-01-01T00:00:00+00:00")


@pytest.fixture(params=["folder", "file uri", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "s3":
        place = request.getfixturevalue("bucket")
    else:
        (tmp_path / "second place").mkdir()
        scheme = "file://" if request.param == "file uri" else ""
        place = SecondPlace(f"{scheme}{tmp_path / 'second place'}")
    return place


@pytest.fixture(scope="module")
def s3_server() -> Iterator[Any]:
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(port=0)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3_server: Any) -> Any:
    import boto3

    options = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_server,
    }
    client = boto3.client(
        "s3",
        endpoint_url=s3_server,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        region_name="us-east-1",
    )
    name = f"stop-{os.urandom(4).hex()}"
    client.create_bucket(Bucket=name)
    return SecondPlace(f"s3://{name}/desk", options)


def test_a_halt_there_holds_for_the_zone_or_the_desk_until_a_person_resumes(place: Any) -> None:
    assert place.ask("SK").state is TradingState.HALTED
    assert "spotdesk resume" in place.ask("SK").reason
    place.write(_record("ACTIVE"))
    assert place.ask("SK").state is TradingState.ACTIVE
    place.write(_record("HALTED", "zone-SK"))
    assert (place.ask("SK").state, place.ask("BE").state) == (TradingState.HALTED, TradingState.ACTIVE)
    assert place.write(_record("REDUCING", "zone-SK")).state is TradingState.HALTED
    place.write(_record("ACTIVE", "zone-SK"))
    place.write(_record("HALTED"))
    assert place.ask("SK").reason == "because"


def test_a_place_that_is_gone_or_says_anything_else_is_halted(tmp_path: Path) -> None:
    place = SecondPlace(str(tmp_path / "gone"))
    assert place.ask("SK").state is TradingState.HALTED
    with pytest.raises(SourceUnavailableError, match="gone"):
        place.write(_record("ACTIVE"))
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "desk.json").write_text("STOP")
    assert place.ask().state is TradingState.HALTED


def test_a_place_that_hangs_is_halted_within_the_bound_and_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = threading.Event()
    monkeypatch.setattr(SecondPlace, "_record", lambda self, zone: free.wait(30))
    monkeypatch.setattr("resources.trading.second_place.ASK_SECONDS", 0.2)
    place = SecondPlace(str(tmp_path))
    began = time.monotonic()
    assert "did not answer within" in place.ask("SK").reason
    assert "earlier request" in place.ask("SK").reason
    assert time.monotonic() - began < 1.0
    free.set()


def test_the_files_are_those_of_the_stop_button(tmp_path: Path) -> None:
    SecondPlace(str(tmp_path)).write(_record("HALTED", "zone-SK"))
    assert json.loads((tmp_path / "zone-SK.json").read_text())["state"] == "HALTED"
