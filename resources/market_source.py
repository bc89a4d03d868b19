"""Where raw rows come from: simulated or recorded, and the live providers once they are asked. Fetches; the lake judges.

A fetch returns what was published at the present instant, under the raw contract of the table, and nothing that is only known later.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path

import polars as pl
from dagster import ConfigurableResource

from resources.desk_settings import ScenarioSettings, SourceName, ZoneSettings
from spot.contracts.catalog import find_contract
from spot.errors import ConfigurationError
from spot.simulation.market import simulate
from spot.simulation.scenarios import Scenario


class MarketSource(ConfigurableResource):  # type: ignore[type-arg]
    """All sources behind one call. `data_folder` holds the recorded market data of the source `files`."""

    data_folder: str

    def fetch(self, table: str, zone: str, first_day: date, last_day: date, *, settings: ZoneSettings, now: datetime) -> pl.DataFrame:
        """Rows of a raw table as published at `now`, for the delivery days of the range, both included; empty where nothing is published.

        Raises:
            ConfigurationError: the source does not have the zone.
            NotYetPublishedError, SourceUnavailableError: as the provider says.
        """
        tables = self._tables(settings.source, zone, first_day, last_day, settings)
        rows = tables.get(table, find_contract(table).empty())
        return rows.filter(pl.col("available_at_utc") <= now, pl.col("delivery_day").is_between(first_day, last_day))

    def _tables(self, source: SourceName, zone: str, first_day: date, last_day: date, settings: ZoneSettings) -> Mapping[str, pl.DataFrame]:
        if source == "simulated":
            return _simulated(zone, first_day, last_day, settings.seed, settings.scenarios)
        if source == "files":
            return _recorded(Path(self.data_folder), zone)
        raise ConfigurationError(f"zone {zone}: source {source} is not connected")


@lru_cache(maxsize=8)
def _simulated(zone: str, first_day: date, last_day: date, seed: int, scenarios: tuple[ScenarioSettings, ...]) -> Mapping[str, pl.DataFrame]:
    # Seven assets of a run ask for the same days; the market of a range is computed once.
    regimes = [Scenario(scenario.name, scenario.start_day, scenario.end_day) for scenario in scenarios]
    return simulate(zone, first_day, last_day, seed=seed, scenarios=regimes).tables


@lru_cache(maxsize=8)
def _recorded(folder: Path, zone: str) -> Mapping[str, pl.DataFrame]:
    from resources.market_files import MarketFiles

    return MarketFiles(path=str(folder)).tables(zone)
