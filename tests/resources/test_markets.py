"""A desk remembers the market of each zone and refuses another, before anything is written."""

from datetime import date
from pathlib import Path

import pytest

from resources.home.markets import REAL, Market, MarketMemory, MixedMarketsError, market_of
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.settings.zones import ScenarioSettings, ZoneSettings
from resources.trading.alerts import Alerts
from spot.errors import ConfigurationError
from spot.market.gates import gate_closure_utc

DAY = date(2025, 3, 10)
SHOCK = ScenarioSettings(name="gas_shock", start_day=date(2025, 7, 18))
SIMULATED = ZoneSettings(seed=1)
OTHERS = {
    "another seed": ZoneSettings(seed=7),
    "another scenario": ZoneSettings(seed=1, scenarios=(SHOCK,)),
    "files": ZoneSettings(source="files"),
    "a live source": ZoneSettings(source="energy_charts"),
}


def source(home: Path) -> MarketSource:
    lake = Lake(uri=str(home / "lake"))
    return MarketSource(
        lake=lake,
        alerts=Alerts(lake=lake),
        data_folder="/nowhere",
        http_folder=str(home / "http"),
        home=str(home),
    )


def fetch(home: Path, settings: ZoneSettings, zone: str = "FR") -> int:
    now = gate_closure_utc(zone, date(2025, 4, 1))
    return source(home).fetch("day_ahead_prices", zone, DAY, DAY, settings=settings, now=now).height


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_rows_of_another_market_are_refused_with_both_named_and_nothing_written(
    other: ZoneSettings, tmp_path: Path
) -> None:
    assert fetch(tmp_path, SIMULATED) > 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(MixedMarketsError) as refused:
        fetch(tmp_path, other)
    said = str(refused.value)
    assert "zone FR of this desk stands on the simulated market with seed 1 and no scenario" in said
    assert str(market_of(other)) in said
    assert "conf/zones.yaml" in said
    assert "spotdesk init DIR" in said
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_same_market_and_another_zone_are_welcome(tmp_path: Path) -> None:
    fetch(tmp_path, SIMULATED)
    assert fetch(tmp_path, SIMULATED) > 0
    assert fetch(tmp_path, ZoneSettings(seed=7), zone="DE_LU") > 0
    memory = MarketMemory(tmp_path)
    assert memory.market("FR") == Market(True, 1)
    assert memory.market("DE_LU") == Market(True, 7)
    assert memory.market("NL") is None


def test_several_real_sources_are_one_market_and_settings_of_the_simulation_do_not_matter_to_it() -> None:
    real = [
        ZoneSettings(source="files", seed=4),
        ZoneSettings(source="entsoe", fallback_sources={"day_ahead_prices": ("smard",)}),
        ZoneSettings(source="energy_charts", scenarios=(SHOCK,)),
    ]
    assert {market_of(settings) for settings in real} == {REAL}


def test_a_source_that_gives_nothing_settles_no_market(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        fetch(tmp_path, ZoneSettings(source="files"))
    assert MarketMemory(tmp_path).market("FR") is None


def test_a_market_survives_its_file_and_a_damaged_file_stops(tmp_path: Path) -> None:
    memory = MarketMemory(tmp_path)
    memory.remember("FR", market_of(OTHERS["another scenario"]))
    assert MarketMemory(tmp_path).market("FR") == Market(True, 1, (SHOCK,))
    text = (tmp_path / "markets.json").read_text()
    for damaged in (text[:-9], "[]", '{"FR": {"kind": "simulated"}}'):
        (tmp_path / "markets.json").write_text(damaged)
        with pytest.raises(ConfigurationError, match="restore it from a backup"):
            memory.market("FR")
