"""A zone whose source is live, through the door that the graph uses."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.settings.zones import ZoneSettings
from resources.trading.alerts import Alerts
from spot.errors import SourceUnavailableError
from spot.market.delivery import delivery_starts_utc
from tests.support.narrow import instant
from tests.support.provider_server import faulty_provider, sends

DAY = datetime.now(UTC).date() - timedelta(days=40)


def answer(day: date) -> bytes:
    starts = [int(start.timestamp()) for start in delivery_starts_utc("BE", day)]
    price = [60.0 + at % 24 for at in range(len(starts))]
    return json.dumps(
        {"unix_seconds": starts, "price": price, "unit": "EUR/MWh", "deprecated": False}
    ).encode()


def source(folder: Path, **urls: str) -> MarketSource:
    lake = Lake(uri=str(folder / "lake"))
    return MarketSource(
        lake=lake, alerts=Alerts(lake=lake), data_folder="", http_folder=str(folder / "http"), base_urls=urls
    )


def test_a_live_zone_gets_rows_captures_and_an_alert_for_its_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_ENTSOE_TOKEN", "canary")
    settings = ZoneSettings(source="entsoe", fallback_sources={"day_ahead_prices": ("energy_charts",)})
    now = datetime.now(UTC)
    with faulty_provider() as down, faulty_provider() as charts:
        down.plan, charts.plan = [sends(b"", 405)] * 3, [sends(answer(DAY))] * 3
        market = source(tmp_path, entsoe=down.url, energy_charts=charts.url)
        rows = market.fetch("day_ahead_prices", "BE", DAY, DAY, settings=settings, now=now)
        for at in (now, now + timedelta(days=1)):  # told once that day, and once more on the next
            market.fetch("day_ahead_prices", "BE", DAY, DAY, settings=settings, now=at)
    assert rows.height == len(delivery_starts_utc("BE", DAY))
    assert rows["source"].unique().to_list() == ["energy_charts"]
    assert rows["source"][0] in settings.sources
    alerts = market.lake.read("alerts")
    assert alerts["kind"].to_list() == ["fallback_source"] * 2
    assert (instant(alerts["raised_at_utc"].max()) - instant(alerts["raised_at_utc"].min())) == timedelta(
        days=1
    )
    assert market.lake.read("captures")["outcome"].unique().sort().to_list() == ["rows", "unavailable"]


def test_a_table_that_no_source_has_is_empty_and_one_that_fails_says_so(tmp_path: Path) -> None:
    settings = ZoneSettings(source="energy_charts")
    with faulty_provider() as charts:
        charts.plan = [sends(b"", 405)]
        market = source(tmp_path, energy_charts=charts.url)
        assert market.fetch(
            "intraday_prices", "BE", DAY, DAY, settings=settings, now=datetime.now(UTC)
        ).is_empty()
        with pytest.raises(SourceUnavailableError):
            market.fetch("day_ahead_prices", "BE", DAY, DAY, settings=settings, now=datetime.now(UTC))


def test_no_token_stands_in_the_configuration_that_the_ui_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPOTDESK_ENTSOE_TOKEN", "canary-token")
    market = source(tmp_path)
    assert "canary" not in f"{market!r} {market._config_schema}"


def test_a_spike_of_tomorrow_passes_and_is_told(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    today = now.date()
    first = today - timedelta(days=10)
    days = [first + timedelta(days=at) for at in range(11)]
    starts = [start for day in days for start in delivery_starts_utc("BE", day)]
    price = [900.0 if start == starts[-5] else 60.0 + start.hour + start.minute / 60 for start in starts]
    body = {
        "unix_seconds": [int(start.timestamp()) for start in starts],
        "price": price,
        "unit": "EUR/MWh",
        "deprecated": False,
    }
    with faulty_provider() as charts:
        charts.plan = [sends(json.dumps(body).encode())]
        market = source(tmp_path, energy_charts=charts.url)
        rows = market.fetch(
            "day_ahead_prices", "BE", first, today, settings=ZoneSettings(source="energy_charts"), now=now
        )
    assert rows["price_eur_per_mwh"].max() == 900.0
    alerts = market.lake.read("alerts")
    assert alerts.select("kind", "severity").rows() == [("extreme_prices", "info")]
