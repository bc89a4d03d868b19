"""What a slip of the hand is answered: the nearest command or zone, the form of a day."""

import pytest
import typer
from typer.testing import CliRunner

from desk.main import COMMANDS, app
from desk.screen.console import a_day
from spot.errors import ConfigurationError
from spot.market.zones import find_zone


@pytest.mark.parametrize(
    ("typed", "nearest"),
    [("signal", "'signals'"), ("HALT", "'halt'"), ("statsu", "'status'"), ("backtset", "'backtest'")],
)
def test_an_unknown_command_names_the_nearest(typed: str, nearest: str) -> None:
    done = CliRunner().invoke(app, [typed])
    assert done.exit_code == 2
    assert "Did you mean" in done.output
    assert nearest in done.output


def test_a_command_like_no_other_names_the_help() -> None:
    done = CliRunner().invoke(app, ["xyzzy"])
    assert done.exit_code == 2
    assert "spotdesk --help" in done.output


def test_every_command_is_found() -> None:
    for name in ("signals", "status", "halt"):
        assert name in COMMANDS
        assert CliRunner().invoke(app, [name, "--help"]).exit_code == 0


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("de_lu", "DE_LU"), ("de-lu", "DE_LU"), ("DE", "DE_LU"), ("sk", "SK"), ("NO2", "NO_2")],
)
def test_a_zone_that_is_nearly_one_is_hinted_at(typed: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"did you mean {meant}\\?"):
        find_zone(typed)


@pytest.mark.parametrize("text", ["2024", "24.11.2026", "2024-02-30", "tomorrow", "2024-11-24T00:00"])
def test_a_day_of_another_form_is_told_the_form(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="YYYY-MM-DD"):
        a_day(text)


def test_a_day() -> None:
    assert str(a_day("2024-02-29").date()) == "2024-02-29"


@pytest.mark.parametrize(
    ("command", "told"),
    [("run", "as in zones.yaml"), ("run", "SPOTDESK_MARKET_DATA"), ("doctor", "all of zones.yaml")],
)
def test_the_help_tells_what_holds_where_an_option_is_left_out(command: str, told: str) -> None:
    help_text = (
        CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "250", "TERMINAL_WIDTH": "250"}).output
    )
    assert told in " ".join(help_text.replace("│", " ").split())
