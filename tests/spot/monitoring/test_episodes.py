"""A state is told when it begins and again after the reminder interval.

Known verdicts give known episodes, never none.
"""

from datetime import date, timedelta
from typing import Literal

import polars as pl
import pytest

from spot.monitoring.episodes import open_episodes
from spot.monitoring.settings import AlertSettings

FIRST = date(2025, 6, 2)
SETTINGS = AlertSettings(quiet_days=7, reminder_days=28)


def verdicts(line: str, *, subject: str = "wind", step: int = 1) -> pl.DataFrame:
    """One letter per judged day: `.` ok, `a` alert, `c` cannot see."""
    status = {".": "ok", "a": "alert", "c": "cannot_see"}
    rows = [
        {"delivery_day": FIRST + timedelta(days=step * n), "subject": subject, "status": status[letter]}
        for n, letter in enumerate(line)
    ]
    return pl.DataFrame(rows)


def told(line: str, status: Literal["alert", "cannot_see"] = "alert", *, step: int = 1) -> list[int]:
    """Days (counted from the first) on which something new is told, looking on each."""
    frame, keys, days = verdicts(line, step=step), set(), []
    for n in range(len(line)):
        for episode in open_episodes(
            frame, last_day=FIRST + timedelta(days=step * n), status=status, settings=SETTINGS
        ):
            if episode.key not in keys:
                days.append(step * n)
            keys.add(episode.key)
    return days


@pytest.mark.parametrize(
    ("line", "days"),
    [
        ("....", []),
        ("..aaaa", [2]),
        ("a" * 60, [0, 28, 56]),
        ("aa...aa", [0]),  # away for three days: the same episode
        ("aa" + "." * 8 + "a", [0, 10]),  # away for longer than quiet_days: a new one
        ("ccaa", [2]),  # from cannot see to alert is a change of state
    ],
)
def test_a_state_is_told_when_it_begins_and_reminded_while_it_lasts(line: str, days: list[int]) -> None:
    assert told(line) == days


def test_a_replay_that_looks_every_four_weeks_tells_each_look_and_forgets_what_was_ok_between() -> None:
    assert told("aa.a", step=28) == [0, 28, 84]


def test_a_monitor_that_is_blind_for_weeks_is_told_once_and_not_every_week() -> None:
    assert told("c" * 12, "cannot_see", step=7) == [0, 28, 56]


def test_subjects_that_begin_together_are_told_together_and_a_new_one_for_itself() -> None:
    frame = pl.concat([verdicts("aaa"), verdicts("aaa", subject="solar"), verdicts("..a", subject="price")])
    first, second = open_episodes(
        frame, last_day=FIRST + timedelta(days=2), status="alert", settings=SETTINGS
    )
    assert (first.subjects, first.since) == (("solar", "wind"), FIRST)
    assert (second.subjects, second.since) == (("price",), FIRST + timedelta(days=2))


def test_what_a_killed_run_did_not_tell_has_the_same_key_on_the_next_day() -> None:
    frame = verdicts(".aaa")
    keys = {
        open_episodes(frame, last_day=FIRST + timedelta(days=n), status="alert", settings=SETTINGS)[0].key
        for n in (1, 2, 3)
    }
    assert len(keys) == 1


def test_a_day_that_was_not_judged_has_no_episode() -> None:
    assert (
        open_episodes(verdicts("aa"), last_day=FIRST + timedelta(days=5), status="alert", settings=SETTINGS)
        == ()
    )
    assert open_episodes(verdicts("aa").clear(), last_day=FIRST, status="alert", settings=SETTINGS) == ()
