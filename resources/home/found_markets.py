"""The market of each zone of a ledger, found from its rows, for a desk that has no record of it."""

from collections.abc import Iterator, Mapping
from datetime import date

import polars as pl

from resources.home.markets import REAL, UNKNOWN, Market, market_of
from resources.lake.lake import Lake
from resources.settings.zones import DeskSettings, ZoneSettings
from spot.simulation.market import simulate
from spot.simulation.scenarios import Scenario

_TABLE = "day_ahead_prices"
_SIMULATED = "simulated"
_SEEDS = range(100)
"""Seeds that are tried where the settings do not give the rows. A day of a market costs about 12 ms."""


def found_markets(lake: Lake, settings: DeskSettings) -> Iterator[tuple[str, Market, str]]:
    """Zone to its market, with a warning where its rows are of several markets or of an unknown one."""
    for zone in lake.zones(_TABLE):
        own = settings.zones.get(zone, settings.defaults)
        sources = set(lake.read(_TABLE, zones=[zone])["source"].unique())
        if sources and _SIMULATED not in sources:
            yield zone, REAL, ""
        elif sources:
            market = _simulated(lake, zone, own)
            yield zone, market, _warning(zone, sources, market)


def _warning(zone: str, sources: set[str], market: Market) -> str:
    if others := sorted(sources - {_SIMULATED}):
        return (
            f"{zone} holds rows of the simulated market and of {', '.join(others)}: use it for studies alone"
        )
    if market == UNKNOWN:
        return (
            f"{zone} holds a simulated market that neither its settings nor a seed below {len(_SEEDS)} gives:"
            " no day can be added to it; set the seed and scenarios that made it in conf/zones.yaml and"
            " upgrade again"
        )
    return ""


def _simulated(lake: Lake, zone: str, settings: ZoneSettings) -> Market:
    """The simulated market whose prices are those of the oldest and of the newest day."""
    own = market_of(settings.model_copy(update={"source": _SIMULATED}))
    candidates = [
        own,
        *(Market(True, seed, scenarios) for seed in _SEEDS for scenarios in {(), own.scenarios}),
    ]
    stored = _ends(lake, zone)
    return next((one for one in candidates if _gives(one, zone, stored)), UNKNOWN)


def _ends(lake: Lake, zone: str) -> Mapping[date, pl.DataFrame]:
    rows = lake.read(_TABLE, zones=[zone]).filter(pl.col("source") == _SIMULATED)
    return {day: rows.filter(pl.col("delivery_day") == day) for day in (_edge(rows, 0), _edge(rows, -1))}


def _edge(rows: pl.DataFrame, index: int) -> date:
    day: date = rows["delivery_day"].unique().sort()[index]
    return day


def _gives(market: Market, zone: str, stored: Mapping[date, pl.DataFrame]) -> bool:
    """Whether the market has the stored prices on these days."""
    regimes = [Scenario(one.name, one.start_day, one.end_day) for one in market.scenarios]
    for day, rows in stored.items():
        made = simulate(zone, day, day, seed=market.seed or 0, scenarios=regimes).tables[_TABLE]
        key = ["series", "delivery_start_utc", "price_eur_per_mwh"]
        if not rows.select(key).join(made.select(key), on=key, how="anti").is_empty():
            return False
    return True
