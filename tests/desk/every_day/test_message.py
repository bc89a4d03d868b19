"""`spotdesk day message`: what it says, and where it goes."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from desk.every_day.message import daily_message
from desk.main import app
from resources.home.make import make_home
from spot.errors import ConfigurationError
from tests.support.killed_daemon import TOKEN, alert_channel
from tests.support.people import accept_as_two_people

NOW = datetime(2025, 10, 10, 8, tzinfo=UTC)
FACTS: dict[str, Any] = {
    "at_utc": NOW,
    "home": "/srv/desk",
    "stopped": [],
    "zones": [
        {"zone": "DE_LU", "day": date(2025, 10, 11), "can_trade": True, "gate": "in 2 h 00 min", "why": ""},
        {"zone": "FR", "day": date(2025, 10, 11), "can_trade": False, "gate": "closed", "why": "no champion"},
    ],
    "pnl": [
        {"zone": "DE_LU", "strategy": "storage", "mode": "paper", "currency": "EUR", "period": period}
        | {"last_day": date(2025, 10, 9), "pnl": pnl}
        for period, pnl in (("day", -12.4), ("7 days", 100.0), ("month", 1234.6))
    ],
    "positions": [
        {"zone": "DE_LU", "delivery_day": date(2025, 10, 11), "strategy": "storage", "mode": "paper"}
        | {"state": "ordered", "bought_mwh": 2.1, "sold_mwh": 1.9}
    ],
    "open_alerts": [
        {"severity": "critical", "zone": "FR", "kind": "no_champion", "message": f"{number} " + "x" * 400}
        for number in range(7)
    ],
}


def test_the_message_has_the_gate_the_money_the_plan_and_what_wants_a_person() -> None:
    lines = daily_message(FACTS).splitlines()
    assert lines[0] == "Spotdesk, 2025-10-10 08:00 UTC, desk in /srv/desk"
    assert "  DE_LU 2025-10-11: yes, gate in 2 h 00 min" in lines
    assert "  FR 2025-10-11: NO: no champion" in lines
    assert "  DE_LU storage (paper), EUR: 2025-10-09 -12, 7 days +100, month +1,235" in lines
    assert "  DE_LU 2025-10-11 storage (paper, ordered): buys 2.1 MWh, sells 1.9 MWh" in lines
    assert lines[-1] == "  and 2 more alerts: spotdesk alerts --open"
    assert max(map(len, lines)) < 310


def test_an_empty_desk_and_a_stop_are_told() -> None:
    empty = {**FACTS, "zones": [], "pnl": [], "positions": [], "open_alerts": [], "stopped": ["desk HALTED"]}
    assert daily_message(empty).splitlines()[1:] == ["STOPPED: desk HALTED", "Wants a person", "  nothing"]


def message(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--home", str(home), "day", "message", *words])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make_home(tmp_path / "desk")
    return tmp_path / "desk"


def test_it_is_printed_and_goes_nowhere_without_a_channel(home: Path) -> None:
    said = message(home)
    assert said.exit_code == 0
    assert "Can we trade?" in said.stdout
    answer = message(home, "--send")
    assert isinstance(answer.exception, ConfigurationError)
    assert "SPOTDESK_WEBHOOK_URL" in str(answer.exception)


def test_it_is_sent_to_the_channel_and_a_channel_that_is_gone_is_told(home: Path) -> None:
    with alert_channel() as (address, arrived):
        (home / ".env").write_text(f"SPOTDESK_WEBHOOK_URL={address}\n")
        accept_as_two_people(home)
        sent = message(home, "--send")
        assert sent.exit_code == 0, sent.output
    ((_, told),) = arrived
    assert told["kind"] == "daily_message"
    assert "Can we trade?" in told["message"]
    gone = message(home, "--send")
    assert gone.exit_code == 1
    assert "channel 1 did not take the message" in gone.output
    assert TOKEN not in sent.output + gone.output
