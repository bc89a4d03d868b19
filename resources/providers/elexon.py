"""Requests to Elexon Insights (Great Britain).

No key; BMRS data under Elexon's open licence. Spans of at most seven days on most endpoints.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import ClassVar

from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, instant_text, require_table, span_utc
from spot.market.delivery import days_between
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.elexon import SOURCE, ZONE, parse_elexon

_ENDPOINTS: dict[str, tuple[tuple[str, str], ...]] = {
    "intraday_prices": (("MID", "balancing/pricing/market-index"),),
    "imbalance_prices": (),
    "load_forecasts": (("NDF", "forecast/demand/day-ahead/latest"),),
    "load_actuals": (("INDO", "datasets/INDO"),),
    "renewable_forecasts": (
        ("DGWS", "forecast/generation/wind-and-solar/day-ahead"),
        ("WINDFOR", "forecast/generation/wind/latest"),
    ),
    "generation_actuals": (("AGWS", "generation/actual/per-type/wind-and-solar"),),
    "available_capacity": (("FOU2T14D", "datasets/FOU2T14D"),),
}
_SYSTEM_PRICES = "balancing/settlement/system-prices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Elexon(Provider):
    """The provider `elexon`.

    The market index stands for intraday trading, the system price settles imbalances.
    """

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "GB: market index, system price, demand, wind and solar, capacity"
    docs: ClassVar[str] = "docs/sources/elexon.md"

    base_url: str = "https://data.elexon.co.uk/bmrs/api/v1"
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=60.0))
    longest_span_days: int = 7
    """The interface takes spans of up to seven days (docs/sources/elexon.md)."""

    def tables(self, zone: str) -> frozenset[str]:
        """All of its tables for GB, none elsewhere.

        The prices arrive in GBP (`local_currency_prices`) and are converted.
        """
        return frozenset(_ENDPOINTS) if zone == ZONE else frozenset()

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request per dataset; system prices one per day.

        Raises:
            ConfigurationError: no such table for the zone.
        """
        require_table(self, table, zone)
        return list(self._requests(table, zone, first_day, last_day))

    def _requests(self, table: str, zone: str, first_day: date, last_day: date) -> Iterator[ProviderRequest]:
        first, end = span_utc(zone, first_day, last_day)
        span = {"from": instant_text(first), "to": instant_text(end), "format": "json"}
        for dataset, path in _ENDPOINTS[table]:
            yield self._request(table, dataset, f"{self.base_url}/{path}", zone, (first_day, last_day), span)
        if table == "imbalance_prices":
            for day in days_between(first_day, last_day):
                yield self._request(
                    table,
                    "DISEBSP",
                    f"{self.base_url}/{_SYSTEM_PRICES}/{day}",
                    zone,
                    (day, day),
                    {"format": "json"},
                )

    def _request(
        self,
        table: str,
        dataset: str,
        url: str,
        zone: str,
        days: tuple[date, date],
        parameters: dict[str, str],
    ) -> ProviderRequest:
        first, end = span_utc(zone, *days)
        return ProviderRequest(
            series=table,
            url=url,
            first_utc=first,
            end_utc=end,
            parse=partial(_parse, dataset),
            parameters=parameters,
        )


def _parse(dataset: str, body: bytes, capture: Capture) -> ParsedDocument:
    return parse_elexon(body, dataset, capture)
