"""Requests to SMARD (Bundesnetzagentur).

No key; CC BY 4.0. Series lie in weekly files that start on Monday, local time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import ClassVar

from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, require_table, span_utc
from spot.market.delivery import day_ahead_mtu_minutes, day_bounds_utc
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.smard import SOURCE, SmardSeries, parse_smard, smard_series


@dataclass(frozen=True, slots=True, kw_only=True)
class Smard(Provider):
    """The provider `smard`: Germany, and the prices of its neighbours."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "DE_LU: everything; prices of its neighbours"
    docs: ClassVar[str] = "docs/sources/smard.md"

    base_url: str = "https://www.smard.de/app/chart_data"
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=60.0))
    longest_span_days: int = 366
    """Days of one request. Chosen by hand: the platform's files hold a week each, and a year is some fifty of
    them.
    """

    def tables(self, zone: str) -> frozenset[str]:
        """Everything for DE_LU, prices for its neighbours."""
        return frozenset(series.table for series in smard_series(zone))

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request per series and week of the range.

        Raises:
            ConfigurationError: no such table for the zone.
        """
        require_table(self, table, zone)
        wanted = [series for series in smard_series(zone) if series.table == table]
        first, end = span_utc(zone, first_day, last_day)
        return [
            ProviderRequest(
                series=table,
                url=self._url(series, monday, _resolution(table, zone, monday)),
                first_utc=first,
                end_utc=end,
                parse=partial(_parse, series),
            )
            for series in wanted
            for monday in _weeks(first_day, last_day)
        ]

    def _url(self, series: SmardSeries, monday: date, resolution: str) -> str:
        start = int(day_bounds_utc("DE_LU", monday)[0].timestamp()) * 1000
        name = f"{series.number}_{series.region}_{resolution}_{start}.json"
        return f"{self.base_url}/{series.number}/{series.region}/{name}"


def _resolution(table: str, zone: str, monday: date) -> str:
    """Prices in the market time unit at the end of the week.

    The parser takes one hour from hours that are repeated on quarters.
    """
    is_hourly = table == "day_ahead_prices" and day_ahead_mtu_minutes(zone, monday + timedelta(days=6)) == 60
    return "hour" if is_hourly else "quarterhour"


def _weeks(first_day: date, last_day: date) -> Iterator[date]:
    monday = first_day - timedelta(days=first_day.weekday())
    while monday <= last_day:
        yield monday
        monday += timedelta(days=7)


def _parse(series: SmardSeries, body: bytes, capture: Capture) -> ParsedDocument:
    return parse_smard(body, series, capture)
