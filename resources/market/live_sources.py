"""The live providers of a desk, put together.

Which there are, with which tokens, behind which HTTP client.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from resources.lake.lake import Lake
from resources.market.live_market import LiveMarket
from resources.providers.ecb import Ecb
from resources.providers.elexon import Elexon
from resources.providers.energy_charts import EnergyCharts
from resources.providers.entsoe import Entsoe
from resources.providers.ercot import Ercot
from resources.providers.http import HttpClient
from resources.providers.open_meteo import OpenMeteo
from resources.providers.pjm import Pjm
from resources.providers.provider import Provider
from resources.providers.smard import Smard
from spot.errors import ConfigurationError

LIVE_SOURCES = ("entsoe", "energy_charts", "smard", "elexon", "pjm", "ercot", "open_meteo", "ecb")
SOURCES_WITHOUT_KEY = ("energy_charts", "smard", "elexon", "open_meteo", "ecb")
LIVE_ONLY_TABLES = (
    "other_auction_prices",
    "renewable_forecast_updates",
    "imbalance_price_sides",
    "imbalance_volumes",
    "net_positions",
    "cross_border_flows",
    "outages",
    "available_capacity",
)
"""What live sources have beside the raw tables of every source: captured with them and kept for analysts; no
feature is made of it yet.
"""
_LOGIN = "ercot_login"
"""Where ERCOT hands out tokens, among the addresses that may be replaced."""


def live_providers(
    tokens: Mapping[str, str], base_urls: Mapping[str, str] | None = None
) -> dict[str, Provider]:
    """Every provider by its name.

    `tokens` by provider; `base_urls` replaces an address, for a mirror or a test.

    Raises:
        ConfigurationError: `base_urls` names no live source.
    """
    own: dict[str, Provider] = {
        "entsoe": Entsoe(token=tokens.get("entsoe", "")),
        "energy_charts": EnergyCharts(),
        "smard": Smard(),
        "elexon": Elexon(),
        "pjm": Pjm(key=tokens.get("pjm", "")),
        "ercot": Ercot(
            key=tokens.get("ercot", ""),
            username=tokens.get("ercot_username", ""),
            password=tokens.get("ercot_password", ""),
        ),
        "open_meteo": OpenMeteo(),
        "ecb": Ecb(),
    }
    addresses = dict(base_urls or {})
    if _LOGIN in addresses:
        own["ercot"] = replace(own["ercot"], login_url=addresses.pop(_LOGIN))  # type: ignore[type-var]
    if unknown := set(addresses) - set(own):
        raise ConfigurationError(
            f"no live source {', '.join(sorted(unknown))}: known are {', '.join(own)} and {_LOGIN}"
        )
    replaced = {name: replace(own[name], base_url=url) for name, url in addresses.items()}  # type: ignore[type-var]
    return {**own, **replaced}


def live_only_tables(zone: str, sources: Sequence[str]) -> tuple[str, ...]:
    """Those of `LIVE_ONLY_TABLES` that any of the sources has for the zone."""
    providers = live_providers({})
    offered = {table for name in sources if name in providers for table in providers[name].tables(zone)}
    return tuple(table for table in LIVE_ONLY_TABLES if table in offered)


def make_live_market(
    lake: Lake,
    http_folder: Path,
    *,
    tokens: Mapping[str, str],
    base_urls: Mapping[str, str] | None = None,
    warn: Callable[[str, str], None] | None = None,
) -> LiveMarket:
    """The live market over `lake`.

    `http_folder` holds the shared budget of requests per host, for all processes of this machine.
    """

    def client(provider: Provider) -> HttpClient:
        return HttpClient(http_folder, provider.policy)

    market = LiveMarket(lake, live_providers(tokens, base_urls), client)
    if warn is not None:
        market.warn = warn
    return market
