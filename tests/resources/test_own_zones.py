"""Zones that are in no list, described in a desk's own settings."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from resources.home.make import make_home
from resources.settings.zones import load_desk_settings
from spot.errors import ConfigurationError
from spot.market.delivery import day_ahead_mtu_minutes, n_periods
from spot.market.gates import gate_closure_utc
from spot.market.holidays import holiday_fraction
from spot.market.zones import ALL_ZONES, TRADED_ZONES, ZONES, find_zone

GOOD = """\
own_zones:
  CY: {countries: [CY], time_zone: Asia/Nicosia}
  CY_COUPLED: {countries: [CY, GR], is_coupled: true, eic: 10YCY-1001A0003J}
zones:
  CY: {source: files}
  CY_COUPLED: {source: entsoe}
"""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Zones that a test describes are unknown to the next one."""
    yield
    for known in (ALL_ZONES, TRADED_ZONES, ZONES):
        for name in ("CY", "CY_COUPLED"):
            known.pop(name, None)


def load(folder: Path, text: str) -> None:
    path = folder / "zones.yaml"
    path.write_text(text)
    load_desk_settings(path)


def test_a_described_zone_has_days_gates_and_holidays(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    day = date(2026, 3, 29)
    assert find_zone("CY").currency == "EUR"
    assert n_periods("CY", day, 60) == 23, "the clock changes in its own time zone"
    assert gate_closure_utc("CY", date(2026, 1, 15)) == datetime(2026, 1, 14, 7, tzinfo=UTC)
    assert day_ahead_mtu_minutes("CY", day) == 60
    assert gate_closure_utc("CY_COUPLED", date(2026, 1, 15)) == datetime(2026, 1, 14, 11, tzinfo=UTC)
    assert day_ahead_mtu_minutes("CY_COUPLED", day) == 15
    assert holiday_fraction("CY", [date(2026, 10, 1)])[0] == 1.0, "Cyprus Independence Day"
    assert ZONES["CY_COUPLED"].eic == "10YCY-1001A0003J"
    assert "CY" not in ZONES, "without a code, ENTSO-E is not asked"


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ("DE_LU: {countries: [DE]}", "DE_LU is a listed zone"),
        ("cyprus: {countries: [CY]}", "no name of a zone"),
        ("CY: {}", "countries"),
        ("CY: {countries: []}", "countries"),
        ("CY: {countries: [XX]}", "no ISO code"),
        ("CY: {countries: [CY], time_zone: Nicosia}", "no time zone"),
        ("CY: {countries: [CY], currency: XYZ}", "no reference rate"),
        ("CY: {countries: [CY], eic: short}", "pattern"),
        ("CY: {countries: [CY], gate: noon}", "gate"),
        ("CY: 5", "mapping"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(own: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=words) as error:
        load(tmp_path, f"own_zones:\n  {own}\nzones:\n  FR: {{}}\n")
    assert "line 2" in str(error.value)


def test_a_zone_that_is_nowhere_names_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"own_zones in zones\.yaml describes another one"):
        load(tmp_path, "zones:\n  CY: {}\n")


def test_a_wrong_description_keeps_nobody_from_halting(tmp_path: Path, project_root: Path) -> None:
    home = tmp_path / "desk"
    make_home(home, settings={"zones.yaml": "own_zones:\n  CY: {countries: [XX]}\nzones:\n  FR: {}\n"})

    def call(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "SPOTDESK_HOME": str(home)}
        command = [sys.executable, "-m", "desk.main", *words]
        return subprocess.run(
            command, cwd=project_root, env=environment, capture_output=True, text=True, check=False
        )

    refused = call("status")
    assert refused.returncode == 2
    assert "no ISO code" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert call("halt").returncode == 0
