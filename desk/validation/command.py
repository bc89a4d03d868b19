"""`spotdesk validate`: a release beside the one that serves, on the days of a recorded desk."""

import json
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from desk.screen.console import JsonFlag, emit_json, err, out
from desk.screen.report import render_report
from desk.validation.judged import CHECKS, Verdict, judge
from desk.validation.replay import Record, Replay, Side, ask, read_replay, write_replay
from desk.validation.trees import commit_of, settings_of_tree, tree_of
from resources.files import write_whole
from resources.home.find import PROJECT_ROOT, is_desk, is_named, state_home
from resources.settings.environment import code_commit, read_environment
from resources.wiring import make_lake
from spot.errors import ConfigurationError
from spot.market.zones import find_zone

ZONES = ("DE_LU", "FR", "NL")
"""Zones of the desk that is made where none is named."""
LAST_DAY = date(2025, 6, 30)
"""Newest day of that desk. It is fixed, so that one commit is replayed once."""
_MINIMUM_DAYS = 14
"""Chosen by hand: two weeks hold each day of the week twice. Fewer days say little of a release."""


def validate(
    *,
    against: Annotated[
        str, typer.Option("--against", help="What serves: a commit of the checkout, or a file of --keep.")
    ],
    days: Annotated[
        int, typer.Option("--days", min=_MINIMUM_DAYS, help="Newest days that are replayed.")
    ] = 90,
    zone: Annotated[
        list[str] | None,
        typer.Option("--zone", help="Zone; repeat for more.  \\[default: those of the desk]"),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", help="Settings in question: a folder like conf.  \\[default: unchanged]"),
    ] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", help="Check whose findings are meant, for example limits; repeat for more."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the verdict as one HTML page.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option("--keep", help="Keep the candidate's replay, for a later --against.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Folder for what is made once.  \\[default: .spotdesk/validate]"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Replay the newest days of a recorded desk with this code, beside what serves, and say what changed.

    Both sides train on the days before and work each day as of its gate, in processes of their own. Without a
    desk (`--home`), one is made from the simulator. A release fails that is significantly worse in error,
    money or coverage; that loses a forecast or a signal; that reads what was published after a gate; that
    loosens or exceeds a limit; that cannot read a serving version; that pays the same orders otherwise; or
    that is slower.

    Exit code 1: something forbids the release. Exit code 2: it could not be judged.

        spotdesk validate --against main --report validate.html
    """
    wrong = sorted(set(allow or ()) - set(CHECKS))
    if wrong:
        raise ConfigurationError(f"--allow {', '.join(wrong)}: the checks are {', '.join(CHECKS)}")
    folder = (cache or PROJECT_ROOT / ".spotdesk" / "validate").resolve()
    with tempfile.TemporaryDirectory() as scratch:
        verdict = _verdict(
            against, days, zone, settings, tuple(allow or ()), folder, Path(scratch), is_quiet=as_json
        )
    if report is not None:
        from desk.validation.page import release_page

        report.parent.mkdir(parents=True, exist_ok=True)
        write_whole(report, render_report(release_page(verdict)).encode())
    if keep is not None and verdict.replays is not None:
        write_replay(_kept(verdict, verdict.replays[1]), keep)
    if as_json:
        emit_json(verdict.document())
    else:
        for one in verdict.findings:
            said = "allowed: " if one.check in verdict.allowed else ""
            out.print(f"{said}{one.check}: {one.text}", markup=False, highlight=False, soft_wrap=True)
        out.print(verdict.in_one_line, markup=False, highlight=False, soft_wrap=True)
    if verdict.failing:
        raise typer.Exit(1)


def _verdict(
    against: str,
    n_days: int,
    zones: list[str] | None,
    settings: Path | None,
    allowed: tuple[str, ...],
    cache: Path,
    scratch: Path,
    *,
    is_quiet: bool,
) -> Verdict:
    path = Path(against)
    kept = read_replay(path) if path.is_file() else None
    commit = "" if kept is not None else commit_of(against)
    own_home = state_home() if is_named() and is_desk(state_home()) else None
    names = tuple(find_zone(name).name for name in zones or ())
    tree = PROJECT_ROOT if kept is not None else tree_of(commit, cache)
    if own_home is not None:
        record = recorded_desk(own_home, names, n_days)
        in_force = read_environment(own_home).settings_folder
        base_conf, conf = in_force, settings or in_force
    else:
        names = names or ZONES
        base_conf = settings_of_tree(tree, names, scratch / "base")
        conf = settings or settings_of_tree(PROJECT_ROOT, names, scratch / "candidate")
        maker = Side(name=commit or "this code", tree=tree, conf=base_conf)
        record = made_desk(maker, names, n_days, cache)
    candidate = Side(name=code_commit()[:12], tree=PROJECT_ROOT, conf=conf.resolve())
    base: Side | Replay = kept or Side(name=commit, tree=tree, conf=base_conf)
    return judge(
        record,
        base,
        candidate,
        cache=cache,
        allowed=allowed,
        tell=(lambda _: None) if is_quiet else (lambda text: err.print(text, markup=False)),
    )


def recorded_desk(home: Path, zones: tuple[str, ...], n_days: int) -> Record:
    """The newest days of a desk that all of its zones have prices of.

    Raises:
        ConfigurationError: it has no prices.
    """
    lake = make_lake(read_environment(home))
    names = zones or tuple(lake.zones("day_ahead_prices"))
    newest = [day for name in names if (day := lake.newest_day("day_ahead_prices", name)) is not None]
    if not newest or len(newest) < len(names):
        raise ConfigurationError(f"the desk in {home} has no prices of {', '.join(names) or 'any zone'}")
    last = min(newest)
    return Record(
        home=home, zones=tuple(sorted(names)), first_day=last - timedelta(days=n_days - 1), last_day=last
    )


def made_desk(maker: Side, zones: tuple[str, ...], n_days: int, cache: Path) -> Record:
    """A desk of simulated zones, made by the code of the base: the candidate has to read what it wrote."""
    first = LAST_DAY - timedelta(days=n_days - 1)
    home = cache / "desks" / f"{maker.name[:12].replace(' ', '_')}-{'-'.join(zones)}-{n_days}"
    record = Record(home=home, zones=tuple(sorted(zones)), first_day=first, last_day=LAST_DAY)
    if not is_desk(home) or not (home / "whole").exists():
        with tempfile.TemporaryDirectory() as scratch:
            ask(maker, record.job(maker, job="record"), Path(scratch))
        (home / "whole").touch()
    return record


def _kept(verdict: Verdict, now: Replay) -> Replay:
    facts = {
        "code": verdict.candidate,
        "days": f"{verdict.record.first_day} to {verdict.record.last_day}",
        "zones": json.dumps(verdict.record.zones),
    }
    return Replay(frames=now.frames, made_of=facts)
