"""What an open access refuses and notes, in the lake and in the registry."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from resources.lake.access import Access, opened
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw_tables
from resources.settings.code_version import sources_version
from resources.settings.zones import ZoneSettings
from spot.contracts.raw_tables import PRICE_TABLES
from spot.errors import UndeclaredAccessError
from tests.support.raw_rows import ramp, raw_day

DAY = date(2024, 6, 1)
ZONE = "DE_LU"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(uri=str(tmp_path / "lake"))
    lake.append("day_ahead_prices", prices(DAY), source="simulated")
    return lake


def prices(day: date) -> pl.DataFrame:
    return raw_day("day_ahead_prices", ZONE, day, ramp(ZONE, day))


def access(*, reads: Sequence[str] = (), writes: Sequence[str] = ()) -> Access:
    return Access(name="an_asset", may_read=frozenset(reads), may_write=frozenset(writes))


def test_what_is_not_declared_is_not_read_and_not_written(lake: Lake) -> None:
    with opened(access(reads=["signals"])) as noted:
        for ask in (lake.read, lake.version, lake.state, lake.zones):
            with pytest.raises(UndeclaredAccessError, match="an_asset reads day_ahead_prices"):
                ask("day_ahead_prices")
        with pytest.raises(UndeclaredAccessError, match="an_asset reads day_ahead_prices"):
            lake.newest_day("day_ahead_prices", ZONE)
        with pytest.raises(UndeclaredAccessError, match="an_asset writes day_ahead_prices"):
            lake.append("day_ahead_prices", prices(DAY + timedelta(days=1)), source="simulated")
        assert lake.read("signals").is_empty()
    assert noted.table_versions == {"signals": -1}
    assert lake.read("day_ahead_prices")["delivery_day"].unique().to_list() == [DAY]


def test_threads_of_a_reader_are_judged_and_noted_like_itself(lake: Lake) -> None:
    settings = ZoneSettings(source="simulated", model="naive", strategies=())
    days = {"first_day": DAY, "last_day": DAY}
    with opened(access(reads=PRICE_TABLES)) as noted:
        read_raw_tables(lake, ZONE, settings, **days, tables=PRICE_TABLES)
    assert noted.table_versions == {
        "day_ahead_prices": lake.version("day_ahead_prices"),
        "imbalance_prices": -1,
        "intraday_prices": -1,
    }
    with opened(access(reads=PRICE_TABLES[:1])), pytest.raises(UndeclaredAccessError):
        read_raw_tables(lake, ZONE, settings, **days, tables=PRICE_TABLES)


def test_the_same_rows_have_the_same_digits_however_often_they_are_written(lake: Lake) -> None:
    rows = prices(DAY)
    digits = []
    for given in (rows, rows.reverse(), prices(DAY + timedelta(days=1))):
        with opened(access(writes=["day_ahead_prices"])) as noted:
            lake.append("day_ahead_prices", given, source="simulated")
        digits.append(noted.written["day_ahead_prices"])
    assert digits[0] == digits[1] != digits[2]


def test_the_digits_of_a_day_do_not_hang_on_the_other_days_of_the_run(lake: Lake) -> None:
    digits = []
    for first in (DAY, DAY - timedelta(days=3)):
        days = [first + timedelta(days=n) for n in range((DAY - first).days + 1)]
        with opened(replace(access(writes=["day_ahead_prices"]), day=DAY)) as noted:
            rows = pl.concat([prices(day) for day in days])
            lake.append("day_ahead_prices", rows, source="simulated")
        digits.append(noted.written["day_ahead_prices"])
    assert digits[0] == digits[1]


def test_nothing_is_refused_outside_of_an_access(lake: Lake) -> None:
    assert lake.read("day_ahead_prices").height == 24


def test_a_code_version_follows_the_imports_and_nothing_else(tmp_path: Path) -> None:
    sources = {
        "trading_assets/a.py": "from workflows.b import (\n    first,\n    second,\n)\n",
        "workflows/b.py": "def first():\n    from spot import c\n",
        "spot/c.py": "X = 1\n",
        "spot/other.py": "Y = 1\n",
        "resources/pictures/d.py": "Z = 1\n",
    }

    def version(n: int, **changed: str) -> str:
        root = tmp_path / str(n)
        for name, text in {**sources, **changed}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return sources_version("trading_assets.a", root)

    first = version(0)
    assert version(1) == first
    assert version(2, **{"spot/other.py": "Y = 2\n", "resources/pictures/d.py": "Z = 2\n"}) == first
    for n, name in enumerate(("trading_assets/a.py", "workflows/b.py", "spot/c.py"), 3):
        assert version(n, **{name: sources[name] + "\n# edited\n"}) != first, name
