"""A small desk with signed books: prices, decisions, publications, two models, settings and a stop."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from benchmarks.planted.killed_stages import decide_two_days, register_two_versions
from resources.books.begin import keep_books
from resources.books.keys import make_key
from resources.home.make import make_home
from resources.settings.acceptance.in_force import Signature, accept
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from tests.support.made_up_rows import made_up
from tests.support.raw_rows import ramp, raw_day
from tests.support.sample_market import ZONE

TABLES = ("day_ahead_prices", "signals", "risk_events", "publications", "promotion_decisions")
"""Tables of which each has several commits."""
_FIRST = date(2024, 1, 1)
_COMMITS = 12
"""More than ten, so that a log has a checkpoint."""


def make_books_desk(home: Path, *, with_models: bool = True) -> Environment:
    """Make the desk; what a benchmark rolls back to is in `home.earlier`, as the desk was half-way."""
    make_home(home, settings={"zones.yaml": f"zones:\n  {ZONE}: {{source: simulated}}\n"})
    make_key(home)
    environment = read_environment(home)
    keep_books(environment)
    store = TradingStateStore(environment.trading_state)
    _write_rows(environment, 0)
    if with_models:
        register_two_versions(home)
    store.halt(ZONE, reason="odd prices", actor="Ann")
    shutil.copytree(home, home.with_suffix(".earlier"))
    _write_rows(environment, 1)
    decide_two_days(make_lake(environment))
    store.resume(ZONE, reason="checked", actor="Ann")
    store.halt("BE", reason="no data", actor="Bob")
    with (environment.conf_folder / "zones.yaml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    signature = Signature(name="Ann", identity="test", at_utc=utc_now().isoformat(), reason="a comment")
    accept(home, environment.conf_folder, signature)
    return environment


def _write_rows(environment: Environment, half: int) -> None:
    lake = make_lake(environment)
    for at in range(_COMMITS * half // 2, _COMMITS * (half + 1) // 2):
        day = _FIRST + timedelta(days=at)
        lake.append("day_ahead_prices", raw_day("day_ahead_prices", ZONE, day, ramp(ZONE, day)), source="x")
    for n in range(3):
        name = f"{half}{n}"
        lake.upsert("risk_events", made_up("risk_events", {"event_id": name, "delivery_day": _FIRST}))
        lake.upsert("publications", made_up("publications", {"publication_id": name, "delivery_day": _FIRST}))
        lake.upsert("promotion_decisions", made_up("promotion_decisions", {"decision_id": name}))


@contextmanager
def undone(home: Path) -> Iterator[None]:
    """Whatever is done to the files of the desk within is undone, except to its registry's database."""
    before = {path: path.read_bytes() for path in _files(home)}
    yield
    for path in _files(home):
        if path not in before:
            path.unlink()
    for path, content in before.items():
        if not path.is_file() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def _files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and path.name != "mlflow.db"]
