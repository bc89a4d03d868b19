"""The alarm from outside: what `spotdesk watch` sees, what it says of it, and that it needs no Dagster."""

import json
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest

from desk.watch import gates as gates_module
from desk.watch.gates import GateWatch, gates_ahead
from desk.watch.incidents import Finding, Incidents
from desk.watch.looks import Looks
from desk.watch.next_gate import main as say_next_gate
from desk.watch.next_gate import seconds_to_next_gate
from desk.watch.presence import note_look, only_watch, open_incidents, watch_line
from resources.home.find import chosen_home
from resources.home.make import make_home
from resources.lake.lake import Lake
from resources.trading.state import TradingStateStore
from spot.contracts.words import Severity
from spot.errors import ConfigurationError
from spot.market.gates import gate_closure_utc
from tests.support.flat_signals import flat_signals
from tests.support.killed_daemon import TOKEN, alert_channel, measure_killed_daemon
from tests.support.processes import wait_for

NOW = datetime(2025, 6, 10, 12, 0, tzinfo=UTC)
SILENT = Finding("ticks_stopped", "the daemon gives no sign of life")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty desk."""
    made = tmp_path / "desk"
    make_home(made)
    return made


class Said:
    """Takes what is told, or refuses it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.takes = True

    def __call__(self, finding: Finding, message: str, severity: Severity) -> bool:
        if self.takes:
            self.lines.append(f"{severity} {finding.kind} {message}")
        return self.takes


def beat(home: Path, sign: datetime, tick: datetime | None = None) -> None:
    """The files that a daemon leaves, with its newest sign of life and its newest tick."""
    _answers(home / "dagster/history/runs.db", "daemon_heartbeats", "timestamp", {"timestamp": sign})
    ended = {"timestamp": tick or sign, "status": "SKIPPED"}
    begun = {"timestamp": sign + timedelta(hours=1), "status": "STARTED"}
    _answers(home / "dagster/schedules/schedules.db", "job_ticks", "timestamp, status", ended, begun)


def _answers(path: Path, table: str, columns: str, *rows: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TABLE {table} ({columns})")
        for row in rows:
            values = [
                f"{value:%Y-%m-%d %H:%M:%S.%f}" if isinstance(value, datetime) else value
                for value in row.values()
            ]
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - names of this file
        database.commit()


def found(home: Path, now: datetime, *, since: datetime = NOW, **more: float) -> list[Finding]:
    return list(Looks(home, since, minimum_free_mb=more.get("minimum_free_mb", 0)).findings(now, frozenset()))


def test_the_watch_and_its_look_at_tables_import_no_dagster(home: Path) -> None:
    code = (
        "import sys; import desk.watch.command; print('polars' in sys.modules);"
        "from desk.watch.gates import main; main([sys.argv[1]]); print();"
        "from resources.lake.delta_table import StoredTable; print('dagster' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(home)], capture_output=True, text=True, check=True, timeout=60
    )
    assert [done.stdout.splitlines()[n] for n in (0, 2)] == ["False", "False"]
    assert {gate["zone"] for gate in json.loads(done.stdout.splitlines()[1])} == {"DE_LU", "FR"}


def test_a_silent_daemon_is_found_and_one_that_lives_is_not(home: Path) -> None:
    beat(home, NOW - timedelta(seconds=40))
    assert found(home, NOW) == []
    (silent,) = found(home, NOW + timedelta(seconds=80))
    assert silent.kind == "ticks_stopped"
    assert "no sign of life since 2025-06-10 11:59:20 UTC" in silent.message


def test_a_daemon_gets_time_to_start_before_it_counts_as_silent(home: Path) -> None:
    assert found(home, NOW + timedelta(seconds=70)) == []
    (silent,) = found(home, NOW + timedelta(seconds=80))
    assert "has given none so far" in silent.message


def test_a_daemon_that_lives_and_ticks_no_more_is_found_with_the_cause(home: Path) -> None:
    later = NOW + timedelta(minutes=6)
    beat(home, later, NOW)
    (stuck,) = found(home, later)
    assert (
        "the daemon lives, but no schedule and no sensor ran since 2025-06-10 12:00:00 UTC" in stuck.message
    )
    beat(home, later, later - timedelta(minutes=2))
    assert found(home, later) == []


def test_a_disk_that_gets_full_is_found_until_there_is_clearly_room(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beat(home, NOW)
    looks = Looks(home, NOW, minimum_free_mb=1000)
    for free_mb, was_full, is_found in (
        (1001, False, False),
        (999, False, True),
        (1200, True, True),
        (1300, True, False),
    ):
        monkeypatch.setattr(
            shutil, "disk_usage", lambda _path, free=free_mb: SimpleNamespace(free=free * 1e6)
        )
        kinds = frozenset({"disk_nearly_full"}) if was_full else frozenset()
        assert [one.kind for one in looks.findings(NOW, kinds)] == ["disk_nearly_full"] * is_found


def test_a_clock_that_stands_before_what_was_seen_is_found_and_nothing_is_written(home: Path) -> None:
    beat(home, NOW)
    TradingStateStore(home / "trading_state").set_up()
    seen = {"latest": time.time() + 3600, "boot": "another", "offset": 0.0, "since": 0.0}
    note = {**seen, "problem": "", "problem_boot": "", "heard": {}, "heard_boot": "another"}
    path = home / "trading_state" / "clock.json"
    path.write_text(json.dumps(note))
    (wrong,) = found(home, NOW)
    assert wrong.kind == "clock_not_believed"
    assert "before an instant that was seen already" in wrong.message
    assert json.loads(path.read_text()) == note


def test_an_incident_is_told_once_and_once_more_when_it_is_over() -> None:
    said = Said()
    incidents = Incidents(said)
    for minute in range(5):
        incidents.update([SILENT], NOW + timedelta(minutes=minute))
    incidents.update([], NOW + timedelta(minutes=5))
    incidents.update([], NOW + timedelta(minutes=6))
    assert said.lines == [
        "critical ticks_stopped the daemon gives no sign of life",
        "info ticks_stopped over, it lasted 5 min: the daemon gives no sign of life",
    ]


def test_what_no_channel_took_is_told_again() -> None:
    said = Said()
    said.takes = False
    incidents = Incidents(said)
    incidents.update([SILENT], NOW)
    assert incidents.documents() == []
    said.takes = True
    incidents.update([SILENT], NOW + timedelta(seconds=10))
    said.takes = False
    incidents.update([], NOW + timedelta(seconds=20))
    said.takes = True
    incidents.update([], NOW + timedelta(seconds=30))
    assert [line.split()[0] for line in said.lines] == ["critical", "info"]


def test_a_watch_that_starts_again_repeats_nothing_and_knows_what_ended(home: Path) -> None:
    first, second = Said(), Said()
    with only_watch(home):
        incidents = Incidents(first)
        incidents.update([SILENT], NOW)
        assert note_look(home, NOW, incidents.documents()) == ""
    after = Incidents(second, open_incidents(home))
    after.update([SILENT], NOW + timedelta(minutes=1))
    assert second.lines == []
    after.update([], NOW + timedelta(minutes=2))
    assert [line.split()[0] for line in second.lines] == ["info"]


def test_status_says_whether_a_watch_runs_and_there_is_only_one(home: Path) -> None:
    assert "none runs" in watch_line(home, NOW)
    with only_watch(home):
        note_look(home, NOW, [])
        assert watch_line(home, NOW) == "watch: runs, no open incidents"
        assert "STUCK since" in watch_line(home, NOW + timedelta(minutes=5))
        with pytest.raises(ConfigurationError, match="runs already"), only_watch(home):
            pass
    assert "none runs" in watch_line(home, NOW)


def test_a_gate_that_comes_near_without_signals_is_found_and_signals_end_it(home: Path) -> None:
    day = date(2025, 6, 11)
    gate = gate_closure_utc("FR", day)
    near = gate - timedelta(minutes=10)
    with chosen_home(home):
        assert _ahead(gate - timedelta(hours=1)) == ("2025-06-11", "")
        wanted = "settlement_spread: 0 of 24 units of FR on 2025-06-11 have a signal"
        assert wanted in _ahead(near)[1]
        lake = Lake(uri=str(home / "lake"))
        both = [flat_signals("FR", day, NOW, strategy=name) for name in ("settlement_spread", "storage")]
        lake.replace("signals", pl.concat(both)[1:], zone="FR", first_day=day, last_day=day)
        assert _ahead(near)[1] == "settlement_spread: 23 of 24 units of FR on 2025-06-11 have a signal"
        lake.replace("signals", pl.concat(both), zone="FR", first_day=day, last_day=day)
        assert _ahead(near) == ("2025-06-11", "")
        assert _ahead(gate + timedelta(minutes=1)) == ("2025-06-12", "")


def _ahead(now: datetime) -> tuple[str, str]:
    """The next day of FR and what is missing."""
    (found_gate,) = [one for one in gates_ahead(now) if one.zone == "FR"]
    return found_gate.day, found_gate.missing


def test_an_answer_about_gates_is_taken_and_its_failure_is_told_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = NOW + timedelta(minutes=10)
    one = {
        "zone": "FR",
        "day": "2025-06-11",
        "gate_utc": gate.isoformat(),
        "asked_from_utc": NOW.isoformat(),
        "missing": "storage: 0 of 96 units",
    }
    watch = GateWatch()
    monkeypatch.setattr(gates_module, "_ask", lambda: _prints(f"print({json.dumps([one])!r})"))
    (missing,) = _answered(watch, NOW)
    assert missing.message.startswith("storage: 0 of 96 units; the gate closes at 12:10 UTC")
    monkeypatch.setattr(gates_module, "_ask", lambda: _prints("raise SystemExit('no lake')"))
    assert _answered(watch, gate) == [], "after the gate no alarm helps"
    kinds = [_answered(watch, gate + timedelta(hours=n)) for n in range(1, 3)]
    assert [len(found) for found in kinds] == [0, 1]
    assert kinds[-1][0].message.endswith("no lake")


def _prints(code: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def _answered(watch: GateWatch, now: datetime) -> list[Finding]:
    """What is found once the process that is asked has ended."""
    watch.findings(now)
    assert watch._asked is not None
    watch._asked[0].wait(20)
    return watch.findings(now)


@pytest.mark.slow
def test_a_killed_daemon_is_told_within_two_minutes_and_no_address_is_printed(tmp_path: Path) -> None:
    measured = measure_killed_daemon(tmp_path)
    assert measured.told_seconds < 120
    assert measured.memory_mb < 60
    (message,) = measured.messages
    assert message["kind"] == "ticks_stopped"
    assert message["text"].startswith("[critical] all ticks_stopped: the daemon gives no sign of life since")
    assert "ticks_stopped" in measured.log
    assert TOKEN not in measured.log


def test_a_real_watch_tells_its_channel_and_ends_in_order(home: Path) -> None:
    beat(home, NOW)
    with alert_channel() as (address, arrived):
        (home / ".env").write_text(f"SPOTDESK_WEBHOOK_URL={address}\n")
        words = [str(Path(sys.executable).parent / "spotdesk"), "--home", str(home), "watch"]
        words += ["--minimum-free-mb", "1e12", "--every", "1"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            wait_for(lambda: bool(arrived), 30)
        finally:
            process.terminate()
            said, _ = process.communicate(timeout=20)
    assert process.returncode == 0, said
    assert [message["kind"] for _, message in arrived] == ["disk_nearly_full"]
    assert TOKEN not in said


def test_an_upgrade_hears_how_long_the_first_gate_is_away(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    at_half_past_eight = datetime(2025, 7, 14, 8, 30, tzinfo=UTC)
    assert seconds_to_next_gate(["DE_LU"], at_half_past_eight) == 5400
    assert seconds_to_next_gate(["DE_LU", "GB"], at_half_past_eight) == 1200
    assert seconds_to_next_gate([], at_half_past_eight) is None
    monkeypatch.setenv("SPOTDESK_HOME", str(home))
    say_next_gate()
    assert 0 < int(capsys.readouterr().out) <= 86_400 + 3_600
