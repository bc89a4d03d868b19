"""Requests to Energy-Charts (Fraunhofer ISE).

No key; data CC BY 4.0 where the answer says so. The provider limits bursts with status 429.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import ClassVar

from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, instant_text, require_table, span_utc
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.energy_charts import (
    BIDDING_ZONES,
    COUNTRIES,
    SOURCE,
    Document,
    parse_energy_charts,
)

_FORECASTS = {"load_forecasts": ("load",), "renewable_forecasts": ("solar", "wind_onshore", "wind_offshore")}


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyCharts(Provider):
    """The provider `energy_charts`: the quickest way to live data without a key."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "Europe: prices; by country load, wind and solar, forecasts"
    docs: ClassVar[str] = "docs/sources/energy_charts.md"

    base_url: str = "https://api.energy-charts.info"
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=20.0))
    longest_span_days: int = 92
    """Days of one request. Chosen by hand: a quarter is a small answer, and what fails is quickly asked
    again.
    """

    def tables(self, zone: str) -> frozenset[str]:
        """Prices by bidding zone; load, generation and forecasts where zone and country coincide."""
        prices = {"day_ahead_prices"} if zone in BIDDING_ZONES else set()
        power = {"load_actuals", "generation_actuals", *_FORECASTS} if zone in COUNTRIES else set()
        return frozenset(prices | power)

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request; forecasts need one per production type.

        Raises:
            ConfigurationError: no such table for the zone.
        """
        require_table(self, table, zone)
        if table == "day_ahead_prices":
            return [
                self._request(
                    table, "price", "price", zone, first_day, last_day, {"bzn": BIDDING_ZONES[zone]}
                )
            ]
        if table in _FORECASTS:
            country = COUNTRIES[zone]
            kinds = [
                {"country": country, "production_type": kind, "forecast_type": "day-ahead"}
                for kind in _FORECASTS[table]
            ]
            return [
                self._request(
                    table, "forecast", "public_power_forecast", zone, first_day, last_day, parameters
                )
                for parameters in kinds
            ]
        return [
            self._request(
                table, "public_power", "public_power", zone, first_day, last_day, {"country": COUNTRIES[zone]}
            )
        ]

    def _request(
        self,
        table: str,
        document: Document,
        path: str,
        zone: str,
        first_day: date,
        last_day: date,
        parameters: dict[str, str],
    ) -> ProviderRequest:
        first, end = span_utc(zone, first_day, last_day)
        return ProviderRequest(
            series=table,
            url=f"{self.base_url}/{path}",
            first_utc=first,
            end_utc=end,
            parse=partial(_parse, document),
            parameters={**parameters, "start": instant_text(first), "end": instant_text(end)},
        )


def _parse(document: Document, body: bytes, capture: Capture) -> ParsedDocument:
    return parse_energy_charts(body, document, capture)
