"""The wall clock of this process at another instant: for tests of what leaves, which asks no other clock.

Nothing that a desk sets can do this; only code of a test, in the process of the test.
"""

from datetime import datetime, tzinfo

import pytest


def set_wall_clock(monkeypatch: pytest.MonkeyPatch, instant: datetime) -> None:
    """From now on `utc_now` answers `instant`, wherever it was imported to."""

    class At(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "At":
            return cls.fromtimestamp(instant.timestamp(), tz)

    monkeypatch.setattr("resources.wall_clock.datetime", At)
