"""Requests to Open-Meteo: weather forecast runs at the points of a zone.

No key is needed for non-commercial use. Customers have a key and a host of their own.

The run for a delivery day is the newest that is usable at the day-ahead gate: 00Z of the day before. Archived
runs reach back to March 2024 for ECMWF.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import ClassVar

from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, require_table, span_utc
from spot.contracts.live_tables import WEATHER_SERIES
from spot.errors import ConfigurationError
from spot.market.delivery import days_between
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.open_meteo import SOURCE, WeatherRequest, parse_open_meteo

POINTS: dict[str, tuple[tuple[float, float], ...]] = {
    "AT": ((48.1, 16.6), (47.3, 15.3), (47.4, 11.9)),
    "BE": ((51.2, 3.1), (50.8, 4.4), (50.3, 5.5)),
    "CZ": ((50.1, 14.4), (49.2, 16.6)),
    "DE_LU": ((54.3, 8.9), (53.9, 12.0), (52.5, 13.4), (51.5, 7.2), (48.4, 11.7), (49.5, 8.5)),
    "DK_1": ((56.2, 8.6), (55.4, 9.4)),
    "DK_2": ((55.5, 11.8), (54.8, 11.6)),
    "ES": ((42.5, -7.5), (41.6, -1.0), (38.9, -6.0), (37.4, -4.5)),
    "FI": ((60.3, 24.9), (63.1, 22.0), (64.9, 25.5)),
    "FR": ((50.0, 2.5), (48.1, -2.0), (47.5, 1.9), (44.0, 0.5), (43.6, 3.9), (48.8, 2.3)),
    "GB": ((51.5, -0.1), (53.5, 0.5), (55.9, -4.0), (57.5, -3.0)),
    "HU": ((47.5, 19.1), (47.7, 17.1), (46.6, 20.5)),
    "NL": ((52.9, 4.8), (51.9, 4.4), (52.3, 6.5)),
    "NO_2": ((58.6, 6.6), (58.2, 8.0)),
    "PL": ((54.2, 16.5), (52.2, 21.0), (51.1, 17.0)),
    "PT": ((41.2, -7.8), (38.7, -9.1), (38.0, -8.0)),
    "SE_4": ((55.6, 13.0), (56.2, 15.0)),
    "SK": ((48.2, 17.1), (48.7, 21.2)),
}
"""Latitude and longitude in degrees, near the people and plants of a zone. The model weighs them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMeteo(Provider):
    """The provider `open_meteo`."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "weather forecast runs, for own_forecasts (non-commercial)"
    docs: ClassVar[str] = "docs/sources/open_meteo.md"
    feeds_zones: ClassVar[bool] = False

    base_url: str = "https://single-runs-api.open-meteo.com/v1/forecast"
    model: str = "ecmwf_ifs"
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=120.0))
    longest_span_days: int = 7
    """Days of one request. Chosen by hand: the archive has a run of the weather model each day, and each run
    is a request of its own.
    """

    def tables(self, zone: str) -> frozenset[str]:
        """Weather forecasts for every zone with points."""
        return frozenset({"weather_forecasts"}) if zone in POINTS else frozenset()

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request per delivery day and point: the 00Z run of the day before.

        Raises:
            ConfigurationError: no points for the zone.
        """
        require_table(self, table, zone)
        return [
            self._request(zone, day, point)
            for day in days_between(first_day, last_day)
            for point in POINTS[zone]
        ]

    def _request(self, zone: str, day: date, point: tuple[float, float]) -> ProviderRequest:
        if self.model not in {"ecmwf_ifs", "ecmwf_ifs025", "icon_seamless", "icon_eu", "gfs_seamless"}:
            raise ConfigurationError(f"Open-Meteo model {self.model!r} is not known")
        first, end = span_utc(zone, day, day)
        run = datetime.combine(day - timedelta(days=1), time(), tzinfo=UTC)
        wanted = WeatherRequest(
            interface="single_run", model=self.model, point=f"{point[0]:.2f},{point[1]:.2f}", run_at_utc=run
        )
        return ProviderRequest(
            series="weather_forecasts",
            url=self.base_url,
            first_utc=first,
            end_utc=end,
            parse=partial(_parse, wanted),
            parameters={
                "latitude": f"{point[0]:.2f}",
                "longitude": f"{point[1]:.2f}",
                "hourly": ",".join(WEATHER_SERIES),
                "models": self.model,
                "run": run.strftime("%Y-%m-%dT%H:%M"),
                "forecast_days": "3",
                "wind_speed_unit": "ms",
                "timezone": "GMT",
            },
        )


def _parse(wanted: WeatherRequest, body: bytes, capture: Capture) -> ParsedDocument:
    return parse_open_meteo(body, wanted, capture)
