"""Requests to the ENTSO-E Transparency Platform.

One token per desk; more than 400 requests a minute lead to a ban of ten minutes.

A request may span a year. Here it spans a quarter, because generation by type is long. The token is a query
parameter, so it is handed over as a secret. Source: "Transparency Platform RESTful API user guide".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import ClassVar

from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, Secret, require_table, span_utc
from spot.market.zones import ZONES, find_zone
from spot.sources.providers import entsoe_codes as codes
from spot.sources.providers.entsoe import SOURCE, parse_entsoe
from spot.sources.providers.entsoe_outages import parse_entsoe_outages

_BY_ZONE: dict[str, dict[str, str]] = {
    "day_ahead_prices": {
        "documentType": codes.DAY_AHEAD_PRICES,
        "contract_MarketAgreement.type": "A01",
        "in_Domain": "",
        "out_Domain": "",
    },
    "other_auction_prices": {
        "documentType": codes.DAY_AHEAD_PRICES,
        "contract_MarketAgreement.type": "A01",
        "in_Domain": "",
        "out_Domain": "",
    },
    "load_forecasts": {
        "documentType": codes.TOTAL_LOAD,
        "processType": codes.PROCESS_DAY_AHEAD,
        "outBiddingZone_Domain": "",
    },
    "load_actuals": {
        "documentType": codes.TOTAL_LOAD,
        "processType": codes.PROCESS_REALISED,
        "outBiddingZone_Domain": "",
    },
    "renewable_forecasts": {
        "documentType": codes.WIND_SOLAR_FORECAST,
        "processType": codes.PROCESS_DAY_AHEAD,
        "in_Domain": "",
    },
    "renewable_forecast_updates": {
        "documentType": codes.WIND_SOLAR_FORECAST,
        "processType": codes.PROCESS_CURRENT,
        "in_Domain": "",
    },
    "generation_actuals": {
        "documentType": codes.GENERATION_BY_TYPE,
        "processType": codes.PROCESS_REALISED,
        "in_Domain": "",
    },
    "net_positions": {
        "documentType": codes.NET_POSITION,
        "businessType": "B09",
        "contract_MarketAgreement.type": "A01",
        "in_Domain": "",
        "out_Domain": "",
    },
    "imbalance_prices": {"documentType": codes.IMBALANCE_PRICES, "controlArea_Domain": ""},
    "imbalance_price_sides": {"documentType": codes.IMBALANCE_PRICES, "controlArea_Domain": ""},
    "imbalance_volumes": {
        "documentType": codes.IMBALANCE_VOLUMES,
        "businessType": "A19",
        "controlArea_Domain": "",
    },
    "outages": {"documentType": codes.GENERATION_OUTAGES, "biddingZone_Domain": ""},
}
"""Table to parameters. An empty one takes the EIC of the zone or of its settlement area. Two tables of one
document ask for it twice.
"""
_BY_BORDER: dict[str, dict[str, str]] = {
    "cross_border_flows": {"documentType": codes.PHYSICAL_FLOWS},
    "scheduled_exchanges": {
        "documentType": codes.SCHEDULED_EXCHANGES,
        "contract_MarketAgreement.type": "A01",
    },
    "net_transfer_capacities": {
        "documentType": codes.TRANSFER_CAPACITIES,
        "contract_MarketAgreement.type": "A01",
    },
}
"""Table to parameters; each neighbour is asked for, out of the zone."""
_SETTLED_BY_AREA = frozenset({"imbalance_prices", "imbalance_price_sides", "imbalance_volumes"})
_ZONES_OF_OTHER_AUCTIONS = frozenset({"AT", "DE_LU"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entsoe(Provider):
    """The provider `entsoe`."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "Europe: prices, load, wind and solar, imbalance, outages, borders"
    docs: ClassVar[str] = "docs/sources/entsoe.md"
    secrets: ClassVar[tuple[Secret, ...]] = (
        Secret(
            name="entsoe",
            field="token",
            variable="SPOTDESK_ENTSOE_TOKEN",
            what="token of the Transparency Platform",
        ),
    )

    longest_spans: ClassVar[Mapping[str, int]] = MappingProxyType(
        dict.fromkeys(("imbalance_prices", "imbalance_price_sides", "imbalance_volumes"), 10)
    )
    """It is reported that the platform gives imbalance data for at most 10 days a call."""

    token: str = field(default="", repr=False)
    base_url: str = "https://web-api.tp.entsoe.eu/api"
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=240.0))
    longest_span_days: int = 92
    """Days of one request. Chosen by hand: a quarter of the year that the platform allows is a small answer.
    """

    def tables(self, zone: str) -> frozenset[str]:
        """All of its tables for every zone that settles in EUR. GB has left the platform's market data."""
        if zone not in ZONES or find_zone(zone).currency != "EUR":
            return frozenset()
        absent = {"other_auction_prices"} if zone not in _ZONES_OF_OTHER_AUCTIONS else set()
        return frozenset({*_BY_ZONE, *_BY_BORDER} - absent)

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request; a table of borders needs one per neighbour, outages one per kind of document.

        Raises:
            ConfigurationError: no token, or no such table for the zone.
        """
        require_table(self, table, zone)
        self.require_secrets()
        return [
            self._request(table, zone, first_day, last_day, parameters)
            for parameters in _parameters(table, zone)
        ]

    def _request(
        self, table: str, zone: str, first_day: date, last_day: date, parameters: dict[str, str]
    ) -> ProviderRequest:
        first, end = span_utc(zone, first_day, last_day)
        return ProviderRequest(
            series=table,
            url=self.base_url,
            first_utc=first,
            end_utc=end,
            parse=parse_entsoe_outages if table == "outages" else parse_entsoe,
            parameters={**parameters, "periodStart": _stamp(first), "periodEnd": _stamp(end)},
            secrets={"securityToken": self.token},
        )


def _parameters(table: str, zone: str) -> Iterator[dict[str, str]]:
    eic = codes.settlement_area(zone) if table in _SETTLED_BY_AREA else find_zone(zone).eic
    if table in _BY_BORDER:
        for neighbour in find_zone(zone).neighbours:
            yield {**_BY_BORDER[table], "out_Domain": eic, "in_Domain": find_zone(neighbour).eic}
        return
    filled = {name: value or eic for name, value in _BY_ZONE[table].items()}
    yield filled
    if table == "outages":
        yield {**filled, "documentType": codes.PRODUCTION_OUTAGES}


def _stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y%m%d%H%M")
