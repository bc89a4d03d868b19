"""`spotdesk books`: what an operator asks of the books, and a stranger of a certificate."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from benchmarks.planted.books_desk import make_books_desk
from desk.books.command import app
from desk.books.said import books_facts, books_line
from resources.books.keys import key_file
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.wiring import make_lake

pytestmark = pytest.mark.slow  # each test makes a desk; tests/resources/test_books.py has the short proofs


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    return make_books_desk(tmp_path / "desk", with_models=False)


def books(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def test_a_change_since_the_head_is_exit_code_1_and_a_person_can_go_on(desk: Environment) -> None:
    head = books("head").stdout.strip()
    assert books("verify", "--head", head).exit_code == 0
    log = desk.trading_state / "log.jsonl"
    log.write_text(log.read_text().replace("odd prices", "fine prices"))
    found = books("verify", "--head", head, "--json")
    assert found.exit_code == 1
    assert "log of the stop button" in json.loads(found.stdout)["first"]
    assert books("accept", "--by", "Ann", "--reason", "a typing error").exit_code == 0
    assert books("verify", "--head", head).exit_code == 0
    assert "is NUMBER:HASH" in str(books("verify", "--head", "7").exception)


def test_a_head_at_the_second_place_is_taken_where_none_is_given(
    desk: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "No head from elsewhere was given" in books("verify").stdout
    assert "no head has left the desk" in books_line(desk)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("SPOTDESK_BOOKS_URI", str(tmp_path / "elsewhere"))
    assert books("head", "--send").exit_code == 0
    assert "the head pins them" in books("verify").stdout
    facts = books_facts(desk)
    assert facts["problem"] == ""
    assert facts["last_left_to"] == str(tmp_path / "elsewhere")
    TradingStateStore(desk.trading_state).halt("FR", reason="x", actor="Ann")
    chain = desk.home / "books" / "chain.jsonl"
    chain.write_bytes(b"".join(chain.read_bytes().splitlines(keepends=True)[:5]))
    assert books("verify").exit_code == 1


def test_a_desk_without_a_key_says_so_and_makes_one(desk: Environment) -> None:
    key_file(desk.home).unlink()
    assert "books key --make" in str(books("key").exception)
    TradingStateStore(desk.trading_state).halt("FR", reason="x", actor="Ann")
    assert "no key is set up" in books_line(desk)
    assert len(books("key", "--make").stdout.strip()) == 64


def test_a_stranger_checks_a_certificate_without_a_desk(desk: Environment, tmp_path: Path) -> None:
    public_key, file = books("key").stdout.strip(), tmp_path / "signal.json"
    signal_id = make_lake(read_environment(desk.home)).read("signals")["signal_id"][0]
    assert books("certificate", signal_id, "--output", str(file)).exit_code == 0
    assert "no signal 0000" in str(books("certificate", "0000").exception)
    words = [sys.executable, "-m", "desk.main", "books", "check", str(file), "--public-key"]
    (tmp_path / "empty").mkdir()
    root = Path(__file__).parents[2]
    environment = {"PATH": "", "PYTHONPATH": str(root), "HOME": str(tmp_path)}
    done = subprocess.run(
        [*words, public_key],
        cwd=tmp_path / "empty",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "NO" not in done.stdout
    file.write_text(file.read_text().replace('\\"buy\\"', '\\"sell\\"').replace('\\"flat\\"', '\\"buy\\"'))
    assert books("check", str(file), "--public-key", public_key).exit_code == 1
    assert "64 hex digits" in str(books("check", str(file), "--public-key", "x").exception)
