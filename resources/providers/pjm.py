"""Requests to PJM Data Miner 2.

They need a free key in a header. Users who are not members may send six requests a minute. Prices are in USD.

Source: "PJM Data Miner 2 API guide". Two years of prices can be requested by hub. Older ones are archived and
cannot be filtered.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import ClassVar

from resources.providers.http import HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, Secret, require_table, span_utc
from spot.market.zones import find_zone
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.pjm import OPERATOR, SOURCE, Feed, parse_pjm

_PRICE_FEEDS: dict[str, tuple[Feed, str]] = {
    "day_ahead_prices": ("da_hrl_lmps", "da"),
    "imbalance_prices": ("rt_hrl_lmps", "rt"),
}
_FORECAST_FEEDS: tuple[tuple[Feed, str, str, str], ...] = (
    ("load_frcstd_hist", "RTO", "evaluated_at", "forecast_hour_beginning"),
    ("load_frcstd_7_day", "RTO_COMBINED", "evaluated_at_datetime", "forecast_datetime_beginning"),
)
"""Feed, area, and the names of the instants of making and of delivery. The first feed is history, the second
only the newest forecast.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pjm(Provider):
    """The provider `pjm`."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "hubs of PJM: day-ahead and real-time price, load forecast"
    docs: ClassVar[str] = "docs/sources/pjm.md"
    secrets: ClassVar[tuple[Secret, ...]] = (
        Secret(name="pjm", field="key", variable="SPOTDESK_PJM_KEY", what="key of Data Miner 2"),
    )

    key: str = field(default="", repr=False)
    base_url: str = "https://api.pjm.com/api/v1"
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=6.0))
    longest_span_days: int = 92
    """Days of one request. Chosen by hand: a quarter of hours is far below the 50,000 rows of an answer
    (docs/sources/pjm.md).
    """

    def tables(self, zone: str) -> frozenset[str]:
        """Prices and load forecasts for the hubs of PJM.

        The prices arrive in USD (`local_currency_prices`) and are converted.
        """
        return (
            frozenset({*_PRICE_FEEDS, "load_forecasts"})
            if find_zone(zone).operator == OPERATOR
            else frozenset()
        )

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request; load forecasts need two, of the feed of history and of that of the newest forecast.

        Raises:
            ConfigurationError: no key, or no such table for the zone.
        """
        require_table(self, table, zone)
        self.require_secrets()
        return list(self._requests(table, zone, (first_day, last_day)))

    def _requests(self, table: str, zone: str, days: tuple[date, date]) -> Iterator[ProviderRequest]:
        span = f"{days[0]:%m/%d/%Y} 00:00to{days[1]:%m/%d/%Y} 23:59"
        if table == "load_forecasts":
            for feed, area, made, hour in _FORECAST_FEEDS:
                names = [f"{name}_{clock}" for name in (made, hour) for clock in ("utc", "ept")]
                asked = {
                    "forecast_area": area,
                    f"{hour}_ept": span,
                    "fields": ",".join([*names, "forecast_area", "forecast_load_mw"]),
                }
                yield self._request(table, feed, zone, days, {**asked, "sort": f"{hour}_utc"})
            return
        feed, market = _PRICE_FEEDS[table]
        prices = [
            f"{part}_{market}"
            for part in ("system_energy_price", "total_lmp", "congestion_price", "marginal_loss_price")
        ]
        fields = [
            "datetime_beginning_utc",
            "datetime_beginning_ept",
            "pnode_id",
            "pnode_name",
            "row_is_current",
            *prices,
        ]
        asked = {
            "pnode_id": find_zone(zone).node,
            "row_is_current": "TRUE",
            "datetime_beginning_ept": span,
            "fields": ",".join(fields),
        }
        yield self._request(table, feed, zone, days, {**asked, "sort": "datetime_beginning_utc"})

    def _request(
        self, table: str, feed: Feed, zone: str, days: tuple[date, date], asked: dict[str, str]
    ) -> ProviderRequest:
        first, end = span_utc(zone, *days)
        return ProviderRequest(
            series=table,
            url=f"{self.base_url}/{feed}",
            first_utc=first,
            end_utc=end,
            parse=partial(_parse, feed),
            parameters={**asked, "order": "Asc", "startRow": "1", "rowCount": "50000", "format": "json"},
            secret_headers={"Ocp-Apim-Subscription-Key": self.key},
        )


def _parse(feed: Feed, body: bytes, capture: Capture) -> ParsedDocument:
    return parse_pjm(body, feed, capture)
