"""The recorded bodies of the providers: which parser reads each, as what, and what it must give."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.elexon import parse_elexon
from spot.sources.providers.energy_charts import parse_energy_charts
from spot.sources.providers.entsoe import parse_entsoe
from spot.sources.providers.open_meteo import WeatherRequest, parse_open_meteo

_NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class RecordedBody:
    """A file below `api_samples` and the parser that reads it."""

    path: str
    parse: Callable[[bytes], ParsedDocument]

    def read(self, folder: Path) -> bytes:
        """Its bytes."""
        return (folder / "api_samples" / self.path).read_bytes()


def _capture(zone: str) -> Capture:
    return Capture(zone=zone, captured_at_utc=_NOW, is_backfill=True)


def _entsoe(name: str, zone: str) -> RecordedBody:
    return RecordedBody(f"entsoe/{name}", partial(parse_entsoe, capture=_capture(zone)))


def _elexon(name: str, dataset: str) -> RecordedBody:
    return RecordedBody(f"elexon/{name}.json", lambda body: parse_elexon(body, dataset, _capture("GB")))


def _weather(name: str, run: datetime | None, *, previous: bool = False) -> RecordedBody:
    request = WeatherRequest(
        interface="previous_runs" if previous else "single_run",
        model="ecmwf_ifs",
        point="52.27,6.85",
        run_at_utc=run,
    )
    return RecordedBody(
        f"open_meteo/{name}.json", lambda body: parse_open_meteo(body, request, _capture("NL"))
    )


BODIES: tuple[RecordedBody, ...] = (
    _entsoe("ejl_balancing171_g_imbalance_prices.zip", "AT"),
    _entsoe("ejl_generation141_d_generation_forecasts_for_wind_and_solar.xml", "BE"),
    _entsoe("ejl_load61_a_actual_total_load.xml", "CZ"),
    _entsoe("ejl_load61_b_day_ahead_total_load_forecast.xml", "CZ"),
    _entsoe("em_DK-DK2_consumption_forecast.xml", "DK_2"),
    _entsoe("em_FR_prices.xml", "FR"),
    _entsoe("em_wind_solar_forecast_FI_CURRENT.xml", "FI"),
    _entsoe("em_wind_solar_forecast_FI_DAY_AHEAD.xml", "FI"),
    _entsoe("hass_BE_60M.xml", "BE"),
    _entsoe("hass_BE_60M_15M_mix.xml", "BE"),
    _entsoe("hexagon_acknowledgement.invalidrequest.xml", "SK"),
    _entsoe("hexagon_publication.a03curvetype.xml", "SK"),
    _entsoe("inrg_prices_SE1_0.xml", "SE_1"),
    _entsoe("inrg_prices_gapfill_0.xml", "PT"),
    RecordedBody(
        "energy_charts/price_DE-LU_2024-05-04_hourly.json",
        lambda body: parse_energy_charts(body, "price", _capture("DE_LU")),
    ),
    _elexon("em_bmunits", "BMUNITS"),
    _elexon("em_bmvalues", "PN"),
    _elexon("em_boalf", "BOALF"),
    _elexon("em_production", "NESO"),
    _elexon("fou2t14d_2026-05-06", "FOU2T14D"),
    _elexon("mid_2026-05-06", "MID"),
    _elexon("system_prices_2026-09-08_sp37", "DISEBSP"),
    _elexon("windfor_2026-05-05", "WINDFOR"),
    _weather("frenck_single_run", datetime(2026, 9, 1, tzinfo=UTC)),
    _weather("frenck_previous_runs", None, previous=True),
    _weather("frenck_forecast_minutely_15", None),
    _weather("frenck_historical_forecast", None),
    _weather("inrg_archive_2024-01-01", None),
)

EXPECTED: dict[str, dict[str, int] | str] = {
    "entsoe/ejl_balancing171_g_imbalance_prices.zip": {"imbalance_prices": 384},
    "entsoe/ejl_generation141_d_generation_forecasts_for_wind_and_solar.xml": {"renewable_forecasts": 24},
    "entsoe/ejl_load61_a_actual_total_load.xml": {"load_actuals": 72},
    "entsoe/ejl_load61_b_day_ahead_total_load_forecast.xml": {"load_forecasts": 72},
    "entsoe/em_DK-DK2_consumption_forecast.xml": {"load_forecasts": 96},
    "entsoe/em_FR_prices.xml": {"day_ahead_prices": 48},
    "entsoe/em_wind_solar_forecast_FI_CURRENT.xml": {"renewable_forecast_updates": 640},
    "entsoe/em_wind_solar_forecast_FI_DAY_AHEAD.xml": {"renewable_forecasts": 576},
    "entsoe/hass_BE_60M.xml": {"day_ahead_prices": 24},
    # Quarter hours on days whose auction was hourly, and a period outside the document's own interval:
    # nothing of it is a day-ahead price.
    "entsoe/hass_BE_60M_15M_mix.xml": {"day_ahead_prices": 24},
    "entsoe/hexagon_acknowledgement.invalidrequest.xml": {},
    # A capacity auction between two zones, not a price of one
    "entsoe/hexagon_publication.a03curvetype.xml": "out_Domain",
    "entsoe/inrg_prices_SE1_0.xml": {"day_ahead_prices": 48},
    "entsoe/inrg_prices_gapfill_0.xml": {"day_ahead_prices": 24},
    "energy_charts/price_DE-LU_2024-05-04_hourly.json": {"day_ahead_prices": 24},
    # Units, physical notifications and acceptances are no tables of this platform
    "elexon/em_bmunits.json": "expected a JSON object",
    "elexon/em_bmvalues.json": "none of the datasets",
    "elexon/em_boalf.json": "none of the datasets",
    "elexon/em_production.json": "'data'",
    "elexon/fou2t14d_2026-05-06.json": {"available_capacity": 2},
    "elexon/mid_2026-05-06.json": {"local_currency_prices": 1},
    "elexon/system_prices_2026-09-08_sp37.json": {"local_currency_prices": 1},
    "elexon/windfor_2026-05-05.json": {"renewable_forecasts": 2},
    "open_meteo/frenck_single_run.json": {"weather_forecasts": 3},
    "open_meteo/frenck_previous_runs.json": {"weather_forecasts": 6},
    # Three interfaces that do not know the run behind a value: never read as a forecast.
    "open_meteo/frenck_forecast_minutely_15.json": "times are local",
    "open_meteo/frenck_historical_forecast.json": "times are local",
    "open_meteo/inrg_archive_2024-01-01.json": "a single run needs its initialisation",
}
"""Rows per table, or the words of the refusal."""
