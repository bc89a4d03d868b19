"""A clock that moved is not believed until a person, or two providers after a restart, say so."""

import pytest

from spot.risk.clock import ClockView, agreed, look_at_clock

NOON = 1_790_000_000.0


def _look(
    before: ClockView | None,
    *,
    wall: float,
    boot_seconds: float,
    boot: str = "one",
    said: float | None = None,
) -> ClockView:
    return look_at_clock(before, wall=wall, boot_seconds=boot_seconds, boot=boot, said=said)


@pytest.fixture
def seen() -> ClockView:
    return _look(None, wall=NOON, boot_seconds=100.0)


@pytest.mark.parametrize(
    ("step", "word"),
    [(0.0, ""), (-1.5, ""), (45.0, ""), (-3.0, "stepped back by 3 s"), (-604_800.0, "back"), (61.0, "ahead")],
)
def test_a_step_within_one_boot_is_told_from_the_time_that_passed(
    seen: ClockView, step: float, word: str
) -> None:
    later = _look(seen, wall=NOON + 600.0 + step, boot_seconds=700.0)
    assert word in later.problem
    assert bool(later.problem) == bool(word)


def test_many_small_steps_add_up(seen: ClockView) -> None:
    view = seen
    for n in range(1, 4):
        view = _look(view, wall=NOON + n * 40.0, boot_seconds=100.0)
    assert "jumped ahead" in view.problem


def test_only_a_person_clears_a_step_within_a_boot_and_two_providers_do_after_a_restart(
    seen: ClockView,
) -> None:
    back = _look(seen, wall=NOON - 3600.0, boot_seconds=200.0)
    later = _look(back, wall=NOON + 200.0, boot_seconds=300.0, said=NOON + 200.0)
    assert later.problem
    restarted = _look(later, wall=NOON + 500.0, boot_seconds=10.0, boot="two")
    assert restarted.problem
    assert not _look(restarted, wall=NOON + 500.0, boot_seconds=10.0, boot="two", said=NOON + 510.0).problem


def test_a_restart_with_a_clock_of_the_past_is_cleared_by_providers_once_it_is_set(seen: ClockView) -> None:
    old = _look(seen, wall=0.0, boot_seconds=5.0, boot="two")
    assert "before an instant that was seen" in old.problem
    assert _look(old, wall=1.0, boot_seconds=6.0, boot="two", said=NOON + 60.0).problem
    set_right = _look(old, wall=NOON + 70.0, boot_seconds=16.0, boot="two", said=NOON + 70.0)
    assert not set_right.problem
    assert set_right.latest == NOON + 70.0


def test_a_restart_that_took_a_while_is_nothing_special(seen: ClockView) -> None:
    assert not _look(seen, wall=NOON + 86_400.0, boot_seconds=5.0, boot="two").problem


@pytest.mark.parametrize("off", [-3600.0, 3600.0])
def test_two_providers_contradict_a_clock_that_was_wrong_from_the_start(off: float) -> None:
    view = _look(None, wall=NOON + off, boot_seconds=5.0, said=NOON)
    assert "what two providers say" in view.problem
    assert not _look(view, wall=NOON, boot_seconds=5.0, said=NOON).problem


def test_one_provider_or_two_that_differ_say_nothing() -> None:
    assert agreed({"a": (NOON, 10.0)}, boot_seconds=10.0) is None
    assert agreed({"a": (NOON, 10.0), "b": (NOON + 3600.0, 10.0)}, boot_seconds=10.0) is None
    assert agreed({"a": (NOON, 10.0), "b": (NOON + 30.0, 40.0)}, boot_seconds=50.0) == NOON + 40.0
    assert agreed({"a": (NOON, 10.0), "b": (NOON, 10.0)}, boot_seconds=90_000.0) is None
    liar = {"liar": (NOON + 9e6, 50.0), "a": (NOON, 10.0), "b": (NOON, 10.0)}
    assert agreed(liar, boot_seconds=50.0) == NOON + 40.0
