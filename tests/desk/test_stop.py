import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desk.trading.stop import stop_button
from resources.home.find import state_home
from resources.home.marker import new_marker
from resources.identity.person import recorded_name
from resources.settings.environment import read_environment
from resources.trading.state import TradingStateStore
from spot.errors import ConfigurationError
from spot.risk.state import TradingState
from tests.support.processes import wait_for

ANN = recorded_name("Ann")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A desk whose trading state was never set up."""
    new_marker(tmp_path, kind="desk", now=datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    return tmp_path


def _run(*words: str) -> Result:
    return CliRunner().invoke(stop_button, list(words))


def test_the_button_and_the_rest_of_the_desk_use_the_same_folder(home: Path) -> None:
    assert read_environment().home == state_home() == home


def test_halt_state_and_resume(home: Path) -> None:
    store = TradingStateStore(home / "trading_state")
    store.set_up()
    assert _run("state").exit_code == 0
    halted = _run("halt", "--zone", "SK", "--reason", "odd prices", "--by", "Ann", "--json")
    assert halted.exit_code == 0
    assert json.loads(halted.output)["state"] == "HALTED"
    assert store.state("SK") is TradingState.HALTED
    assert _run("state", "--zone", "SK").exit_code == 1
    assert _run("state", "--zone", "BE").exit_code == 0
    assert _run("resume", "--zone", "SK").exit_code == 2
    assert store.state("SK") is TradingState.HALTED
    assert _run("resume", "--zone", "SK", "--reason", "checked").exit_code == 0
    assert store.state("SK") is TradingState.ACTIVE
    assert _run("halt").exit_code == 0
    assert store.state("BE") is TradingState.HALTED
    assert {record["scope"] for record in json.loads(_run("state", "--json").output)} == {"desk", "zone-SK"}


def test_a_person_reads_instants_to_the_second(home: Path) -> None:
    TradingStateStore(home / "trading_state").set_up()
    said = _run("halt", "--reason", "odd prices", "--by", "Ann").output
    assert re.search(
        r"HALTED: odd prices \(by Ann \(system user .+\), \d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ\)$", said.strip()
    )
    assert _run("state").output.startswith(said)


def test_resuming_a_zone_of_a_halted_desk_says_that_nothing_leaves_yet_and_how_to_change_it(
    home: Path,
) -> None:
    TradingStateStore(home / "trading_state").set_up()
    _run("halt", "--reason", "strange market", "--by", "Ann")
    _run("halt", "--zone", "SK")
    done = _run("resume", "--zone", "SK", "--reason", "checked")
    assert done.exit_code == 0
    assert (
        f"NOTHING IS SENT YET: the desk is still HALTED (strange market, by {ANN}), and SK with it"
        in done.stderr
    )
    assert 'spotdesk resume --reason "..."' in done.stderr
    answer = json.loads(_run("resume", "--zone", "SK", "--reason", "checked", "--json").stdout)
    assert (answer["state"], answer["effective_state"]) == ("ACTIVE", "HALTED")
    assert [one["scope"] for one in answer["still_stopped"]] == ["desk"]


def test_resuming_the_desk_names_the_zones_that_stay_halted(home: Path) -> None:
    TradingStateStore(home / "trading_state").set_up()
    _run("halt")
    _run("halt", "--zone", "SK", "--reason", "odd prices", "--by", "Ann")
    done = _run("resume", "--reason", "all clear")
    assert (
        f"zone SK is still HALTED (odd prices, by {ANN})."
        ' To resume it: spotdesk resume --zone SK --reason "..."' in done.stderr
    )
    assert _run("resume", "--zone", "SK", "--reason", "checked").stderr == ""


def test_a_desk_that_was_never_set_up_names_its_cure(home: Path) -> None:
    shown = _run("state")
    assert shown.exit_code == 1
    assert "has not been set up" in shown.stdout
    assert 'spotdesk resume --reason "..."' in shown.stdout
    assert _run("resume", "--reason", "set up").exit_code == 0
    assert _run("state").exit_code == 0


def test_reduce_is_a_state_of_its_own(home: Path) -> None:
    store = TradingStateStore(home / "trading_state")
    store.set_up()
    assert _run("reduce", "--reason", "closing").exit_code == 0
    assert store.state("SK") is TradingState.REDUCING


def test_the_command_works_with_everything_else_dead(home: Path) -> None:
    """A lake, a registry and a Dagster home that are garbage, and no import of any of them."""
    (home / "lake").write_text("garbage")
    (home / "mlflow.db").write_text("garbage")
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['dagster', 'mlflow', 'deltalake', 'duckdb', 'polars',"
        " 'catboost']));sys.argv = ['spotdesk', 'halt', '--zone', 'SK']; from desk.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert TradingStateStore(home / "trading_state").record("zone-SK").state is TradingState.HALTED


def test_an_unknown_zone_is_a_usage_error(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "desk.trading.stop", "halt", "--zone", "ATLANTIS"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "NOT HALTED" in done.stderr
    assert "ATLANTIS" in done.stderr


@pytest.mark.parametrize(
    "command", [("halt",), ("resume", "--reason", "x"), ("reduce", "--reason", "x"), ("state",)]
)
def test_a_home_with_a_typing_error_is_refused_and_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "hmoe"))
    done = _run(*command)
    assert isinstance(done.exception, ConfigurationError)
    assert "SPOTDESK_HOME names" in str(done.exception)
    assert ("NOT HALTED" in str(done.exception)) == (command[0] == "halt")
    assert not (tmp_path / "hmoe").exists()


def test_a_desk_of_any_format_can_be_halted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path))
    TradingStateStore(tmp_path / "trading_state").set_up()  # as desks were before they had a marker
    assert _run("halt").exit_code == 0
    (tmp_path / "desk.json").write_text('{"format": 99}')
    assert _run("halt", "--zone", "SK").exit_code == 0
    assert TradingStateStore(tmp_path / "trading_state").record("zone-SK").state is TradingState.HALTED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["halt", "--zone", "SKK"], "did you mean SK"),
        (["halt", "--zon", "SK"], "--zone"),
        (["halt", "SK"], "SK"),
        (["halt", "--zone"], "argument"),
    ],
)
def test_every_halt_that_fails_says_so(home: Path, words: Any, said: Any) -> None:
    TradingStateStore(home / "trading_state").set_up()
    code = "import sys; sys.argv = ['spotdesk', *sys.argv[1:]]; from desk.main import main; main()"
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "NOT HALTED" in done.stderr
    assert said in done.stderr
    assert TradingStateStore(home / "trading_state").state("SK") is TradingState.ACTIVE


@pytest.fixture
def channel() -> Iterator[Any]:
    """A channel for alerts; it notes what it gets, and hangs while it is told to."""

    class _Channel(BaseHTTPRequestHandler):
        server: Any

        def do_POST(self) -> None:
            self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.server.free.wait(30)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), _Channel)
    server.got, server.free, server.daemon_threads = [], threading.Event(), True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.free.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_halt_and_resume_reach_the_alert_channels_and_a_channel_that_hangs_holds_nothing_up(
    home: Path, channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_WEBHOOK_URL", f"http://127.0.0.1:{channel.server_port}/")
    TradingStateStore(home / "trading_state").set_up()
    began = time.monotonic()
    assert _run("halt", "--zone", "SK", "--reason", "odd prices", "--by", "Ann").exit_code == 0
    assert time.monotonic() - began < 1.0
    wait_for(lambda: len(channel.got) == 1, 60)
    assert _run("resume", "--zone", "SK", "--reason", "checked", "--by", "Ben").exit_code == 0
    wait_for(lambda: len(channel.got) == 2, 60)
    first, second = channel.got
    assert (first["kind"], first["zone"], first["severity"]) == ("trading_state_changed", "SK", "critical")
    assert "HALTED: odd prices (by Ann" in first["message"]
    assert (second["severity"], "checked (by Ben" in second["message"]) == ("info", True)


def test_a_page_that_halts_again_and_again_leaves_no_process_behind(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("SPOTDESK_STOP_URI", f"file://{tmp_path / 'elsewhere'}")
    TradingStateStore(home / "trading_state").set_up()

    def children() -> set[str]:
        return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())

    before = children()
    for _ in range(3):
        assert _run("halt", "--reason", "odd prices", "--by", "Ann").exit_code == 0
    wait_for(lambda: not [one for one in children() - before if _state(one) != "Z"], 60)
    assert _run("halt", "--reason", "odd prices", "--by", "Ann").exit_code == 0
    assert len(children() - before) == 1


def _state(process: str) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0]


def test_the_second_place_is_written_too_and_reported_apart(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "elsewhere"
    monkeypatch.setenv("SPOTDESK_STOP_URI", f"file://{place}")
    store = TradingStateStore(home / "trading_state")
    store.set_up()
    lost = _run("halt")
    assert lost.exit_code == 0
    assert lost.stdout.startswith("desk HALTED")
    assert "second place: NOT reached" in lost.stderr
    place.mkdir()
    done = json.loads(_run("resume", "--reason", "checked", "--json").stdout)
    assert (done["state"], done["second_place"][:11]) == ("ACTIVE", "desk ACTIVE")
    assert "second place: zone-SK HALTED" in _run("halt", "--zone", "SK").stdout
    assert json.loads((place / "zone-SK.json").read_text())["state"] == "HALTED"
