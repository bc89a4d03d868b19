"""The daily verification of the books: sound books pass, a change is red and told once."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dagster import build_asset_check_context, build_asset_context

from benchmarks.planted.books_desk import make_books_desk
from definitions import build_definitions
from resources.books.chain import Chain
from resources.clock import Clock
from resources.home.make import make_home
from resources.settings.environment import Environment, read_environment
from resources.trading.alerts import Alerts
from resources.wiring import make_lake
from trading_assets.upkeep import books
from trading_assets.upkeep.books import books_verification, the_books_verify

NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    monkeypatch.setattr(books, "WAIT_SECONDS", (0.0, 0.0))
    return make_books_desk(tmp_path / "desk", with_models=False)


def verified(environment: Environment) -> Any:
    """The verdict of the check, after the asset was made."""
    books_verification(
        build_asset_context(),
        alerts=Alerts(lake=make_lake(environment)),
        clock=Clock(fixed_utc=NOW.isoformat()),
    )
    return the_books_verify(build_asset_check_context())


def test_sound_books_pass_and_a_change_is_told_once(desk: Environment) -> None:
    assert verified(desk).passed
    log = desk.trading_state / "log.jsonl"
    log.write_text(log.read_text().replace("odd prices", "fine prices"))
    for _ in range(2):
        verdict = verified(desk)
        assert not verdict.passed
        assert "log of the stop button" in verdict.description
    (alert,) = make_lake(desk).read("alerts").to_dicts()
    assert (alert["kind"], alert["severity"]) == ("books_changed", "critical")
    assert "log of the stop button" in alert["message"]


def test_a_finding_that_is_gone_at_the_second_look_is_none(
    desk: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = desk.trading_state / "log.jsonl"
    before = log.read_text()
    log.write_text(before.replace("odd prices", "fine prices"))
    monkeypatch.setattr(time, "sleep", lambda _seconds: log.write_text(before))
    assert verified(desk).passed
    assert make_lake(desk).read("alerts").is_empty()


def test_the_books_of_a_desk_without_any_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOTDESK_HOME", str(tmp_path / "desk"))
    make_home(tmp_path / "desk")
    assert verified(read_environment()).passed
    assert Chain(tmp_path / "desk").records()[0].kind == "begin"


def test_it_runs_by_itself_each_evening() -> None:
    schedules: Any = build_definitions(read_environment()).schedules or []
    (schedule,) = [one for one in schedules if one.name == "books_verified_daily"]
    assert schedule.job_name == "books_verified"
    assert schedule.cron_schedule == "15 17 * * *"
