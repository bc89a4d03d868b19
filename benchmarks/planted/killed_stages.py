"""The stages of a desk that the kill matrix kills, each small, and each a command that is repeated.

A stage prepares a desk, works on it, and says what is there afterwards. Its work is what the same command
does when it is given again after a kill.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from resources.home.backup import back_up
from resources.home.make import make_home
from resources.home.upgrade import upgrade
from resources.lake.checked_reads import forget_checked
from resources.lake.lake import Lake
from resources.models.mlflow_store import database_of
from resources.settings.environment import Environment, read_environment
from resources.trading.outbox import Outbox
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_registry
from spot.market.delivery import days_between, delivery_day_of
from spot.market.gates import gate_closure_utc
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.signals import decide_signals
from tests.support.made_up_rows import made_up
from tests.support.raw_rows import ramp, raw_day
from tests.support.sample_market import ZONE, make_request
from tests.support.versions import register_naive

_FIRST, _BLOCKS, _DAYS = date(2024, 1, 1), 4, 5
_MODEL_ZONE = "BE"
_OWN_CLOCK = {
    "captured_at_utc",
    "seen_at_utc",
    "recorded_at_utc",
    "published_at_utc",
    "receipt",
    "sent_at_utc",
}
"""Columns that say when or by which attempt a row was made, which differ between any two runs."""
_TABLES = ("day_ahead_prices", "day_ahead_features", "publications", "signals")

State = dict[str, object]


@dataclass(frozen=True, slots=True)
class Stage:
    """What is killed."""

    name: str
    prepare: Callable[[Path], None]
    """Makes `home` as it is before the command, with what lies beside it in the same folder."""
    work: Callable[[Path], None]
    """The command; again after a kill it goes on."""


def state_of(home: Path) -> State:
    """Rows of the tables, versions with their stages, and what lies in the outbox and beside the desk.

    Raises:
        SpotdeskError: a table cannot be read, or the champion does not load.
    """
    forget_checked()
    environment = read_environment(home)
    lake, state = _lake(home), State()
    for table in _TABLES:
        rows = lake.read(table)
        rows = rows.drop(_OWN_CLOCK & set(rows.columns))
        state[table] = sorted(map(str, rows.rows()))
    state["damaged"] = [one.table for one in lake.verify() if one.damaged or one.lost]
    if database_of(environment.tracking_uri).exists():
        state |= _models(environment)
    drop = home / "outbox"
    state["outbox"] = sorted(path.name for path in drop.rglob("*.json")) if drop.is_dir() else []
    state["backups"] = sorted(path.name for path in home.parent.glob("*.tgz"))
    return state


def _models(environment: Environment) -> State:
    """Versions of the zone with models and which of them serves; the one that does is loaded."""
    registry = make_registry(environment)
    versions, champion = registry.versions(_MODEL_ZONE), registry.champion(_MODEL_ZONE)
    shown = [one.stage for one in registry.shown_versions(_MODEL_ZONE)]
    if champion is not None:
        registry.load(_MODEL_ZONE, champion.version)
    return {
        "versions": [(one.version, one.stage, one.fingerprint) for one in versions],
        "champion": None if champion is None else champion.version,
        "one champion": shown.count("champion") == (champion is not None),
    }


def leftovers(home: Path) -> list[str]:
    """Folders and halves of files that nobody works on any more."""
    names = (".mlflow-", ".spotdesk-backup-", "spotdesk-backup-")
    return sorted(
        str(path.relative_to(home.parent))
        for path in home.parent.rglob("*")
        if path.name.startswith(names) or path.name.endswith((".part", ".new"))
    )


def _lake(home: Path) -> Lake:
    return Lake(uri=str(home / "lake"))


def _desk(home: Path) -> None:
    make_home(home, settings={"zones.yaml": f"zones:\n  {ZONE}: {{source: simulated}}\n"})


def _ingest(home: Path) -> None:
    lake = _lake(home)
    for at in range(_BLOCKS):
        first = _FIRST + timedelta(days=_DAYS * at)
        days = days_between(first, first + timedelta(days=_DAYS - 1))
        rows = [raw_day("day_ahead_prices", ZONE, day, ramp(ZONE, day)) for day in days]
        lake.append("day_ahead_prices", pl.concat(rows), source="files")


def _materialise(home: Path) -> None:
    lake = _lake(home)
    for at in range(_BLOCKS):
        days = [_FIRST + timedelta(days=_DAYS * at + n) for n in range(_DAYS)]
        starts = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
        changes = [
            {"zone": ZONE, "delivery_day": day, "delivery_start_utc": at_noon}
            for day, at_noon in zip(days, starts, strict=True)
        ]
        rows = made_up("day_ahead_features", *changes)
        lake.replace("day_ahead_features", rows, zone=ZONE, first_day=days[0], last_day=days[-1])


def _crowd(home: Path) -> None:
    """A partition of many small files."""
    _desk(home)
    lake = _lake(home)
    for day in days_between(_FIRST, _FIRST + timedelta(days=13)):
        rows = raw_day("day_ahead_prices", ZONE, day, ramp(ZONE, day))
        lake.append("day_ahead_prices", rows, source="files")


def _compact(home: Path) -> None:
    lake = _lake(home)
    lake.adopt()
    lake.compact()
    lake.vacuum(keep_days=400)


def _register(home: Path, seeds: tuple[int, ...]) -> None:
    registry = make_registry(read_environment(home))
    for seed in seeds:
        register_naive(registry, _MODEL_ZONE, seed)


def _two_versions(home: Path) -> None:
    _desk(home)
    register_two_versions(home)


def register_two_versions(home: Path) -> None:
    """Two small models of a zone, the first of which serves."""
    _register(home, (1, 2))
    make_registry(read_environment(home)).promote(_MODEL_ZONE, "1")


def _promote(home: Path) -> None:
    registry = make_registry(read_environment(home))
    champion = registry.champion(_MODEL_ZONE)
    if champion is None or champion.version != "2":
        registry.promote(_MODEL_ZONE, "2")


def _decided(home: Path) -> None:
    """A desk that may trade, with signals of two days whose gates are open."""
    _desk(home)
    TradingStateStore(home / "trading_state").set_up()
    decide_two_days(_lake(home))


def decide_two_days(lake: Lake) -> None:
    """Signals of two days whose gates are open."""
    for ahead in (2, 3):
        day = delivery_day_of(ZONE, utc_now()) + timedelta(days=ahead)
        as_of = gate_closure_utc(ZONE, day) - timedelta(hours=1)
        made = decide_signals(make_request(day, SettlementSpread(), as_of_utc=as_of))
        lake.replace("signals", made.frame, zone=ZONE, first_day=day, last_day=day)
        lake.replace("limit_conformance", made.conformance, zone=ZONE, first_day=day, last_day=day)


def _publish(home: Path) -> None:
    lake = _lake(home)
    box = Outbox(
        lake=lake,
        state_folder=str(home / "trading_state"),
        drop_folder=str(home / "outbox"),
        home=str(home),
    )
    today = delivery_day_of(ZONE, utc_now())
    box.publish(ZONE, today + timedelta(days=1), today + timedelta(days=4))


def _whole(home: Path) -> None:
    _two_versions(home)
    _ingest(home)


def _back_up(home: Path) -> None:
    target = home.parent / "backup.tgz"
    if not target.exists():
        back_up(read_environment(home), target, now=utc_now(), passphrase=None)


def _upgrade(home: Path) -> None:
    """As `spotdesk upgrade`, with a backup of its own each time; the newest one is kept."""
    beside = home.parent / "before.tgz"
    beside.unlink(missing_ok=True)
    upgrade(home, beside, conf=None, now=utc_now())


def copy_desk(made: Path, to: Path) -> Path:
    """A copy of a prepared desk and of what lies beside it; its home."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(made.parent, to)
    return to / made.name


STAGES = (
    Stage("ingest", _desk, _ingest),
    Stage("materialise", _desk, _materialise),
    Stage("train and register", _desk, lambda home: _register(home, (1, 2))),
    Stage("promote", _two_versions, _promote),
    Stage("publish", _decided, _publish),
    Stage("backup", _whole, _back_up),
    Stage("upgrade", _whole, _upgrade),
    Stage("compact", _crowd, _compact),
)
