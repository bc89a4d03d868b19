"""What each provider is asked.

Addresses and parameters, by table and zone, as their public interfaces want them.
"""

from datetime import date, timedelta

import pytest

from resources.market.live_sources import LiveProviders
from resources.plugins.sources import SOURCES
from resources.providers.elexon import Elexon
from resources.providers.energy_charts import EnergyCharts
from resources.providers.entsoe import Entsoe
from resources.providers.open_meteo import OpenMeteo
from resources.providers.smard import Smard
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.contracts.tables import TABLES
from spot.errors import ConfigurationError
from spot.market.zones import ALL_ZONES, ZONES

DAY = date(2025, 11, 5)
TOKEN = "token-1"


@pytest.mark.parametrize("name", SOURCES.built_in)
def test_every_table_that_a_provider_offers_has_a_contract_and_requests_without_secrets_in_sight(
    name: str,
) -> None:
    provider = LiveProviders(lambda _: TOKEN)[name]
    offered = {zone: provider.tables(zone) for zone in ALL_ZONES}
    assert any(offered.values())
    for zone, tables in offered.items():
        for table in tables:
            assert table in TABLES
            requests = provider.requests(table, zone, DAY, DAY)
            assert all(request.first_utc < request.end_utc for request in requests)
            assert TOKEN not in repr(requests)
    with pytest.raises(ConfigurationError, match=f"{name} has no"):
        provider.requests("signals", "DE_LU", DAY, DAY)


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (
            "day_ahead_prices",
            {"documentType": "A44", "in_Domain": "10Y1001A1001A82H", "out_Domain": "10Y1001A1001A82H"},
        ),
        (
            "load_forecasts",
            {"documentType": "A65", "processType": "A01", "outBiddingZone_Domain": "10Y1001A1001A82H"},
        ),
        ("load_actuals", {"documentType": "A65", "processType": "A16"}),
        (
            "renewable_forecasts",
            {"documentType": "A69", "processType": "A01", "in_Domain": "10Y1001A1001A82H"},
        ),
        ("generation_actuals", {"documentType": "A75", "processType": "A16"}),
        ("imbalance_prices", {"documentType": "A85", "controlArea_Domain": "10YCB-GERMANY--8"}),
    ],
)
def test_entsoe_parameters(table: str, expected: dict[str, str]) -> None:
    (request,) = Entsoe(token=TOKEN).requests(table, "DE_LU", DAY, DAY)
    assert expected.items() <= request.parameters.items()
    assert (request.parameters["periodStart"], request.parameters["periodEnd"]) == (
        "202511042300",
        "202511052300",
    )
    assert request.secrets == {"securityToken": TOKEN}


def test_entsoe_asks_for_both_kinds_of_outages_and_each_border() -> None:
    provider = Entsoe(token=TOKEN)
    assert [
        request.parameters["documentType"] for request in provider.requests("outages", "FR", DAY, DAY)
    ] == ["A80", "A77"]
    flows = provider.requests("cross_border_flows", "FR", DAY, DAY)
    assert len(flows) == len(ZONES["FR"].neighbours)
    assert {request.parameters["out_Domain"] for request in flows} == {ZONES["FR"].eic}
    assert not provider.tables("GB")


def test_energy_charts_addresses() -> None:
    (prices,) = EnergyCharts().requests("day_ahead_prices", "DK_1", DAY, DAY)
    assert prices.url.endswith("/price")
    assert prices.parameters == {"bzn": "DK1", "start": "2025-11-04T23:00Z", "end": "2025-11-05T23:00Z"}
    forecasts = EnergyCharts().requests("renewable_forecasts", "DE_LU", DAY, DAY)
    assert [request.parameters["production_type"] for request in forecasts] == [
        "solar",
        "wind_onshore",
        "wind_offshore",
    ]
    assert EnergyCharts().tables("DK_1") == {"day_ahead_prices"}


def test_smard_files_start_on_monday_local_time() -> None:
    (request,) = Smard().requests("day_ahead_prices", "AT", DAY, DAY)
    assert request.url.endswith("/4170/DE/4170_DE_quarterhour_1762124400000.json")
    (hourly,) = Smard().requests("day_ahead_prices", "DE_LU", date(2024, 7, 3), date(2024, 7, 3))
    assert hourly.url.endswith("/4169/DE/4169_DE_hour_1719784800000.json")
    assert len(Smard().requests("load_actuals", "DE_LU", DAY, DAY + timedelta(days=9))) == 2
    assert Smard().tables("FR") == {"day_ahead_prices"}
    assert set(Smard().tables("DE_LU")) == set(RAW_TABLES_OF_A_ZONE) - {"intraday_prices", "imbalance_prices"}


def test_elexon_asks_for_system_prices_day_by_day() -> None:
    (index,) = Elexon().requests("intraday_prices", "GB", DAY, DAY + timedelta(days=2))
    assert index.parameters == {"from": "2025-11-05T00:00Z", "to": "2025-11-08T00:00Z", "format": "json"}
    requests = Elexon().requests("imbalance_prices", "GB", DAY, DAY + timedelta(days=2))
    assert [request.url.rpartition("/")[2] for request in requests] == [
        "2025-11-05",
        "2025-11-06",
        "2025-11-07",
    ]
    assert not Elexon().tables("FR")


def test_open_meteo_asks_for_the_run_that_stands_before_the_gate() -> None:
    requests = OpenMeteo().requests("weather_forecasts", "NL", DAY, DAY)
    assert {request.parameters["run"] for request in requests} == {"2025-11-04T00:00"}
    assert (
        len({(request.parameters["latitude"], request.parameters["longitude"]) for request in requests}) == 3
    )
    assert requests[0].parameters["wind_speed_unit"] == "ms"
    assert requests[0].parameters["timezone"] == "GMT"
    with pytest.raises(ConfigurationError, match="era5"):
        OpenMeteo(model="era5").requests("weather_forecasts", "NL", DAY, DAY)
