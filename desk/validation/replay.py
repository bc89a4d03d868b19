"""Replays in processes of their own, and the file that keeps one."""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl

from resources.files import write_whole
from resources.settings.process import variables
from spot.backtest.release import Replayed
from spot.errors import ConfigurationError, SpotdeskError

CHILD = Path(__file__).with_name("child.py")
FRAMES = ("forecasts", "signals", "bid_curves", "settlements", "conformance", "prices")
_SECONDS = 3600
"""Longest replay. Chosen by hand: three zones over 90 days take minutes; what takes an hour hangs."""
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"), "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """The code of one side and the settings that it works under."""

    name: str
    tree: Path
    conf: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """The days of a desk on which both sides are replayed."""

    home: Path
    zones: tuple[str, ...]
    first_day: date
    last_day: date

    def job(self, side: Side, **more: Any) -> dict[str, Any]:
        """What a child is asked."""
        return {
            "home": str(self.home),
            "conf": str(side.conf),
            "zones": list(self.zones),
            "first_day": str(self.first_day),
            "last_day": str(self.last_day),
            **more,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Frames of a replay by name, the zones that could not be replayed, and what it was made of."""

    frames: Mapping[str, pl.DataFrame]
    problems: Mapping[str, str] = field(default_factory=dict)
    made_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def replayed(self) -> Replayed:
        """What is judged."""
        return Replayed(
            forecasts=self.frames["forecasts"],
            signals=self.frames["signals"],
            settlements=self.frames["settlements"],
        )

    def unpack(self, folder: Path) -> Path:
        """Write the frames for a child."""
        for name, frame in self.frames.items():
            frame.write_parquet(folder / f"{name}.parquet")
        return folder


class ReplayError(SpotdeskError):
    """A side could not be replayed at all."""


def run_replay(record: Record, side: Side) -> Replay:
    """Replay the record with the code and settings of one side.

    Raises:
        ReplayError: no zone could be replayed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        facts = ask(side, record.job(side, job="replay", out=scratch), Path(scratch))
        files = {name: Path(scratch) / f"{name}.parquet" for name in FRAMES}
        if not files["forecasts"].exists():
            said = "; ".join(f"{zone}: {why}" for zone, why in facts["problems"].items())
            raise ReplayError(f"{side.name} replays no zone: {said}")
        frames = {name: pl.read_parquet(path) for name, path in files.items()}
    return Replay(frames=frames, problems=facts["problems"])


def ask(side: Side, job: Mapping[str, Any], folder: Path) -> Any:
    """What a child found.

    Raises:
        ReplayError: it ended with an error.
    """
    path = folder / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    done = subprocess.run(
        _words(path),
        env=_variables(side),
        cwd=side.tree,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        raise ReplayError(f"{side.name} ({job['job']}): {lines[-1]}")
    return json.loads(path.with_suffix(".facts.json").read_text(encoding="utf-8"))


@contextmanager
def serving(side: Side, job: Mapping[str, Any]) -> Iterator["subprocess.Popen[str]"]:
    """A child that works a day for each line it is sent."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        with subprocess.Popen(
            _words(path),
            env=_variables(side),
            cwd=side.tree,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as child:
            try:
                yield child
            finally:
                child.kill()


def write_replay(replay: Replay, path: Path) -> None:
    """Keep a replay as one file."""
    held = BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("facts.json", json.dumps({"problems": replay.problems, "made_of": replay.made_of}))
        for name, frame in replay.frames.items():
            part = BytesIO()
            frame.write_parquet(part)
            archive.writestr(f"{name}.parquet", part.getvalue())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, held.getvalue())


def read_replay(path: Path) -> Replay:
    """A replay that was kept.

    Raises:
        ConfigurationError: the file is no replay.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            facts = json.loads(archive.read("facts.json"))
            frames = {name: pl.read_parquet(BytesIO(archive.read(f"{name}.parquet"))) for name in FRAMES}
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, pl.exceptions.PolarsError) as error:
        raise ConfigurationError(f"{path} is no replay: {error}") from None
    return Replay(frames=frames, problems=facts["problems"], made_of=facts["made_of"])


def digest_of(record: Record, conf: Path, states: Mapping[str, str]) -> str:
    """Identity of what a side is replayed on: ledger, days, settings, and the script that replays."""
    parts = [
        str(record.zones),
        str(record.first_day),
        str(record.last_day),
        CHILD.read_text(encoding="utf-8"),
    ]
    parts += [f"{name}={state}" for name, state in sorted(states.items())]
    for path in sorted(conf.rglob("*.yaml")):
        parts.append(f"{path.relative_to(conf)}\n{path.read_text(encoding='utf-8')}")
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _words(path: Path) -> list[str]:
    return [sys.executable, "-P", str(CHILD), str(path)]


def _variables(side: Side) -> dict[str, str]:
    """Nothing of this desk: the child works on the record alone."""
    kept = {
        name: value for name, value in variables().items() if not name.startswith(("SPOTDESK_", "MLFLOW_"))
    }
    return {**kept, **_ONE_THREAD, "PYTHONPATH": str(side.tree)}
