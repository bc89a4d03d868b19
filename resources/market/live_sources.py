"""The live providers of a desk: which exist, with which tokens, behind which HTTP client."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from resources.lake.lake import Lake
from resources.market.live_market import LiveMarket
from resources.plugins.sources import SOURCES
from resources.providers.http import HttpClient
from resources.providers.provider import Provider
from resources.trading.clock_watch import ClockWatch
from spot.errors import ConfigurationError

LIVE_ONLY_TABLES = (
    "other_auction_prices",
    "renewable_forecast_updates",
    "imbalance_price_sides",
    "imbalance_volumes",
    "net_positions",
    "net_transfer_capacities",
    "scheduled_exchanges",
    "cross_border_flows",
    "outages",
    "available_capacity",
)
"""Tables that live sources have besides the raw tables of every source. They are captured and kept for
analysts. No feature uses them yet.
"""


def no_secret(_variable: str) -> str:
    """Gives no secret, for callers that only ask a provider which tables it has."""
    return ""


class LiveProviders(Mapping[str, Provider]):
    """Every provider by its name, made when it is read.

    Reading a plug-in that cannot be used raises ConfigurationError.
    """

    def __init__(
        self, secret: Callable[[str], str] = no_secret, urls: Mapping[str, str] | None = None
    ) -> None:
        """`secret` gives the value of a variable; `urls` replaces addresses, for a mirror or a test.

        Raises:
            ConfigurationError: `urls` names no address of a source.
        """
        self._secret, self._urls = secret, dict(urls or {})
        if set(self._urls) - set(SOURCES):
            self._check_addresses()

    def __getitem__(self, name: str) -> Provider:
        return self._made.setdefault(name, SOURCES[name].made(self._secret, self._urls))

    def __iter__(self) -> Iterator[str]:
        return iter(SOURCES)

    def __len__(self) -> int:
        return len(SOURCES)

    def __contains__(self, name: object) -> bool:
        return name in SOURCES

    def tables(self, name: str, zone: str) -> frozenset[str]:
        """Raw tables that a source has for the zone.

        Empty if the name has no provider, or has a plug-in that cannot be used. Fetching rows from it gives
        the reason.
        """
        return self[name].tables(zone) if name in self and not self.problem(name) else frozenset()

    def problem(self, name: str) -> str:
        """Why a source cannot be used; empty where it can."""
        try:
            self[name]
        except ConfigurationError as error:
            return str(error)
        return ""

    @cached_property
    def _made(self) -> dict[str, Provider]:
        return {}

    def _check_addresses(self) -> None:
        further = [name for found in SOURCES.built_in.values() for name in found.addresses]
        unknown = set(self._urls) - set(SOURCES) - set(further)
        if unknown:
            raise ConfigurationError(
                f"no live source {', '.join(sorted(unknown))}: known are {', '.join((*SOURCES, *further))}"
            )


def live_only_tables(zone: str, sources: Sequence[str]) -> tuple[str, ...]:
    """The tables of `LIVE_ONLY_TABLES` that any of the sources has for the zone."""
    providers = LiveProviders()
    offered = {table for name in sources for table in providers.tables(name, zone)}
    return tuple(table for table in LIVE_ONLY_TABLES if table in offered)


def make_live_market(
    lake: Lake,
    http_folder: Path,
    *,
    secret: Callable[[str], str],
    base_urls: Mapping[str, str] | None = None,
    warn: Callable[[str, str], None] | None = None,
    state_folder: Path | None = None,
) -> LiveMarket:
    """The live market over `lake`.

    `state_folder` is that of the trading state, where the desk keeps what providers say of the time.
    `http_folder` holds the shared budget of requests per host, for all processes of this machine.
    """

    def client(provider: Provider) -> HttpClient:
        if state_folder is None:
            return HttpClient(http_folder, provider.policy)
        return HttpClient(http_folder, provider.policy, hear=ClockWatch(state_folder).hear)

    market = LiveMarket(lake, LiveProviders(secret, base_urls), client)
    if state_folder is not None:
        market.clock_problem = ClockWatch(state_folder).problem
    if warn is not None:
        market.warn = warn
    return market
