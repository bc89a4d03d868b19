"""Releases with a planted change: those that are worse are stopped, those that are not pass.

    python -m benchmarks.lifecycle.releases [--days 28] [--zone Z] [--regressions 30] [--neutral 100] [--json]

Each change of benchmarks/planted/release_edits.yaml is made in a copy of a commit (`--base`, default HEAD),
which is then judged beside it as `spotdesk validate` does. The spread is that of the past (`distribution:
empirical`), so that no model of it has to be fitted for each change. Speed is measured only where a change is
about speed. The aim is 29 of 30 stopped and at most 5 of 100 neutral changes; a smaller number has the same
share. Exit code 1 where it is missed.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from desk.screen.console import JsonFlag, emit
from desk.validation.command import made_desk
from desk.validation.judged import judge
from desk.validation.replay import Record, Side
from desk.validation.trees import commit_of, settings_of_tree, tree_of
from resources.files import write_whole
from resources.home.find import PROJECT_ROOT

app = typer.Typer(help=__doc__)
EDITS = Path(__file__).parents[1] / "planted" / "release_edits.yaml"
_EMPIRICAL = ("distribution: catboost", "distribution: empirical")
AIMED_STOPPED, AIMED_FALSE = 29 / 30, 5 / 100


@dataclass(frozen=True, slots=True)
class Change:
    """One planted change: texts that are replaced in files of a tree."""

    name: str
    is_regression: bool
    edits: tuple[tuple[str, str, str], ...]
    """File, old text, new text."""
    is_speed: bool = False


def read_changes(path: Path = EDITS) -> list[Change]:
    """The changes of the list, those with values once for each."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = []
    for kind in ("regressions", "neutral"):
        for entry in document[kind]:
            for value in entry.get("values", [""]):
                edits = tuple(
                    (one["file"], one["old"], one["new"].replace("{value}", str(value)))
                    for one in entry["edits"]
                )
                name = entry["name"].replace("{value}", str(value))
                found.append(Change(name, kind == "regressions", edits, entry.get("is_speed", False)))
    return found


def plant(change: Change, tree: Path) -> None:
    """Make a change in a tree.

    Raises:
        ValueError: the old text does not stand exactly once in its file.
    """
    for file, old, new in change.edits:
        path = tree / file
        text = path.read_text(encoding="utf-8")
        if text.count(old) != 1:
            raise ValueError(f"{change.name}: {old!r} stands {text.count(old)} times in {file}")
        write_whole(path, text.replace(old, new).encode())


def spread_over(changes: Sequence[Change], n: int) -> list[Change]:
    """At most `n` of the changes, evenly spread over the list."""
    if n >= len(changes):
        return list(changes)
    return [changes[i * len(changes) // n] for i in range(n)]


def study(
    changes: Sequence[Change], base: str, *, zones: tuple[str, ...], days: int, cache: Path
) -> Iterator[dict[str, Any]]:
    """A row for each change: whether it was stopped, by which checks, and in how many seconds."""
    commit = commit_of(base)
    tree = tree_of(commit, cache)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        before = Side(name=commit, tree=tree, conf=_settings(tree, zones, folder / "base"))
        record = made_desk(before, zones, days, cache)
        for number, change in enumerate(changes):
            begun = time.perf_counter()
            own = folder / f"tree-{number}"
            # Links: a file that is written anew is a file of its own.
            shutil.copytree(tree, own, copy_function=os.link)
            plant(change, own)
            yield {**_judged(change, record, before, own, folder / f"conf-{number}", cache),
                   "seconds": round(time.perf_counter() - begun)}  # fmt: skip
            shutil.rmtree(own)


def _judged(
    change: Change, record: Record, before: Side, tree: Path, conf: Path, cache: Path
) -> dict[str, Any]:
    after = Side(name=change.name, tree=tree, conf=_settings(tree, record.zones, conf))
    verdict = judge(record, before, after, cache=cache, measures_speed=change.is_speed)
    return {
        "kind": "regression" if change.is_regression else "neutral",
        "change": change.name,
        "is_stopped": bool(verdict.failing),
        "by": ", ".join(dict.fromkeys(one.check for one in verdict.failing)),
        "says": verdict.in_one_line,
        "first_finding": verdict.failing[0].text if verdict.failing else "",
    }


def _settings(tree: Path, zones: Sequence[str], folder: Path) -> Path:
    conf = settings_of_tree(tree, zones, folder)
    path = conf / "strategies" / "settlement_spread.yaml"
    write_whole(path, path.read_text(encoding="utf-8").replace(*_EMPIRICAL).encode())
    return conf


@app.command()
def main(
    *,
    base: Annotated[str, typer.Option(help="Commit in which changes are planted.")] = "HEAD",
    days: Annotated[int, typer.Option(min=14, help="Newest days that are replayed.")] = 28,
    zone: Annotated[list[str] | None, typer.Option(help="Zone; repeat for more.")] = None,
    regressions: Annotated[int, typer.Option(min=0, help="How many of the 30.")] = 30,
    neutral: Annotated[int, typer.Option(min=0, help="How many of the 100.")] = 100,
    cache: Annotated[Path | None, typer.Option(help="Folder for what is made once.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Plant each change, judge it, and count.

    Exit code 1: fewer regressions or more neutral changes are stopped than aimed at.
    """
    every = read_changes()
    chosen = spread_over([one for one in every if one.is_regression], regressions)
    chosen += spread_over([one for one in every if not one.is_regression], neutral)
    rows = []
    folder = (cache or PROJECT_ROOT / ".spotdesk" / "validate").resolve()
    for row in study(chosen, base, zones=tuple(zone or ["DE_LU"]), days=days, cache=folder):
        rows.append(row)
        print(f"{row['kind']}: {row['change']}: {row['by'] or 'passes'}", file=sys.stderr, flush=True)
    emit(rows, as_json=as_json, title="releases")
    if not is_aim_met(rows):
        raise typer.Exit(1)


def is_aim_met(rows: Sequence[dict[str, Any]]) -> bool:
    """Whether so many regressions were stopped, and so few neutral changes; says the counts."""
    counts: dict[str, tuple[int, int]] = {}
    for kind in ("regression", "neutral"):
        own = [row["is_stopped"] for row in rows if row["kind"] == kind]
        counts[kind] = sum(own), len(own)
    (stopped, n_worse), (wrongly, n_neutral) = counts["regression"], counts["neutral"]
    print(
        f"{stopped} of {n_worse} regressions and {wrongly} of {n_neutral} neutral changes stopped",
        file=sys.stderr,
    )
    return stopped >= int(AIMED_STOPPED * n_worse) and wrongly <= AIMED_FALSE * n_neutral


if __name__ == "__main__":
    app()
