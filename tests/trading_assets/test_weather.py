"""Own forecasts as an asset: written before the gate, and found by the features."""

from datetime import timedelta
from pathlib import Path

import polars as pl
from dagster import materialize

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.settings.environment import read_environment
from resources.settings.zones import Desk, ZoneSettings
from spot.features.matrix import build_features
from spot.market.gates import gate_closure_utc
from tests.spot.features.test_weather_regression import DAY, DAYS, actuals, weather
from trading_assets.market_data.weather import own_forecasts
from trading_assets.partitions import partition_key

# The graph of the default desk has the zones DE_LU and FR; the made-up weather of NL is moved to the second.
ZONE = "FR"


def lake_with_history(folder: Path) -> Lake:
    lake = Lake(uri=str(folder / "lake"))
    lake.append("weather_forecasts", weather().with_columns(zone=pl.lit(ZONE)), source="open_meteo")
    for quantity, table in (
        ("wind", "generation_actuals"),
        ("solar", "generation_actuals"),
        ("load", "load_actuals"),
    ):
        rows = actuals(quantity)  # type: ignore[arg-type]
        lake.append(table, rows.with_columns(zone=pl.lit(ZONE)), source="energy_charts")
    return lake


def run(lake: Lake, *, own: bool) -> dict[str, object]:
    settings = ZoneSettings(source="energy_charts", own_forecasts=own)
    desk = Desk(
        conf_folder=str(read_environment().conf_folder), zones={ZONE: settings.model_dump(mode="json")}
    )
    now = gate_closure_utc(ZONE, DAY) - timedelta(minutes=50)
    resources = {"lake": lake, "desk": desk, "clock": Clock(fixed_utc=now.isoformat())}
    done = materialize([own_forecasts], partition_key=partition_key(ZONE, DAY), resources=resources)
    assert done.success
    (event,) = done.asset_materializations_for_node("own_forecasts")
    return {name: value.value for name, value in event.metadata.items()}


def test_own_forecasts_stand_before_the_gate_and_enter_the_features(tmp_path: Path) -> None:
    lake = lake_with_history(tmp_path)
    metadata = run(lake, own=True)
    assert metadata["dagster/row_count"] == 72
    assert run(lake, own=True)["new_rows"] == 0
    tables = {
        name: lake.read(name, zones=[ZONE])
        for name in ("renewable_forecasts", "load_forecasts", "generation_actuals", "load_actuals")
    }
    assert tables["renewable_forecasts"]["source"].unique().to_list() == ["own_weather"]
    features = build_features(tables, zone=ZONE, days=[DAY])
    assert features["wind_forecast_mw"].null_count() == 0
    assert features["solar_forecast_mw"].null_count() == 0
    assert features["residual_load_mw"].null_count() == 0


def test_a_zone_that_does_not_want_them_has_none(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    assert run(lake, own=False)["dagster/row_count"] == 0
    assert lake.read("renewable_forecasts").is_empty()


def test_without_history_the_day_goes_without(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    lake.append(
        "weather_forecasts",
        weather().filter(pl.col("delivery_day") >= DAYS[-3]).with_columns(zone=pl.lit(ZONE)),
        source="open_meteo",
    )
    metadata = run(lake, own=True)
    assert metadata["dagster/row_count"] == 0
    assert metadata["days_without"] == 3
