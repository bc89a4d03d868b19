"""What mutated answers of providers lead to: rows, or a refusal by name, quickly and in little memory.

    python -m benchmarks.faults.fuzz [--minutes 10] [--seed 13] [--data ../shared/data] [--json]

Each case is a body that a parser reads, recorded or built, after one to three mutations of its bytes,
numbers, dates or structure. A case is a fault if it raises an error outside `spot/errors.py`, takes more than
3 s of the processor, takes more than 100 MB above what the process held before, or ends the process. Cases
run in a process of their own; case N of a seed is always the same. Exit code 1 on a fault.
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from benchmarks.planted.hostile_bodies import mutated
from spot.errors import SpotdeskError
from tests.support.parser_targets import ParserTarget, parser_targets

SEED = 13
LONGEST_SECONDS = 3.0
MOST_MEGABYTES = 100.0
_HUNG_SECONDS = 120.0
_MOST_MEMORY = 4 << 30
_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Fault:
    """One case that broke a rule; the seed and its number give it again."""

    case: int
    target: str
    kind: str
    words: str


@dataclass(slots=True)
class Findings:
    """What all cases led to."""

    n_cases: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    longest_seconds: float = 0.0
    most_megabytes: float = 0.0
    faults: list[Fault] = field(default_factory=list)


def case_of(targets: list[ParserTarget], seed: int, number: int) -> tuple[ParserTarget, bytes]:
    """Target and body of a case."""
    rng = random.Random(f"{seed}:{number}")  # noqa: S311 - cases that can be repeated
    target = rng.choice(targets)
    return target, mutated(target.body, target.kind, rng)


def run_case(target: ParserTarget, body: bytes, number: int, findings: Findings) -> None:
    """Parse one body and note what it led to."""
    held = _reset_peak()
    started = time.process_time()
    try:
        target.parse(body)
        findings.outcomes["read"] += 1
    except SpotdeskError:
        findings.outcomes["refused"] += 1
    except BaseException as error:  # noqa: BLE001 - a panic of a Rust library is no Exception
        findings.faults.append(Fault(number, target.name, type(error).__name__, str(error)[:200]))
    seconds, megabytes = time.process_time() - started, _peak() - held
    findings.n_cases += 1
    findings.longest_seconds = max(findings.longest_seconds, seconds)
    findings.most_megabytes = max(findings.most_megabytes, megabytes)
    if seconds > LONGEST_SECONDS:
        findings.faults.append(Fault(number, target.name, "slow", f"{seconds:.1f} s"))
    if megabytes > MOST_MEGABYTES:
        findings.faults.append(Fault(number, target.name, "memory", f"{megabytes:.0f} MB"))


def fuzz(seconds: float, seed: int, market_data: Path | None, *, most_cases: int = 1 << 60) -> Findings:
    """Run cases for so many seconds; a process that dies or hangs is a fault, and another goes on."""
    end, total, first = time.monotonic() + seconds, Findings(), 0
    context = multiprocessing.get_context("spawn")
    while time.monotonic() < end and first < most_cases:
        current = context.Value("q", first)
        here, there = context.Pipe(duplex=False)
        left = end - time.monotonic()
        process = context.Process(target=_work, args=(there, current, seed, market_data, left, most_cases))
        process.start()
        there.close()
        found = _wait(process, here, current)
        if isinstance(found, Findings):
            _add(total, found)
            break
        target, _ = case_of(parser_targets(market_data), seed, current.value)
        total.faults.append(Fault(current.value, target.name, "process", found))
        total.n_cases += current.value - first + 1
        first = current.value + 1
    return total


def _work(
    answer: Connection,
    current: "Synchronized[int]",
    seed: int,
    market_data: Path | None,
    seconds: float,
    most_cases: int,
) -> None:
    """Cases from `current` on, until the time is over."""
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, _MOST_MEMORY))
    targets, findings, end = parser_targets(market_data), Findings(), time.monotonic() + seconds
    for target in targets:  # the first parse of each loads what it needs
        run_case(target, target.body, -1, Findings())
    while time.monotonic() < end and current.value < most_cases:
        run_case(*case_of(targets, seed, current.value), current.value, findings)
        current.value += 1
    answer.send(findings)


def _wait(
    process: "multiprocessing.process.BaseProcess", answer: Connection, current: "Synchronized[int]"
) -> Findings | str:
    """The findings of the process, or how it ended."""
    seen, since = -1, time.monotonic()
    while not answer.poll(1.0):
        if current.value != seen:
            seen, since = current.value, time.monotonic()
        if time.monotonic() - since > _HUNG_SECONDS:
            process.kill()
            process.join()
            return f"no answer in {_HUNG_SECONDS:.0f} s"
    try:
        found: Findings = answer.recv()
    except EOFError:
        process.join()
        return f"ended with code {process.exitcode}"
    process.join()
    return found


def _add(total: Findings, found: Findings) -> None:
    total.n_cases += found.n_cases
    total.outcomes += found.outcomes
    total.longest_seconds = max(total.longest_seconds, found.longest_seconds)
    total.most_megabytes = max(total.most_megabytes, found.most_megabytes)
    total.faults += found.faults


def _reset_peak() -> float:
    """Forget the highest memory of this process so far; gives what it holds now, in MB."""
    Path("/proc/self/clear_refs").write_text("5")
    return _of_status("VmRSS")


def _peak() -> float:
    return _of_status("VmHWM")


def _of_status(name: str) -> float:
    """A line of what Linux says about this process, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))


def recorded_folder(named: Path | None = None) -> Path | None:
    """The folder of recorded bodies, where there is one."""
    folder = named or Path(os.environ.get("SPOTDESK_MARKET_DATA", _ROOT.parent / "shared" / "data"))
    return folder if (folder / "api_samples").is_dir() else None


def main() -> None:
    """Print what the cases led to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--data", type=Path, help="folder with api_samples")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    folder = recorded_folder(chosen.data)
    found = fuzz(60 * chosen.minutes, chosen.seed, folder)
    figures = {
        "seed": chosen.seed,
        "bodies": len(parser_targets(folder)),
        "cases": found.n_cases,
        **found.outcomes,
        "longest_seconds": round(found.longest_seconds, 2),
        "most_megabytes": round(found.most_megabytes, 1),
        "faults": len(found.faults),
    }
    shown = [f"{one.case} {one.target}: {one.kind} {one.words}" for one in found.faults]
    if chosen.json:
        print(json.dumps({**figures, "list": shown}, indent=1))
    else:
        print("\n".join([*(f"{name:16} {value}" for name, value in figures.items()), *shown[:100]]))
    if found.faults:
        sys.exit(1)


if __name__ == "__main__":
    main()
