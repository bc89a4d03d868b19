"""What people and scripts read of every command."""

import json
import math
from datetime import UTC, date, datetime

import pytest
from rich.console import Console

from desk.screen import console


def test_json_is_valid_where_numbers_are_not_finite(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit_json(
        {
            "mae": math.nan,
            "limits": [math.inf, 1.5],
            "day": date(2024, 3, 31),
            "at": datetime(2024, 3, 31, tzinfo=UTC),
        }
    )
    answer = json.loads(
        capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")
    )
    assert answer == {
        "mae": None,
        "limits": [None, 1.5],
        "day": "2024-03-31",
        "at": "2024-03-31T00:00:00+00:00",
    }


def test_a_table_keeps_names_and_folds_nothing_that_fits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "out", Console(width=200))
    console.emit(
        [{"zone": "DE_LU", "share_of_perfect_foresight": 0.25, "nothing": None}], as_json=False, title="Money"
    )
    shown = capsys.readouterr().out
    assert "share_of_perfect_foresight" in shown
    assert "0.25" in shown
    assert "DE_LU" in shown
    assert "-" in shown


def test_numbers_below_one_have_two_decimals_at_least(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "out", Console(width=200))
    console.emit([{"MW": value} for value in (1.2, 0.7, -0.5, 0.105, 0.5461, 0.0)], as_json=False)
    assert [line.strip() for line in capsys.readouterr().out.splitlines()][3:-1] == [
        "1.20",
        "0.70",
        "-0.50",
        "0.105",
        "0.5461",
        "0",
    ]


def test_no_rows_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    console.emit([], as_json=False, title="Money", empty="no day was traded")
    console.emit([], as_json=True)
    assert capsys.readouterr().out == "Money: no day was traded\n[]\n"


def test_in_a_pipe_a_long_command_tells_each_tenth_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console, "err", Console(stderr=True, width=200, force_terminal=False))
    with console.stages() as tell:
        for percent in range(101):
            tell(f"day {percent}", percent / 100)
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split("%")[0].strip() for line in told.err.splitlines()] == [str(10 * i) for i in range(11)]
