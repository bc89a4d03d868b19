"""One voice on the command line: flags that mean one thing, old names, help, version, errors as JSON."""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from desk.main import COMMANDS, app, main
from desk.screen.voice import OLD_NAMES
from resources.home.make import make_home
from spot.market.zones import TRADED_ZONES
from supply.site.commands import leaves

ONE_MEANING = {
    "--by": r"who|your name",
    "--reason": r"why|what|how you know",
    "--zone": r"zone|forecast and signals of that day",
    "--from": r"^first",
    "--to": r"^(last|newest) ",
    "--day": r"\bday\b",
    "--version": r"version",
    "--profile": r"conf/models",
    "--model": r"price, or of the spread",
    "--strategy": r"strateg",
    "--source": r"source|provider|record|market",
    "--output": r"to write|Parquet files",
    "--report": r"as one HTML page",
    "--every": r"seconds between looks",
    "--port": r"port",
    "--host": r"address",
    "--json": r"print JSON",
}
"""Options with a word that the help of each must have, wherever it is."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_home(tmp_path / "desk")
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    return tmp_path / "desk"


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Exit code of the command line."""
    monkeypatch.setattr(sys, "argv", ["spotdesk", *words])
    try:
        main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


@pytest.mark.parametrize(("option", "meaning"), ONE_MEANING.items())
def test_a_flag_means_one_thing_everywhere(option: str, meaning: str) -> None:
    told = {
        " ".join(words): " ".join((one.help or "").split())
        for words, command in leaves(get_command(app))
        for one in command.params
        if option in one.opts and one.param_type_name == "option"
    }
    assert told
    other = {words: text for words, text in told.items() if not re.search(meaning, text, re.IGNORECASE)}
    assert other == {}


def test_what_people_decide_asks_for_a_name_and_a_reason_in_the_same_words() -> None:
    options = {
        " ".join(words): {o for p in one.params for o in p.opts} for words, one in leaves(get_command(app))
    }
    deciding = (
        "halt",
        "reduce",
        "resume",
        "retrain",
        "promote",
        "rollback",
        "live",
        "paper",
        "settings accept",
    )
    for name in deciding:
        assert {"--by", "--reason"} <= options[name], name


def test_old_names_are_gone_from_the_help_and_still_work(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: defaultdict[str, set[str]] = defaultdict(set)
    for words, command in leaves(get_command(app)):
        shown[words[0]] |= {name for one in command.params for name in one.opts}
    for command, names in OLD_NAMES.items():
        assert set(names.values()) <= shown[command]
    assert typed(monkeypatch, "halt", "--name", "Ann", "--reason=odd", "--json") == 0
    said = capsys.readouterr()
    assert "--name of spotdesk halt is --by now" in said.err
    assert "Ann" in json.loads(said.out)["actor"]


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_and_sub_command_has_help(flag: str) -> None:
    for words, _ in leaves(get_command(app)):
        assert CliRunner().invoke(app, [*words, flag]).exit_code == 0, words
    assert CliRunner().invoke(app, [flag]).exit_code == 0


def test_the_version() -> None:
    assert re.fullmatch(r"spotdesk \d+\.\d+\.\d+\n", CliRunner().invoke(app, ["--version"]).stdout)


@pytest.mark.parametrize(
    ("words", "kind", "says"),
    [
        (("signals", "--zone", "DE_LX", "--json"), "ConfigurationError", "did you mean DE_LU"),
        (("signals", "--json"), "UsageError", "--zone"),
        (("statsu", "--json"), "UsageError", "Did you mean 'status'"),
        (("pnl", "--day", "tomorrow", "--json"), "UsageError", "YYYY-MM-DD"),
        (("status", "--json", "--home", "nowhere"), "NoDeskError", "does not exist"),
    ],
)
def test_an_error_is_json_where_json_was_asked_for(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    kind: str,
    says: str,
) -> None:
    assert typed(monkeypatch, *words) == 2
    said = capsys.readouterr()
    error = json.loads(said.out)["error"]
    assert (error["kind"], error["exit_code"]) == (kind, 2)
    assert says in error["message"]
    assert says in said.err


def test_an_answer_of_no_keeps_its_exit_code_with_json(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert typed(monkeypatch, "drift", "--zone", "DE_LU", "--json") == 1
    assert json.loads(capsys.readouterr().out) == []


@pytest.mark.parametrize(
    ("words", "begun", "expected"),
    [
        (("signals", "zone"), "DE_", {"DE_LU"}),
        (("run", "zone"), "no_", {name for name in TRADED_ZONES if name.startswith("NO_")}),
        (("run", "profile"), "catb", {"catboost", "catboost_small"}),
        (("backtest", "strategy"), "stor", {"storage", "storage_groups"}),
        (("init", "source"), "ent", {"entsoe"}),
        (("export", "table"), "day_ahead_p", {"day_ahead_prices"}),
    ],
)
def test_a_shell_completes_zones_profiles_strategies_sources_and_tables(
    home: Path, words: tuple[str, str], begun: str, expected: set[str]
) -> None:
    root = get_command(app)
    context = root.make_context("spotdesk", [], resilient_parsing=True)
    command = root.get_command(context, words[0])  # type: ignore[attr-defined]
    named = [one for one in command.params if one.name == words[1] or f"--{words[1]}" in one.opts]
    assert {found.value for found in named[0].shell_complete(context, begun)} == expected


def test_every_command_is_listed_once() -> None:
    assert {words[0] for words, _ in leaves(get_command(app))} == set(COMMANDS)
