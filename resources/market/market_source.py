"""Source of raw rows: simulated, recorded, or fetched from live providers. The lake judges them.

A fetch returns what was published at the present instant, under the raw contract of the table, and nothing
that became known later. A live answer has the instant of its capture, which is shortly after that of the
request.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
from dagster import ResourceDependency
from pydantic import Field

from resources.fixed_resource import FixedResource
from resources.home.markets import MarketMemory, market_of
from resources.lake.lake import Lake
from resources.market.live_sources import LIVE_ONLY_TABLES, LiveProviders, make_live_market
from resources.plugins.sources import is_live
from resources.settings.at_use import provider_secret
from resources.settings.zones import ScenarioSettings, ZoneSettings
from resources.trading.alerts import Alerts
from spot.contracts.days import first_day, last_day
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.contracts.tables import find_contract
from spot.errors import ConfigurationError
from spot.sources.judging.revisions import select_revisions

if TYPE_CHECKING:
    from resources.market.market_files import MarketFiles

Stamp = tuple[tuple[str, int, int], ...]
_PRICES = "day_ahead_prices"
EARLIER_TABLES = ("other_auction_prices", "fuel_prices")
"""Tables that the simulated market has besides those of a zone, for zones whose settings name them."""


class MarketSource(FixedResource):
    """All sources behind one call.

    `data_folder` holds the recorded market data of the source `files`. `http_folder` holds the request budget
    per host.

    Tokens are not part of it, because Dagster shows the configuration of a resource.
    """

    lake: ResourceDependency[Lake]
    alerts: ResourceDependency[Alerts]
    data_folder: str
    http_folder: str
    home: str = ""
    """Folder of the desk, which records the market of each zone. If it is empty, nothing is recorded."""
    base_urls: dict[str, str] = Field(default_factory=dict)
    """Live source to an address other than its own: a mirror, or a provider simulated by a test."""

    def fetch(
        self, table: str, zone: str, first_day: date, last_day: date, *, settings: ZoneSettings, now: datetime
    ) -> pl.DataFrame:
        """Rows of a raw table as published at `now`, for the delivery days of the range, both included.

        Empty where nothing is published. Live sources are asked in the order of the zone's settings: its own,
        then its fallbacks for this table. A table that none of them has for the zone is empty.

        Raises:
            MixedMarketsError: the zone has rows of another market, real or simulated.
            ConfigurationError: the source does not have the zone, or lacks its token.
            NotYetPublishedError, SourceUnavailableError, ContractError: as the provider answers, or the
                answer is not plausible.
        """
        if not self.home or table not in RAW_TABLES_OF_A_ZONE:
            return self._fetched(table, zone, first_day, last_day, settings=settings, now=now)
        memory, market = MarketMemory(Path(self.home)), market_of(settings)
        memory.refuse_other(zone, market)
        rows = self._fetched(table, zone, first_day, last_day, settings=settings, now=now)
        if not rows.is_empty():
            memory.remember(zone, market)
        return rows

    def _fetched(
        self, table: str, zone: str, first_day: date, last_day: date, *, settings: ZoneSettings, now: datetime
    ) -> pl.DataFrame:
        named = _named(table, settings)
        if is_live(settings.source) or table == "weather_forecasts":
            return self._live(table, zone, first_day, last_day, named=named, now=now)
        if settings.source == "files" and self._is_ingested(table, zone):
            return find_contract(table).empty()
        tables = self._tables(table, settings.source, zone, first_day, last_day, settings)
        rows = tables.get(table, find_contract(table).empty()).filter(
            pl.col("delivery_day").is_between(first_day, last_day)
        )
        fresh = self._revised(table, rows, zone) if settings.source == "files" else rows
        return fresh.filter(pl.col("available_at_utc") <= now)

    def offers(self, table: str, zone: str, *, settings: ZoneSettings) -> bool:
        """Whether any source of the zone has this table for it at all.

        A table that no source has can be neither fresh nor late.

        Raises:
            ConfigurationError: the folder of recorded data is missing or empty, or does not hold the zone.
        """
        if is_live(settings.source) or table == "weather_forecasts":
            providers = LiveProviders()
            return any(table in providers.tables(name, zone) for name in _named(table, settings))
        if settings.source == "files":
            held = self._filed(zone).get(table) if self._files().of_zone(zone) else None
            in_files = held is not None and not held.is_empty()
            return in_files or self.lake.newest_day(table, zone) is not None
        return True

    def holds(self, zone: str, *, settings: ZoneSettings) -> bool:
        """Whether there is anything of the zone to begin with: of files, one in the folder or the ledger."""
        if settings.source != "files":
            return True
        return bool(self._files().of_zone(zone)) or self.lake.newest_day(_PRICES, zone) is not None

    def state_of_files(self, zone: str) -> str:
        """A text that changes when a file of the zone comes, goes or changes; empty without any."""
        stamp = self._files().stamp(zone)
        return hashlib.sha256(repr(stamp).encode()).hexdigest()[:16] if stamp else ""

    def _files(self) -> "MarketFiles":
        from resources.market.market_files import MarketFiles

        return MarketFiles(path=self.data_folder)

    def _is_ingested(self, table: str, zone: str) -> bool:
        """Whether no file of the folder has the zone, so that all that it has was ingested.

        Without prices in the ledger either there is nothing to go on with.
        """
        if self._files().of_zone(zone):
            return False
        return table != _PRICES or self.lake.newest_day(_PRICES, zone) is not None

    def _filed(self, zone: str) -> Mapping[str, pl.DataFrame]:
        """What the files of the zone give.

        Raises:
            ConfigurationError: there is no file of the zone.
            ContractError: a file of the zone is damaged or not plausible.
        """
        stamp = self._files().stamp(zone)
        tables, rejected = _recorded(Path(self.data_folder), zone, stamp)
        for table, rows in rejected.items():
            self.lake.quarantine(table, rows, source="files")
        return tables

    def _revised(self, table: str, rows: pl.DataFrame, zone: str) -> pl.DataFrame:
        """The rows of files that are new. A changed value became known when the newest file was written."""
        if rows.is_empty():
            return rows
        written = max((at for _, at, _ in self._files().stamp(zone)), default=0)
        held = self.lake.read(table, zones=[zone], first_day=first_day(rows), last_day=last_day(rows))
        known = held.filter(pl.col("source") == "files")
        instant = datetime.fromtimestamp(written / 1e9, UTC)
        return select_revisions(rows, known, find_contract(table), instant)

    def _tables(
        self, table: str, source: str, zone: str, first_day: date, last_day: date, settings: ZoneSettings
    ) -> Mapping[str, pl.DataFrame]:
        if source == "simulated":
            make = _simulated_earlier if table in EARLIER_TABLES else _simulated
            return make(zone, first_day, last_day, settings.seed, settings.scenarios)
        if source == "files":
            return self._filed(zone)
        raise ConfigurationError(f"zone {zone}: source {source} is not connected")

    def _live(
        self, table: str, zone: str, first_day: date, last_day: date, *, named: Sequence[str], now: datetime
    ) -> pl.DataFrame:
        def warn(affected: str, message: str) -> None:
            # Reported once a day. A source that fails again next month is another event.
            self.alerts.send(
                "fallback_source", message, zone=affected, now=now, episode=f"{now:%Y-%m-%d}: {message}"
            )

        market = make_live_market(
            self.lake,
            Path(self.http_folder),
            secret=provider_secret,
            base_urls=self.base_urls,
            warn=warn,
            state_folder=Path(self.home) / "trading_state" if self.home else None,
        )
        # A plug-in that cannot be used is asked too, so that people see the failure and its reason.
        known = LiveProviders()
        sources = [
            name
            for name in named
            if table in known.tables(name, zone) or (name in known and known.problem(name))
        ]
        if not sources:
            return find_contract(table).empty()
        fetched = market.fetch(table, zone, first_day, last_day, sources=sources, now=now)
        for doubt in fetched.doubts:
            self.alerts.send("bad_data", doubt, zone=zone, now=now, episode=doubt)
        if fetched.flags and last_day >= now.date() - timedelta(days=1):
            # Real extremes pass. A person still wants to know of them while they matter.
            self.alerts.send(
                "extreme_prices",
                f"{'; '.join(fetched.flags[-5:])} ({fetched.source})",
                zone=zone,
                severity="info",
                now=now,
            )
        return fetched.rows


def _named(table: str, settings: ZoneSettings) -> tuple[str, ...]:
    """Sources that may be asked for a table, the main one first."""
    if table == "weather_forecasts":
        return ("open_meteo",) if settings.own_forecasts else ()
    if table in LIVE_ONLY_TABLES:
        return settings.sources
    return (settings.source, *settings.fallback_sources.get(table, ()))


@lru_cache(maxsize=8)
def _simulated(
    zone: str, first_day: date, last_day: date, seed: int, scenarios: tuple[ScenarioSettings, ...]
) -> Mapping[str, pl.DataFrame]:
    # Imported here because every command wires this resource, and the simulation imports scipy's whole signal
    # processing.
    from spot.simulation.market import simulate
    from spot.simulation.scenarios import Scenario

    # Seven assets of a run ask for the same days, so the market of a range is computed once.
    regimes = [Scenario(scenario.name, scenario.start_day, scenario.end_day) for scenario in scenarios]
    return simulate(zone, first_day, last_day, seed=seed, scenarios=regimes).tables


@lru_cache(maxsize=8)
def _simulated_earlier(
    zone: str, first_day: date, last_day: date, seed: int, scenarios: tuple[ScenarioSettings, ...]
) -> Mapping[str, pl.DataFrame]:
    from spot.simulation.earlier import simulate_earlier
    from spot.simulation.scenarios import Scenario

    regimes = [Scenario(scenario.name, scenario.start_day, scenario.end_day) for scenario in scenarios]
    return simulate_earlier(zone, first_day, last_day, seed=seed, scenarios=regimes)


@lru_cache(maxsize=8)
def _recorded(
    folder: Path,
    zone: str,
    stamp: Stamp,  # noqa: ARG001 - files that change are read again
) -> tuple[Mapping[str, pl.DataFrame], Mapping[str, pl.DataFrame]]:
    """Accepted rows, and rejected rows with their reasons."""
    from resources.market.market_files import MarketFiles

    files = MarketFiles(path=str(folder))
    return files.tables(zone), files.rejected(zone)
