"""The clock of a desk under test, OFFSET seconds from the true one: Python imports this from PYTHONPATH.

The desk reads the clock in one function, `resources/wall_clock.py`. Dagster, Celery and the servers keep the
true time of the same day. Nothing that a desk sets can do this; only code of a test, in its processes.
"""

import os
from datetime import datetime, timedelta, tzinfo

import resources.wall_clock

_OFFSET = timedelta(seconds=int(os.environ.get("OFFSET", "0")))


class _Moved(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # the base, as its callers want
        return datetime.now(tz) + _OFFSET


vars(resources.wall_clock)["datetime"] = _Moved
