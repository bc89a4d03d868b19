"""Requests to the ERCOT Public API.

They need a free key and a login that gives a token for an hour; 30 requests a minute are allowed. Prices are
in USD.

Source: developer.ercot.com, "Registration and authentication" and "Known limits". ERCOT answers only requests
from inside the United States.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from functools import partial
from types import MappingProxyType
from typing import ClassVar
from zoneinfo import ZoneInfo

from resources.providers.http import HttpClient, HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, Secret, require_table, span_utc
from spot.errors import ConfigurationError, ContractError
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.ercot import OPERATOR, SOURCE, Report, parse_ercot
from spot.sources.safe_input import read_json

_PRICES: dict[str, tuple[str, Report]] = {
    "day_ahead_prices": ("np4-190-cd", "dam_stlmnt_pnt_prices"),
    "imbalance_prices": ("np6-905-cd", "spp_node_zone_hub"),
}
_LOAD: tuple[str, Report] = ("np3-565-cd", "lf_by_model_weather_zone")
_CLIENT_ID = "fec253ea-0d06-4272-a5e6-b478baeecd70"
"""Client id of the public login flow, the same for everybody."""
_TOKEN_SECONDS = 50 * 60.0
"""A token is valid for an hour; it is renewed ten minutes before its end."""
_TOKENS: dict[tuple[str, str], tuple[str, float]] = {}
"""Login address and user name to the token and the end of its life. It is kept in this process only and never
written.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ercot(Provider):
    """The provider `ercot`."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "hubs of ERCOT: day-ahead and real-time price, load forecast"
    docs: ClassVar[str] = "docs/sources/ercot.md"
    secrets: ClassVar[tuple[Secret, ...]] = (
        Secret(name="ercot", field="key", variable="SPOTDESK_ERCOT_KEY", what="key of the Public API"),
        Secret(name="ercot_username", field="username", variable="SPOTDESK_ERCOT_USERNAME", what="user name"),
        Secret(name="ercot_password", field="password", variable="SPOTDESK_ERCOT_PASSWORD", what="password"),
    )
    addresses: ClassVar[Mapping[str, str]] = MappingProxyType({"ercot_login": "login_url"})

    key: str = field(default="", repr=False)
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    base_url: str = "https://api.ercot.com/api/public-reports"
    login_url: str = (
        "https://ercotb2c.b2clogin.com/ercotb2c.onmicrosoft.com/B2C_1_PUBAPI-ROPC-FLOW/oauth2/v2.0/token"
    )
    policy: HttpPolicy = field(default_factory=lambda: HttpPolicy(requests_per_minute=24.0))
    longest_span_days: int = 92
    """Days of one request. Chosen by hand: a quarter is some 2,200 hours a hub."""

    def tables(self, zone: str) -> frozenset[str]:
        """Prices and load forecasts for the hubs of ERCOT.

        The prices arrive in USD (`local_currency_prices`) and are converted.
        """
        return (
            frozenset({*_PRICES, "load_forecasts"}) if find_zone(zone).operator == OPERATOR else frozenset()
        )

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request.

        Load forecasts need one per delivery day, for the postings from the midnight before to the gate.

        Raises:
            ConfigurationError: a key or login is missing, or no such table for the zone.
        """
        require_table(self, table, zone)
        self.require_secrets()
        return list(self._requests(table, zone, first_day, last_day))

    def _requests(self, table: str, zone: str, first_day: date, last_day: date) -> Iterator[ProviderRequest]:
        if table == "load_forecasts":
            yield from (
                self._request(table, _LOAD, zone, (day, day), _postings(zone, day))
                for day in days_between(first_day, last_day)
            )
            return
        yield self._request(
            table, _PRICES[table], zone, (first_day, last_day), {"settlementPoint": find_zone(zone).node}
        )

    def _request(
        self,
        table: str,
        report: tuple[str, Report],
        zone: str,
        days: tuple[date, date],
        asked: dict[str, str],
    ) -> ProviderRequest:
        first, end = span_utc(zone, *days)
        return ProviderRequest(
            series=table,
            url=f"{self.base_url}/{report[0]}/{report[1]}",
            first_utc=first,
            end_utc=end,
            parse=partial(_parse, report[1]),
            parameters={
                "deliveryDateFrom": str(days[0]),
                "deliveryDateTo": str(days[1]),
                **asked,
                "size": "100000",
                "page": "1",
            },
            secret_headers={"Ocp-Apim-Subscription-Key": self.key},
            log_in=self._log_in,
        )

    def _log_in(self, client: HttpClient) -> Mapping[str, str]:
        token, until = _TOKENS.get((self.login_url, self.username), ("", 0.0))
        if time.monotonic() >= until:
            form = {
                "grant_type": "password",
                "response_type": "id_token",
                "client_id": _CLIENT_ID,
                "scope": f"openid {_CLIENT_ID} offline_access",
            }
            token = _token(
                client.post_form(
                    self.login_url, form, {"username": self.username, "password": self.password}
                ).body
            )
            _TOKENS[self.login_url, self.username] = (token, time.monotonic() + _TOKEN_SECONDS)
        return {"Authorization": f"Bearer {token}"}


def _token(body: bytes) -> str:
    """The token in a login's answer, which is neither kept nor shown."""
    try:
        answer = read_json(body, "ERCOT login")
    except ContractError:
        raise ConfigurationError("the answer to the ERCOT login is not readable") from None
    token = answer.get("id_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not token:
        raise ConfigurationError(
            "ERCOT refuses the login: check SPOTDESK_ERCOT_USERNAME and SPOTDESK_ERCOT_PASSWORD"
        )
    return token


def _postings(zone: str, day: date) -> dict[str, str]:
    """Postings from the start of the day before to the gate, in local time."""
    time_zone = ZoneInfo(find_zone(zone).market_time_zone)
    first = datetime.combine(day - timedelta(days=1), clock_time(), tzinfo=time_zone)
    last = gate_closure_utc(zone, day).astimezone(time_zone)
    return {
        "postedDatetimeFrom": first.strftime("%Y-%m-%dT%H:%M:%S"),
        "postedDatetimeTo": last.strftime("%Y-%m-%dT%H:%M:%S"),
    }


def _parse(report: Report, body: bytes, capture: Capture) -> ParsedDocument:
    return parse_ercot(body, report, capture)
