"""Whether the clock of the machine is trusted: it does not step back, and jumps no further than a minute.

A gate is an instant. A clock that steps back opens gates that have closed; one that jumps ahead makes signals
void and data look late. Two things tell a step: the latest instant that was seen, and within one boot the
clock that counts since the boot and that nobody sets. Pure: the instants are given.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

BACK_SECONDS = 2.0
"""Smaller steps back are the work of NTP or a leap second."""
AHEAD_SECONDS = 60.0
"""A jump ahead within one boot that is no work of NTP; and how far two clocks may be apart that agree."""
HEARD_SECONDS = 86_400.0
"""How long what a provider said of the time counts."""


@dataclass(frozen=True, slots=True)
class ClockView:
    """What is known of the clock after a look at it; instants in seconds since 1970."""

    latest: float
    """The latest instant at which the clock was trusted."""
    boot: str
    """Which boot of the machine the view is of."""
    offset: float
    """Wall clock less boot clock when this boot was first seen, or when a person last confirmed."""
    problem: str = ""
    """Why nothing may leave; empty where the clock is trusted."""
    since: float = 0.0
    problem_boot: str = ""
    """The boot in which the clock moved, which only a person can confirm; empty for a step over a restart."""


def look_at_clock(
    before: ClockView | None, *, wall: float, boot_seconds: float, boot: str, said: float | None = None
) -> ClockView:
    """The view after this look; instants and intervals in seconds.

    `said` is the present instant by two providers that agree, None where there are none. They clear a problem
    after a restart, and contradict a clock that was wrong from the start.
    """
    fresh = ClockView(latest=wall, boot=boot, offset=wall - boot_seconds)
    if before is None:
        return _contradicted(fresh, wall, said)
    agrees = said is not None and abs(wall - said) <= AHEAD_SECONDS
    if before.problem:
        needs_person = before.problem_boot == boot
        return fresh if agrees and not needs_person else before
    problem, within = _step(before, wall, boot_seconds, boot)
    if problem and agrees and not within:
        return fresh
    if problem:
        return replace(before, problem=problem, since=wall, problem_boot=boot if within else "")
    offset = before.offset if boot == before.boot else fresh.offset
    seen = ClockView(latest=max(before.latest, wall), boot=boot, offset=offset)
    return _contradicted(seen, wall, said)


def agreed(heard: Mapping[str, tuple[float, float]], *, boot_seconds: float) -> float | None:
    """The present instant by two hosts that agree within a minute; None where no two do.

    `heard` is host to what it said and the boot clock when it did, all of this boot. The newest pair counts.
    """
    now = sorted(
        (
            (at, said + boot_seconds - at)
            for said, at in heard.values()
            if 0.0 <= boot_seconds - at <= HEARD_SECONDS
        ),
        reverse=True,
    )
    for n, (_, one) in enumerate(now):
        for _, other in now[:n]:
            if abs(one - other) <= AHEAD_SECONDS:
                return (one + other) / 2
    return None


def _step(before: ClockView, wall: float, boot_seconds: float, boot: str) -> tuple[str, bool]:
    """What moved, empty where nothing did, and whether it moved within this boot."""
    moved = wall - boot_seconds - before.offset if boot == before.boot else 0.0
    if moved < -BACK_SECONDS:
        return f"it stepped back by {-moved:,.0f} s while the machine ran", True
    if moved > AHEAD_SECONDS:
        return f"it jumped ahead by {moved:,.0f} s while the machine ran", True
    if wall < before.latest - BACK_SECONDS:
        return f"it stands {before.latest - wall:,.0f} s before an instant that was seen already", False
    return "", False


def _contradicted(view: ClockView, wall: float, said: float | None) -> ClockView:
    """The view, with a problem where two providers say another time."""
    if said is None or abs(wall - said) <= AHEAD_SECONDS:
        return view
    side = "behind" if wall < said else "ahead of"
    problem = f"it is {abs(wall - said):,.0f} s {side} what two providers say"
    return replace(view, problem=problem, since=wall, problem_boot="")
