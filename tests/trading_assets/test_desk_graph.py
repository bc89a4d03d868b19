"""The graph is built for a desk when it is asked for, and never on import.

With the zones and days of that desk.
"""

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey

from definitions import build_definitions
from resources.settings.desk import desk_resource, desk_settings
from resources.settings.environment import Environment, read_environment
from resources.settings.process import variables
from resources.settings.zones import DeskSettings, ZoneSettings
from spot.errors import ConfigurationError
from tests.support.narrow import some
from trading_assets.catalogue import ASSETS, assets_for, partitions_for

MOST_KEYS = 50_000
"""More keys make the pages of the UI slow."""
TODAY = date(2026, 11, 29)


def an_environment(folder: Path, zones: str) -> Environment:
    (folder / "zones.yaml").write_text(zones)
    return read_environment(home=folder / "home").model_copy(update={"conf_folder": folder})


def names_of(zones: dict[str, ZoneSettings]) -> set[str]:
    return {key.to_user_string() for asset in assets_for(zones) for key in asset.keys}


def first_day_of(settings: DeskSettings, today: date) -> date:
    by_name: dict[str, Any] = {
        one.name: one.partitions_def
        for one in partitions_for(settings, today).of_zone_and_day.partitions_defs
    }
    return date.fromisoformat(str(by_name["delivery_day"].start.date()))


def test_importing_reads_no_settings_and_loading_names_what_is_wrong(
    tmp_path: Path, project_root: Path
) -> None:
    code = "import definitions; print('imported'); definitions.defs()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project_root,
        env={**variables(), "SPOTDESK_CONF": str(tmp_path / "nowhere"), "SPOTDESK_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "imported"
    assert "there is no file" in done.stderr
    assert "nowhere" in done.stderr


def test_two_desks_in_one_process_have_each_their_own_zones(tmp_path: Path) -> None:
    for name, zones in (("one", ["FR"]), ("two", ["AT", "NL"])):
        folder = tmp_path / name
        folder.mkdir()
        document = "zones:\n" + "".join(f"  {zone}: {{}}\n" for zone in zones)
        built = build_definitions(an_environment(folder, document))
        graph = built.resolve_asset_graph()
        assert list(some(graph.get(AssetKey("price_model")).partitions_def).get_partition_keys()) == zones
        assert {
            one.name.rpartition("gate_")[2] for one in built.schedules or [] if "gate_" in one.name
        } == set(zones)


def test_a_desk_of_forty_zones_has_fewer_keys_than_the_ui_can_bear() -> None:
    settings = DeskSettings(zones={"FR": ZoneSettings()})
    for today in (TODAY, date(2026, 11, 1), date(2027, 1, 31)):
        days = (today - first_day_of(settings, today)).days + 2
        assert 40 * days < MOST_KEYS


def test_the_first_day_is_a_setting_and_moves_on_with_the_months() -> None:
    def first(years: int, today: date) -> date:
        return first_day_of(DeskSettings(partition_years=years, zones={"FR": ZoneSettings()}), today)

    assert DeskSettings(zones={"FR": ZoneSettings()}).partition_years == 3
    assert first(3, TODAY) == first(3, date(2026, 11, 1)) == date(2023, 11, 1)
    assert first(3, date(2026, 12, 1)) == date(2023, 12, 1)
    assert first(1, date(2028, 2, 29)) == date(2027, 2, 1)


@pytest.mark.parametrize("years", [0, 31])
def test_years_outside_their_range_are_refused(tmp_path: Path, years: int) -> None:
    environment = an_environment(tmp_path, f"partition_years: {years}\nzones: {{FR: {{}}}}\n")
    with pytest.raises(ConfigurationError, match="partition_years"):
        build_definitions(environment)


def test_a_feed_that_no_zone_has_is_no_part_of_the_graph_and_nothing_stands_on_it() -> None:
    simulated = assets_for({"FR": ZoneSettings()})
    parents = {
        dep.asset_key.to_user_string()
        for asset in simulated
        for spec in asset.specs
        if spec.key == AssetKey("day_ahead_features")
        for dep in spec.deps
    }
    assert not names_of({"FR": ZoneSettings()}) & {"own_forecasts", "weather_forecasts", "outages"}
    assert "own_forecasts" not in parents
    live = ZoneSettings(source="entsoe", own_forecasts=True)
    assert names_of({"AT": live}) >= {"own_forecasts", "weather_forecasts", "outages", "net_positions"}
    assert "available_capacity" not in names_of({"AT": live})
    assert names_of({"AT": live}) < {key.to_user_string() for asset in ASSETS for key in asset.keys}


def test_a_zone_that_is_not_listed_stands_on_the_defaults_and_never_trades_by_itself(tmp_path: Path) -> None:
    environment = an_environment(
        tmp_path, "defaults: {model: lear, live: true, strategies: [storage]}\nzones: {FR: {}}\n"
    )
    own = desk_resource(environment, zones=["NL", "FR"]).zone("NL")
    assert (own.model, own.strategies, own.live, own.is_scheduled) == ("lear", ("storage",), False, False)
    assert desk_settings(environment).zones["FR"].live
    assert list(desk_settings(environment).with_zones(["NL"]).zones) == ["FR", "NL"]
    with pytest.raises(ConfigurationError, match="XX"):
        desk_resource(environment, zones=["XX"])
