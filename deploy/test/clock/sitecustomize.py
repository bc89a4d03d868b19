"""The clock of a desk under test, some seconds from the true one: Python imports this from PYTHONPATH.

The seconds are in the file `offset` beside this one, which may change meanwhile, else in the variable OFFSET.

The desk reads the clock in one function, `resources/wall_clock.py`. Dagster, Celery and the servers keep the
true time of the same day. Nothing that a desk sets can do this; only code of a test, in its processes.
"""

import os
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import resources.wall_clock

_FILE = Path(__file__).with_name("offset")


def _offset() -> timedelta:
    said = _FILE.read_text(encoding="ascii") if _FILE.is_file() else os.environ.get("OFFSET", "0")
    return timedelta(seconds=int(said))


class _Moved(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # the base, as its callers want
        return datetime.now(tz) + _offset()


vars(resources.wall_clock)["datetime"] = _Moved
