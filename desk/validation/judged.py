"""The whole verdict on a release: both replays, figures, findings, speed."""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from desk.validation.checks import hard_findings, measured_speed, speed_findings
from desk.validation.replay import (
    Record,
    Replay,
    ReplayError,
    Side,
    digest_of,
    read_replay,
    run_replay,
    write_replay,
)
from resources.settings.environment import read_environment
from resources.wiring import make_lake
from spot.backtest.release import Finding, ReleaseFigures, ReleaseSettings, judge_release
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError

CHECKS = (
    "error", "money", "coverage", "forecasts", "signals", "replay", "look-ahead", "champions", "settlement",
    "limits", "latency",
)  # fmt: skip
"""What can forbid a release, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What changed, and what forbids it."""

    record: Record
    base: str
    candidate: str
    figures: ReleaseFigures | None
    findings: tuple[Finding, ...]
    allowed: tuple[str, ...] = ()
    """Checks whose findings a person has allowed."""
    speed: pl.DataFrame | None = None
    replays: tuple[Replay, Replay] | None = field(default=None, repr=False)

    @property
    def failing(self) -> tuple[Finding, ...]:
        """Findings that nobody allowed."""
        return tuple(one for one in self.findings if one.check not in self.allowed)

    @property
    def in_one_line(self) -> str:
        """What changed, in words."""
        changed = "nothing could be compared" if self.figures is None else self.figures.in_one_line
        return f"{changed}; {'fails' if self.failing else 'passes'}"

    def document(self) -> dict[str, Any]:
        """The verdict as plain values."""
        return {
            "says": self.in_one_line,
            "passes": not self.failing,
            "base": self.base,
            "candidate": self.candidate,
            "zones": list(self.record.zones),
            "first_day": str(self.record.first_day),
            "last_day": str(self.record.last_day),
            "figures": None if self.figures is None else asdict(self.figures),
            "findings": [{**asdict(one), "allowed": one.check in self.allowed} for one in self.findings],
            "speed": [] if self.speed is None else self.speed.to_dicts(),
        }


def judge(
    record: Record,
    base: Side | Replay,
    candidate: Side,
    *,
    cache: Path | None = None,
    settings: ReleaseSettings | None = None,
    allowed: Sequence[str] = (),
    measures_speed: bool = True,
    tell: Callable[[str], None] = lambda _: None,
) -> Verdict:
    """Replay both sides where they were not yet, compare them, and make the checks.

    Args:
        record: the days.
        base: the release that serves, or its replay, whose speed cannot be measured.
        candidate: the release in question.
        cache: folder that keeps replays of the base.
        settings: levels and margins.
        allowed: checks whose findings fail nothing.
        measures_speed: whether the speed is compared.
        tell: is told what is done.

    Raises:
        ConfigurationError: a kept replay was made on another record.
        ReplayError: the base cannot be replayed.
    """
    with ThreadPoolExecutor(1) as beside:
        tell(f"replaying {record.first_day} to {record.last_day} of {', '.join(record.zones)} ...")
        waiting = beside.submit(_base_replay, record, base, cache)
        try:
            now: Replay | None = run_replay(record, candidate)
            problem = ""
        except ReplayError as error:
            now, problem = None, str(error)
        before = waiting.result()
    name = base.name if isinstance(base, Side) else "the kept replay"
    if now is None:
        failed = (Finding(check="replay", text=problem),)
        return Verdict(
            record=record, base=name, candidate=candidate.name, figures=None, findings=failed,
            allowed=tuple(allowed),
        )  # fmt: skip
    figures, findings = judge_release(
        before.replayed, now.replayed, before.frames["prices"], settings or ReleaseSettings()
    )
    tell("looking for leaks, champions that do not load, other limits ...")
    try:
        hard = hard_findings(record, before, now, candidate)
    except ReplayError as error:
        hard = [Finding(check="replay", text=str(error))]
    speed, slower = None, []
    if measures_speed and isinstance(base, Side):
        tell("measuring both in turn ...")
        try:
            speed = measured_speed(record, base, candidate)
            slower = speed_findings(speed)
        except ReplayError as error:
            slower = [Finding(check="latency", text=str(error))]
    return Verdict(
        record=record,
        base=name,
        candidate=candidate.name,
        figures=figures,
        findings=(*findings, *hard, *slower),
        allowed=tuple(allowed),
        speed=speed,
        replays=(before, now),
    )


def base_key(record: Record, conf: Path) -> str:
    """Identity of what the base is replayed on."""
    lake = make_lake(read_environment(record.home))
    states = {table: lake.state(table) for table in RAW_TABLES_OF_A_ZONE}
    return digest_of(record, conf, states)


def _base_replay(record: Record, base: Side | Replay, cache: Path | None) -> Replay:
    if isinstance(base, Replay):
        of = f"{base.made_of.get('days', '')} of {base.made_of.get('zones', '')}"
        asked = f"{record.first_day} to {record.last_day} of {json.dumps(record.zones)}"
        if of != asked:
            raise ConfigurationError(f"the kept replay is of {of}, this record is of {asked}")
        return base
    key = base_key(record, base.conf)
    kept = None if cache is None else cache / "replays" / f"{base.name}-{key}.zip"
    if kept is not None and kept.exists():
        return read_replay(kept)
    made = run_replay(record, base)
    if made.problems:
        said = "; ".join(f"{zone}: {why}" for zone, why in made.problems.items())
        raise ReplayError(f"{base.name} does not replay {said}")
    facts = {
        "code": base.name,
        "record": key,
        "days": f"{record.first_day} to {record.last_day}",
        "zones": json.dumps(record.zones),
    }
    replay = Replay(frames=made.frames, made_of=facts)
    if kept is not None:
        write_replay(replay, kept)
    return replay
