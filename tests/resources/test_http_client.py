"""The HTTP client against a provider on loopback that plays every fault."""

import gzip
import json
import logging
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from resources.providers.http import HttpClient, HttpPolicy
from spot.errors import ConfigurationError, NotYetPublishedError, SourceUnavailableError, SpotdeskError
from tests.support.provider_server import (
    Behaviour,
    FaultyProvider,
    cuts_body,
    drips,
    faulty_provider,
    resets,
    sends,
    sends_bomb,
    sends_html,
    sends_packed,
    stays_silent,
)

CANARY = "canary-8d1f3c5a-token&="
QUICK = HttpPolicy(
    requests_per_minute=60_000.0,
    attempts=2,
    connect_seconds=1.0,
    read_seconds=0.7,
    total_seconds=1.0,
    longest_wait_seconds=30.0,
)
BODY = b'{"hello": "world"}'


@pytest.fixture
def provider() -> Iterator[FaultyProvider]:
    with faulty_provider() as server:
        yield server


def client(folder: Path, waits: list[float] | None = None, policy: HttpPolicy = QUICK) -> HttpClient:
    return HttpClient(folder, policy, sleep=(waits if waits is not None else []).append)


def test_a_plain_and_a_packed_body_come_back_as_they_are(provider: FaultyProvider, tmp_path: Path) -> None:
    provider.plan = [sends(BODY), sends_packed(BODY)]
    answer = client(tmp_path).get(provider.url, {"zone": "DE"}, {"securityToken": CANARY})
    assert answer.body == BODY
    assert client(tmp_path).get(provider.url).body == BODY
    assert "securityToken=HIDDEN" in answer.address
    assert "canary" in provider.asked[0]


FAULTS: dict[str, list[Behaviour]] = {
    "429": [sends(b"", 429, Retry_After="7")],
    "503": [sends(b"", 503)],
    "timeout": [stays_silent(1.6)],
    "slow body": [drips(50, 0.1)],
    "reset": [resets],
    "body cut": [cuts_body(BODY * 100, 50)],
    "packed body cut": [cuts_body(gzip.compress(BODY * 100), 20)],
    "html with 200": [sends_html()],
    "redirect": [sends(b"", 302, Location="http://127.0.0.1:9/")],
    "not gzip": [sends(b"not gzip at all", Content_Encoding="gzip")],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_lasting_fault_is_a_source_that_is_unavailable(
    fault: str, provider: FaultyProvider, tmp_path: Path
) -> None:
    provider.plan = FAULTS[fault]
    with pytest.raises(SourceUnavailableError):
        client(tmp_path).get(provider.url)


@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "redirect"])
def test_a_passing_fault_is_retried(fault: str, provider: FaultyProvider, tmp_path: Path) -> None:
    provider.plan = [*FAULTS[fault], sends(BODY)]
    waits: list[float] = []
    assert client(tmp_path, waits).get(provider.url).body == BODY
    assert len(provider.asked) == 2
    assert any(wait > 0 for wait in waits)


def test_statuses_that_no_retry_can_change(provider: FaultyProvider, tmp_path: Path) -> None:
    for status, error in ((404, NotYetPublishedError), (401, ConfigurationError), (403, ConfigurationError)):
        provider.plan, provider.asked = [sends(b"", status)], []
        with pytest.raises(error):
            client(tmp_path).get(provider.url)
        assert len(provider.asked) == 1


def test_the_body_of_a_400_is_handed_to_the_parser(provider: FaultyProvider, tmp_path: Path) -> None:
    provider.plan = [sends(b"<Acknowledgement/>", 400)]
    assert client(tmp_path).get(provider.url).body == b"<Acknowledgement/>"


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_obeyed(as_date: bool, provider: FaultyProvider, tmp_path: Path) -> None:
    text = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True) if as_date else "20"
    provider.plan = [sends(b"", 429, Retry_After=text), sends(BODY)]
    waits: list[float] = []
    client(tmp_path, waits).get(provider.url)
    assert max(waits) == pytest.approx(20, abs=2)


def test_a_long_ban_ends_the_call_and_holds_for_every_other_client(
    provider: FaultyProvider, tmp_path: Path
) -> None:
    provider.plan = [sends(b"", 429, Retry_After="600"), sends(BODY)]
    with pytest.raises(SourceUnavailableError, match="pause of"):
        client(tmp_path).get(provider.url)
    with pytest.raises(SourceUnavailableError, match="pause of"):
        client(tmp_path).get(provider.url)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("ahead", [86_400.0, 1e12])
def test_a_wrong_clock_or_state_blocks_no_provider_for_longer_than_the_policy(
    ahead: float, provider: FaultyProvider, tmp_path: Path
) -> None:
    provider.plan = [sends(b"", 429, Retry_After=f"{ahead:.0f}"), sends(BODY)]
    policy = replace(QUICK, longest_pause_seconds=20.0)
    waits: list[float] = []
    with pytest.raises(SourceUnavailableError):
        client(tmp_path, policy=policy).get(provider.url)
    assert client(tmp_path, waits, policy).get(provider.url).body == BODY
    assert max(waits) <= 20.0
    for path in tmp_path.glob("*.json"):  # as a version left it that counted by the wall clock
        path.write_text(json.dumps({"next_turn": ahead, "blocked_until": time.time() + ahead}))
    provider.plan = [sends(BODY)]
    assert client(tmp_path, waits := [], policy).get(provider.url).body == BODY
    assert not waits


def test_a_date_to_wait_until_is_counted_by_the_clock_of_the_provider(
    provider: FaultyProvider, tmp_path: Path
) -> None:
    there = datetime.now(UTC) + timedelta(days=1)
    heard: list[datetime] = []
    until = format_datetime(there + timedelta(seconds=20), usegmt=True)
    provider.plan = [
        sends(b"", 429, Retry_After=until, Date=format_datetime(there, usegmt=True)),
        sends(BODY),
    ]
    waits: list[float] = []
    HttpClient(tmp_path, QUICK, sleep=waits.append, hear=lambda _, said: heard.append(said)).get(provider.url)
    assert max(waits) == pytest.approx(20, abs=2)
    assert heard[0] == there.replace(microsecond=0)


def test_several_clients_share_one_budget(provider: FaultyProvider, tmp_path: Path) -> None:
    provider.plan = [sends(BODY)]
    policy = HttpPolicy(requests_per_minute=1200.0)

    def ask() -> None:
        for _ in range(4):
            HttpClient(tmp_path, policy).get(provider.url)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    started = time.time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(provider.asked) == 12
    assert provider.asked_at[-1] - started >= 11 * 0.05 - 0.02


def test_a_damaged_state_file_does_not_stop_the_client(provider: FaultyProvider, tmp_path: Path) -> None:
    provider.plan = [sends(BODY)]
    client(tmp_path).get(provider.url)
    for path in tmp_path.glob("*.json"):
        path.write_text("{ not json")
    assert client(tmp_path).get(provider.url).body == BODY


def test_a_body_that_unpacks_to_gigabytes_is_refused_early(provider: FaultyProvider, tmp_path: Path) -> None:
    provider.plan = [sends_bomb(10)]
    policy = HttpPolicy(requests_per_minute=60_000.0, maximum_bytes=8 * 1024 * 1024)
    started = time.monotonic()
    with pytest.raises(SourceUnavailableError, match="above"):
        client(tmp_path, policy=policy).get(provider.url)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("fault", [*FAULTS, "404", "403", "refused", "bad address"])
def test_the_token_never_shows(
    fault: str, provider: FaultyProvider, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    provider.plan = FAULTS.get(fault, [sends(b"", int(fault) if fault.isdecimal() else 200)])
    url = {"refused": "http://127.0.0.1:9", "bad address": "ftp://127.0.0.1/x"}.get(fault, provider.url)
    caplog.set_level(logging.DEBUG)
    # A debugging session of the libraries themselves must not be needed to leak: their own level is asked for
    # at WARNING by the client.
    with pytest.raises(SpotdeskError) as caught:
        client(tmp_path).get(url, {"zone": "DE"}, {"securityToken": CANARY})
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
    stored = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "canary" not in shown + stored


def test_an_unknown_scheme_is_a_setting_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        client(tmp_path).get("ftp://127.0.0.1/x")
