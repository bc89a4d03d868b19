"""A live zone in the graph: fetched, checked, measured; and the watch over its sources."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from dagster import DagsterInstance, RetryRequested, materialize

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.providers.http import HttpClient
from resources.settings.environment import read_environment
from resources.settings.zones import Desk, DeskSettings, ZoneSettings
from resources.trading.alerts import Alerts
from sensors.sources import late_before_gate, source_schedules_of
from spot.market.delivery import day_bounds_utc, delivery_starts_utc
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.sources.parsed import Capture, assemble
from spot.sources.points import Points
from tests.support.energy_charts_documents import prices_json
from tests.support.provider_server import Behaviour, faulty_provider, resets, sends
from trading_assets.frame.raw_assets import raw_asset
from trading_assets.market_data.prices import day_ahead_prices
from trading_assets.market_data.source_freshness import every_source_is_fresh, publication_lags
from trading_assets.partitions import partition_key

DAY = date(2025, 3, 12)
CANARY = "canary-4711"
LIVE = ZoneSettings(source="energy_charts")


def desk() -> Desk:
    return Desk(conf_folder=str(read_environment().conf_folder), zones={"FR": LIVE.model_dump(mode="json")})


def load_rows(day: date, captured: datetime) -> pl.DataFrame:
    starts = np.array([int(start.timestamp()) * 1_000_000 for start in delivery_starts_utc("FR", day, 60)])
    points = Points(
        table="load_forecasts",
        series="load",
        starts_us=starts,
        resolution_minutes=60,
        values=np.asarray(50_000.0 + np.arange(starts.size) * 10.0, dtype=np.float64),
    )
    return assemble("energy_charts", "test", Capture(zone="FR", captured_at_utc=captured), [points]).tables[
        "load_forecasts"
    ]


def test_the_price_asset_of_a_live_zone_writes_what_the_provider_said(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    with faulty_provider() as charts:
        charts.plan = [sends(prices_json(DAY))]
        source = MarketSource(
            lake=lake,
            alerts=Alerts(lake=lake),
            data_folder="",
            http_folder=str(tmp_path / "http"),
            base_urls={"energy_charts": charts.url},
        )
        resources = {"lake": lake, "desk": desk(), "market_source": source, "clock": Clock()}
        done = materialize([day_ahead_prices], partition_key=partition_key("FR", DAY), resources=resources)
    assert done.success
    rows = lake.read("day_ahead_prices", zones=["FR"])
    assert rows.height == 24
    assert rows["source"].unique().to_list() == ["energy_charts"]
    (event,) = done.asset_materializations_for_node("day_ahead_prices")
    assert event.metadata["source"].value == "energy_charts"


def test_freshness_and_lags_show_what_is_late(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    due = datetime(2025, 3, 11, 9, tzinfo=UTC)
    lake.append("load_forecasts", load_rows(DAY, due + timedelta(minutes=25)), source="energy_charts")
    resources = {"lake": lake, "desk": desk(), "clock": Clock(fixed_utc="2025-03-11T10:00:00+00:00")}
    done = materialize([publication_lags, every_source_is_fresh], resources=resources)
    assert done.success
    assert lake.read("publication_lags")["lag_minutes"].to_list() == [25.0]
    (event,) = done.asset_materializations_for_node("publication_lags")
    text = str(event.metadata["freshness"].value)
    assert "🟢 fresh" in text
    glance = str(event.metadata["at_a_glance"].value).splitlines()
    assert glance[0].startswith("| zone | source | day_ahead_prices |")
    assert len(glance) == 3, "one line per zone and source"
    assert "| FR | energy_charts | ⚪" in glance[2]
    assert "🟢 2025-03-12" in glance[2]
    assert "data:image/png" in str(event.metadata["lags"].value)
    (check,) = done.get_asset_check_evaluations()
    assert check.passed
    late = materialize(
        [publication_lags, every_source_is_fresh],
        resources={**resources, "clock": Clock(fixed_utc="2025-03-12T12:00:00+00:00")},
    )
    (check,) = late.get_asset_check_evaluations()
    assert not check.passed
    assert "load_forecasts of FR" in str(check.description)


def test_a_series_that_is_late_is_named_while_there_is_time_to_act(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    gate = gate_closure_utc("FR", DAY)
    assert late_before_gate(lake, LIVE, "FR", gate - timedelta(hours=4)) == []
    ((zone, message),) = late_before_gate(lake, LIVE, "FR", gate - timedelta(hours=1))
    assert (zone, "load_forecasts of FR" in message) == ("FR", True)
    lake.append("load_forecasts", load_rows(DAY, gate - timedelta(hours=2)), source="energy_charts")
    assert late_before_gate(lake, LIVE, "FR", gate - timedelta(hours=1)) == []
    assert late_before_gate(lake, LIVE, "FR", gate + timedelta(minutes=1)) == []


def test_a_weather_run_that_does_not_come_is_named_before_the_gate(tmp_path: Path) -> None:
    lake = Lake(uri=str(tmp_path / "lake"))
    gate = gate_closure_utc("FR", DAY)
    lake.append("load_forecasts", load_rows(DAY, gate - timedelta(hours=2)), source="energy_charts")
    settings = ZoneSettings(source="energy_charts", own_forecasts=True)
    ((_, message),) = late_before_gate(lake, settings, "FR", gate - timedelta(hours=2))
    assert "weather_forecasts of FR for 2025-03-12 were due at 07:20 UTC" in message
    assert late_before_gate(lake, LIVE, "FR", gate - timedelta(hours=2)) == []


def test_what_only_live_sources_have_is_captured_with_the_rest_and_reaches_the_ledger(
    tmp_path: Path, project_root: Path
) -> None:
    (tmp_path / "zones.yaml").write_text(
        "zones: {AT: {source: energy_charts, fallback_sources: {imbalance_prices: [entsoe]}}, FR: {}}\n"
    )
    code = (
        "from definitions import build_definitions;"
        " from resources.settings.environment import read_environment;"
        " job = build_definitions(read_environment()).resolve_job_def('raw_captured');"
        " print(*job.asset_layer.selected_asset_keys)"
    )
    environment = {**os.environ, "SPOTDESK_CONF": str(tmp_path), "SPOTDESK_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project_root,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(
        name in done.stdout
        for name in (
            "outages",
            "net_positions",
            "cross_border_flows",
            "other_auction_prices",
            "imbalance_price_sides",
        )
    )
    assert "available_capacity" not in done.stdout

    lake = Lake(uri=str(tmp_path / "lake"))
    settings = ZoneSettings(source="energy_charts", fallback_sources={"imbalance_prices": ("entsoe",)})
    zones = Desk(
        conf_folder=str(read_environment().conf_folder), zones={"FR": settings.model_dump(mode="json")}
    )
    starts = [f"{start:%Y-%m-%dT%H:%MZ}" for start in day_bounds_utc("FR", DAY)]
    span = f"<start>{starts[0]}</start><end>{starts[1]}</end>"
    body = (
        f"<X_MarketDocument><type>A25</type><period.timeInterval>{span}</period.timeInterval><TimeSeries><out_Domain.mRID>{find_zone('FR').eic}"
        f"</out_Domain.mRID><quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><curveType>A03</curveType><Period><timeInterval>{span}"
        "</timeInterval><resolution>PT60M</resolution><Point><position>1</position><quantity>800</quantity></Point></Period></TimeSeries>"
        "</X_MarketDocument>"
    )
    with faulty_provider() as entsoe, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPOTDESK_ENTSOE_TOKEN", "some-token")
        entsoe.plan = [sends(body.encode())]
        source = MarketSource(
            lake=lake,
            alerts=Alerts(lake=lake),
            data_folder="",
            http_folder=str(tmp_path),
            base_urls={"entsoe": entsoe.url},
        )
        asset = raw_asset("net_positions", group="fundamentals", story="A test.")
        done_run = materialize(
            [asset],
            partition_key=partition_key("FR", DAY),
            resources={"lake": lake, "desk": zones, "market_source": source, "clock": Clock()},
        )
    assert done_run.success
    held = lake.read("net_positions", zones=["FR"])
    assert (held.height, held["net_position_mw"].unique().to_list()) == (24, [800.0])
    assert lake.read("alerts").is_empty(), "the only source that has it is no fallback"
    optional = raw_asset("outages", group="fundamentals", story="A test.", is_optional=True)
    resources = {"lake": lake, "desk": zones, "market_source": source, "clock": Clock()}
    without_key = materialize([optional], partition_key=partition_key("FR", DAY), resources=resources)
    assert without_key.success, "a key that is missing for what no forecast stands on stops nothing"
    assert lake.read("outages").is_empty()


def test_only_live_zones_are_captured_again_and_again() -> None:
    settings = DeskSettings(
        zones={"FR": LIVE, "BE": ZoneSettings(), "NL": ZoneSettings(source="smard", is_scheduled=False)}
    )
    assert [made.name for made in source_schedules_of(settings)] == ["sources_watched_hourly", "captures_FR"]


@pytest.mark.parametrize(
    "fault",
    [
        sends(f"<Acknowledgement_MarketDocument>{CANARY}</Acknowledgement_MarketDocument>".encode()),
        sends(CANARY.encode(), 500),
        sends(b"", 401),
        sends(b"", 429, Retry_After="600"),
        sends(b"", 302, Location=f"http://127.0.0.1:9/?securityToken={CANARY}"),
        sends(f"<!doctype html>{CANARY}".encode()),
        resets,
    ],
    ids=["acknowledgement", "500", "401", "ban", "redirect", "html", "reset"],
)
def test_the_token_is_in_no_event_of_a_run_that_fails(
    fault: Behaviour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """In events and their metadata, which the UI shows, and wherever else text is kept.

    The event log on disk, logs, captures, alerts and quarantine.
    """
    monkeypatch.setenv("SPOTDESK_ENTSOE_TOKEN", CANARY)
    monkeypatch.setattr("resources.market.live_sources.HttpClient", partial(HttpClient, sleep=lambda _: None))
    monkeypatch.setattr(
        "trading_assets.frame.raw_assets.RetryRequested",
        lambda **_: RetryRequested(max_retries=1, seconds_to_wait=0),
    )
    (tmp_path / "dagster").mkdir()
    lake = Lake(uri=str(tmp_path / "lake"))
    settings = ZoneSettings(source="entsoe")
    zones = Desk(
        conf_folder=str(read_environment().conf_folder), zones={"FR": settings.model_dump(mode="json")}
    )
    caplog.set_level("DEBUG")
    with faulty_provider() as entsoe, DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        entsoe.plan = [fault]
        source = MarketSource(
            lake=lake,
            alerts=Alerts(lake=lake),
            data_folder="",
            http_folder=str(tmp_path / "http"),
            base_urls={"entsoe": entsoe.url},
        )
        resources = {"lake": lake, "desk": zones, "market_source": source, "clock": Clock()}
        done = materialize(
            [day_ahead_prices],
            partition_key=partition_key("FR", DAY),
            resources=resources,
            raise_on_error=False,
            instance=instance,
        )
        assert CANARY in entsoe.asked[0]
        told = " ".join(str(entry) for entry in instance.all_logs(done.run_id))
    assert not done.success or "RetryRequested" in told
    shown = " ".join(str(event) for event in done.all_events) + told + caplog.text
    stored = b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".gz"
    )
    assert CANARY not in shown
    assert CANARY.encode() not in stored
