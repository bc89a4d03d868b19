"""Requests to the European Central Bank: euro reference rates for zones that do not trade in EUR.

No key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import ClassVar

from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, require_table, span_utc
from spot.market.zones import find_zone
from spot.sources.currencies import RATES_TABLE, foreign_currency
from spot.sources.providers.ecb import SOURCE, parse_ecb


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecb(Provider):
    """The provider `ecb`."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "exchange rates, for zones that trade in another currency"
    docs: ClassVar[str] = "docs/sources/ecb.md"
    feeds_zones: ClassVar[bool] = False

    base_url: str = "https://data-api.ecb.europa.eu/service/data"
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=30.0))
    longest_span_days: int = 400
    """Days of one request. Chosen by hand: a year of daily rates, and some more, is a small answer."""

    def tables(self, zone: str) -> frozenset[str]:
        """Exchange rates for a zone that trades, or may settle, in another currency than EUR."""
        is_needed = bool(foreign_currency(zone)) and not find_zone(zone).is_benchmark
        return frozenset({RATES_TABLE}) if is_needed else frozenset()

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request for the fixings of the days.

        Raises:
            ConfigurationError: the zone trades and settles in EUR.
        """
        require_table(self, table, zone)
        first, end = span_utc(zone, first_day, last_day)
        return [
            ProviderRequest(
                series=table,
                url=f"{self.base_url}/EXR/D.{foreign_currency(zone)}.EUR.SP00.A",
                first_utc=first,
                end_utc=end,
                parse=parse_ecb,
                parameters={
                    "startPeriod": str(first_day),
                    "endPeriod": str(last_day),
                    "detail": "dataonly",
                    "format": "jsondata",
                },
            )
        ]
