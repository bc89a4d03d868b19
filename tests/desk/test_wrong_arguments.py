"""Wrong words for every option of every command: one clear message, and never a trace."""

import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from desk.main import COMMANDS, main
from desk.screen.console import a_day
from resources.home.make import make_home
from tests.support.wrong_words import command_lines

GIVEN_WRONG_WORDS = {
    *(
        "alerts",
        "day",
        "backup",
        "books",
        "clock",
        "compare",
        "dossier",
        "drift",
        "explain-decision",
        "export",
        "halt",
        "ingest",
    ),
    *("init", "limits", "live", "metrics", "models", "notebook", "pnl", "positions", "screen", "watch"),
    *("paper", "profiles", "promote", "reduce", "rederive", "repair", "replay", "restore", "resume"),
    *("rollback", "settings", "signals", "sources", "sql", "state", "status", "strategies", "upgrade"),
    *("users", "zones"),
}
"""Commands that end at once. The others go to work, or serve, where a word is right after all."""
_LONGEST_CALL_SECONDS = 120
Answer = tuple[int, str]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Answer]:
    """Calls a command on a new desk: its exit code, and what it says."""
    make_home(tmp_path / "desk")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    monkeypatch.chdir(tmp_path)

    def answer(*words: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["spotdesk", *words])
        code = 0
        signal.alarm(_LONGEST_CALL_SECONDS)  # ends the tests where a command waits or serves
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            signal.alarm(0)
        said = capsys.readouterr()
        return code, " ".join((said.err + said.out).split())

    return answer


@pytest.mark.slow
def test_no_wrong_word_gives_a_trace(call: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "a_file").write_text("x")
    places = [str(tmp_path / name) for name in ("missing/x", "a_file", "a_folder")]
    seen = set()
    for words in command_lines([*places, "/proc/x"]):
        if words[0] not in GIVEN_WRONG_WORDS:
            continue
        seen.add(words[0])
        for name in ("missing", "a_folder"):  # `init` makes a desk there
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        (tmp_path / "a_folder").mkdir()
        code, said = call(*words)
        assert code in (0, 1, 2), words
        assert "Traceback" not in said, words
        assert "should not happen" not in said, words
        assert said, words
    assert seen == GIVEN_WRONG_WORDS <= set(COMMANDS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "--zone=DE_LX", "--from=2025-03-01", "--to=2025-03-02"), "did you mean DE_LU"),
        (("run", "--zone=DE_LU", "--from=2025-03-05", "--to=2025-03-01"), "2025-03-05"),
        (("run", "--zone=DE_LU", "--from=0001-01-01", "--to=2025-03-01"), "outside 1990 to 2099"),
        (("run", "--zone=DE_LU", "--from=2025-03-01", "--to=2025-03-02", "--data=nowhere"), "no folder"),
        (("status", "--home=nowhere"), "does not exist"),
        (("statsu",), "Did you mean 'status'"),
    ],
)
def test_what_is_wrong_is_told_before_work_begins(
    call: Callable[..., Answer], words: tuple[str, ...], says: str
) -> None:
    code, said = call(*words)
    assert code == 2
    assert says in said


@pytest.mark.parametrize("text", ["0001-01-01", "1989-12-31", "2100-01-01", "9999-12-31", "2025-13-01"])
def test_a_day_lies_within_the_years_of_markets(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        a_day(text)
    assert a_day("2025-03-31").day == 31
