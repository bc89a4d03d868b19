"""Energy-Charts, SMARD, Elexon and Open-Meteo: what is read and what is refused."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc, delivery_starts_utc
from spot.sources.parsed import Capture
from spot.sources.providers.elexon import parse_elexon
from spot.sources.providers.energy_charts import parse_energy_charts
from spot.sources.providers.open_meteo import WeatherRequest, parse_open_meteo
from spot.sources.providers.smard import parse_smard, parse_smard_index, smard_series
from tests.support.narrow import number

NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOURLY_DAY, QUARTER_DAY = date(2024, 5, 4), date(2025, 11, 5)
RUN = datetime(2025, 11, 4, tzinfo=UTC)


def capture(zone: str = "DE_LU", *, is_backfill: bool = True) -> Capture:
    return Capture(zone=zone, captured_at_utc=NOW, is_backfill=is_backfill)


def seconds(day: date, minutes: int) -> list[int]:
    return [int(start.timestamp()) for start in delivery_starts_utc("DE_LU", day, minutes)]


def charts(**changes: Any) -> bytes:
    starts = seconds(HOURLY_DAY, 60)
    return json.dumps(
        {
            "unix_seconds": starts,
            "price": [50.0 + at for at in range(len(starts))],
            "unit": "EUR/MWh",
            "deprecated": False,
            **changes,
        }
    ).encode()


def test_energy_charts_prices() -> None:
    rows = parse_energy_charts(charts(), "price", capture()).tables["day_ahead_prices"]
    assert rows.height == 24
    assert rows["source"].unique().to_list() == ["energy_charts"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"unit": "GBP/MWh"}, "unit"),
        ({"unit": "EUR/kWh"}, "unit"),
        ({"price": [1.0]}, "1 values for 24 instants"),
        ({"price": ["1"] * 24}, "not a finite number"),
        ({"price": [True] * 24}, "not a finite number"),
        ({"price": None}, "price"),
        ({"deprecated": True}, "deprecated"),
        ({"unix_seconds": [1, 1]}, "twice or out of order"),
        ({"unix_seconds": [1.5]}, "Unix time"),
    ],
)
def test_energy_charts_refuses(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        parse_energy_charts(charts(**changes), "price", capture())


def test_energy_charts_leaves_out_what_is_not_published() -> None:
    starts = seconds(QUARTER_DAY, 15)
    data = [None if at >= 40 else 1000.0 for at in range(96)]
    production = [
        {"name": "Solar", "data": data},
        {"name": "Load", "data": data},
        {"name": "Nuclear", "data": data},
    ]
    body = json.dumps({"unix_seconds": starts, "production_types": production, "deprecated": False}).encode()
    tables = parse_energy_charts(body, "public_power", capture()).tables
    assert {name: frame.height for name, frame in tables.items()} == {
        "generation_actuals": 40,
        "load_actuals": 40,
    }


@pytest.mark.parametrize(
    ("horizon", "table"), [("day-ahead", "renewable_forecasts"), ("intraday", "renewable_forecast_updates")]
)
def test_energy_charts_forecasts(horizon: str, table: str) -> None:
    starts = seconds(QUARTER_DAY, 15)
    content = {
        "unix_seconds": starts,
        "forecast_values": [5.0] * 96,
        "production_type": "solar",
        "forecast_type": horizon,
        "deprecated": False,
    }
    assert list(parse_energy_charts(json.dumps(content).encode(), "forecast", capture()).tables) == [table]


def test_energy_charts_says_that_it_has_nothing() -> None:
    assert (
        parse_energy_charts(b'{"detail": "no content available"}', "price", capture()).no_data
        == "no content available"
    )


def smard(starts: list[int], values: list[float | None]) -> bytes:
    pairs = [[start * 1000, value] for start, value in zip(starts, values, strict=True)]
    return json.dumps({"meta_data": {"version": 1, "created": 0}, "series": pairs}).encode()


PRICES, LOAD = smard_series("DE_LU")[0], smard_series("DE_LU")[1]


def test_smard_energies_become_mean_power() -> None:
    rows = parse_smard(smard(seconds(QUARTER_DAY, 15), [12_500.0] * 96), LOAD, capture()).tables[
        "load_actuals"
    ]
    assert rows["load_mw"].unique().to_list() == [50_000.0]


def test_smard_hours_on_quarters_come_back_as_hours_and_real_quarters_are_refused() -> None:
    starts = seconds(HOURLY_DAY, 15)
    repeated = parse_smard(smard(starts, [float(at // 4) for at in range(96)]), PRICES, capture())
    assert repeated.tables["day_ahead_prices"]["price_eur_per_mwh"].to_list() == [
        float(hour) for hour in range(24)
    ]
    mixed = parse_smard(smard(starts, [float(at) for at in range(96)]), PRICES, capture())
    assert not mixed.tables
    assert mixed.rejected["reason"].unique().to_list() == [
        "periods of 15 minutes where the auction of that day has 60"
    ]


def test_smard_days_to_come_are_left_out() -> None:
    starts = seconds(QUARTER_DAY, 15) + seconds(QUARTER_DAY + timedelta(days=1), 15)
    parsed = parse_smard(smard(starts, [1.0] * 96 + [None] * 96), PRICES, capture())
    assert parsed.tables["day_ahead_prices"]["delivery_day"].unique().to_list() == [QUARTER_DAY]
    assert parse_smard(smard(starts, [None] * 192), PRICES, capture()).no_data
    assert parse_smard_index(b'{"timestamps": [1762124400000, 1762729200000]}', "index") == (
        1762124400000,
        1762729200000,
    )


def elexon(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"data": list(rows)}).encode()


def index_row(**changes: Any) -> dict[str, Any]:
    return {
        "dataset": "MID",
        "startTime": "2026-05-06T03:00:00Z",
        "dataProvider": "APXMIDP",
        "settlementDate": "2026-05-06",
        "settlementPeriod": 9,
        "price": 105.43,
        "volume": 1892.45,
        **changes,
    }


def test_elexon_prices_stay_in_pounds() -> None:
    rows = parse_elexon(elexon(index_row()), "MID", capture("GB")).tables["local_currency_prices"]
    assert rows.select("price_per_mwh", "currency", "volume_mwh", "resolution_minutes").row(0) == (
        105.43,
        "GBP",
        1892.45,
        30,
    )


def test_elexon_index_without_trades_is_no_price_of_zero() -> None:
    parsed = parse_elexon(elexon(index_row(price=0.0, volume=0.0)), "MID", capture("GB"))
    assert not parsed.tables
    assert "no traded volume" in parsed.rejected["reason"][0]


@pytest.mark.parametrize(
    "changes",
    [
        {"settlementPeriod": 10},
        {"settlementPeriod": 0},
        {"startTime": "2026-05-06T03:00:00"},
        {"price": None},
        {"dataset": "DISEBSP"},
        {"price": "105"},
    ],
)
def test_elexon_refuses_a_row_that_contradicts_itself(changes: dict[str, Any]) -> None:
    with pytest.raises(ContractError):
        parse_elexon(elexon(index_row(**changes)), "MID", capture("GB"))


def test_elexon_days_of_46_and_50_periods() -> None:
    for day, last in ((date(2026, 3, 29), 46), (date(2026, 10, 25), 50)):
        start = day_bounds_utc("GB", day)[0] + timedelta(minutes=30 * (last - 1))
        row = index_row(settlementDate=str(day), settlementPeriod=last, startTime=start.isoformat())
        assert parse_elexon(elexon(row), "MID", capture("GB")).n_rows == 1
        beyond = index_row(
            settlementDate=str(day),
            settlementPeriod=last + 1,
            startTime=(start + timedelta(minutes=30)).isoformat(),
        )
        with pytest.raises(ContractError, match="not the start of period"):
            parse_elexon(elexon(beyond), "MID", capture("GB"))


def test_elexon_states_when_it_published() -> None:
    row = {
        "dataset": "WINDFOR",
        "publishTime": "2026-05-05T08:30:00Z",
        "startTime": "2026-05-06T20:00:00Z",
        "generation": 2983,
    }
    rows = parse_elexon(elexon(row), "WINDFOR", capture("GB")).tables["renewable_forecasts"]
    assert rows.select("available_at_utc", "availability").row(0) == (
        datetime(2026, 5, 5, 8, 30, tzinfo=UTC),
        "stated",
    )


def weather(**changes: Any) -> bytes:
    times = [(RUN + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M") for hour in range(48)]
    hourly = {
        "time": times,
        "temperature_2m": [10.0 + hour for hour in range(48)],
        **changes.pop("hourly", {}),
    }
    units = {"time": "iso8601", "temperature_2m": "°C", **changes.pop("units", {})}
    return json.dumps({"utc_offset_seconds": 0, "hourly": hourly, "hourly_units": units, **changes}).encode()


def single_run(**changes: Any) -> WeatherRequest:
    return WeatherRequest(
        **{
            "interface": "single_run",
            "model": "ecmwf_ifs",
            "point": "52.50,13.40",
            "run_at_utc": RUN,
            **changes,
        }
    )


def test_a_weather_run_knows_its_start_lead_and_publication() -> None:
    rows = parse_open_meteo(weather(), single_run(), capture()).tables["weather_forecasts"]
    assert rows.height == 48
    assert rows["lead_minutes"].to_list()[:3] == [0, 60, 120]
    assert rows["run_at_utc"].unique().to_list() == [RUN]
    assert rows["available_at_utc"].unique().to_list() == [RUN + timedelta(hours=7)]
    assert rows["availability"].unique().to_list() == ["rule"]


def test_previous_runs_count_back_from_the_valid_time() -> None:
    hourly = {"temperature_2m_previous_day1": [5.0] * 48}
    body = weather(hourly=hourly, units={"temperature_2m_previous_day1": "°C"})
    rows = parse_open_meteo(body, single_run(interface="previous_runs", run_at_utc=None), capture()).tables[
        "weather_forecasts"
    ]
    assert rows["value"].unique().to_list() == [5.0]
    assert rows["lead_minutes"].min() == 1440
    assert number(rows["lead_minutes"].max()) < 1440 + 360


REFUSED: dict[str, tuple[Callable[[], bytes], WeatherRequest]] = {
    "local time": (lambda: weather(utc_offset_seconds=7200), single_run()),
    "another unit": (lambda: weather(units={"temperature_2m": "°F"}), single_run()),
    "unknown model": (weather, single_run(model="era5")),
    "no run": (weather, single_run(run_at_utc=None)),
    "naive run": (weather, single_run(run_at_utc=datetime(2025, 11, 4))),  # noqa: DTZ001 - what is refused
    "short list": (lambda: weather(hourly={"temperature_2m": [1.0]}), single_run()),
}


@pytest.mark.parametrize("case", REFUSED)
def test_open_meteo_refuses(case: str) -> None:
    body, request = REFUSED[case]
    with pytest.raises(ContractError):
        parse_open_meteo(body(), request, capture())


def test_open_meteo_says_that_it_has_nothing() -> None:
    assert (
        parse_open_meteo(b'{"error": true, "reason": "run not available"}', single_run(), capture()).no_data
        == "run not available"
    )
