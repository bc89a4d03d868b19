"""The market of each zone of a desk, recorded in `markets.json`: two markets never mix in one ledger.

The simulated market of a seed and its scenarios is one market. All real sources of a zone are one market:
providers, files and fallbacks give the same hours. The first rows of a zone decide its market.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from resources.files import write_whole
from resources.settings.zones import ScenarioSettings, ZoneSettings
from spot.errors import ConfigurationError

MARKETS = "markets.json"
_LOCK_SECONDS = 30.0
"""Longest wait for another process that records a market. Chosen by hand: it takes milliseconds, so this only
ends where something hangs.
"""


class MixedMarketsError(ConfigurationError):
    """Rows of another market would be added to a zone."""


@dataclass(frozen=True, slots=True)
class Market:
    """One market: the real one, or the simulated one of a seed and its scenarios."""

    is_simulated: bool
    seed: int | None = None
    scenarios: tuple[ScenarioSettings, ...] = ()

    def __str__(self) -> str:
        """In words."""
        if not self.is_simulated:
            return "the real market"
        if self.seed is None:
            return "a simulated market that no settings give any more"
        regimes = [
            f"{one.name} from {one.start_day}" + (f" to {one.end_day}" if one.end_day else "")
            for one in self.scenarios
        ]
        return f"the simulated market with seed {self.seed} and {', '.join(regimes) or 'no scenario'}"


REAL = Market(is_simulated=False)
UNKNOWN = Market(is_simulated=True)
"""A simulated market of an older desk whose seed and scenarios are not known: nothing can be added to it."""


def market_of(settings: ZoneSettings) -> Market:
    """The market of a zone with these settings."""
    return Market(True, settings.seed, settings.scenarios) if settings.source == "simulated" else REAL


@dataclass(frozen=True, slots=True)
class MarketMemory:
    """The record of the markets of the desk in `home`."""

    home: Path

    def market(self, zone: str) -> Market | None:
        """The market of the zone; None before its first rows.

        Raises:
            ConfigurationError: the record cannot be read.
        """
        found = self._read().get(zone)
        return None if found is None else _parsed(found, self._path)

    def refuse_other(self, zone: str, market: Market) -> None:
        """Stop before rows of another market are added to a zone.

        Raises:
            MixedMarketsError: the zone has another market. The message names both and the remedy.
        """
        own = self.market(zone)
        if own is not None and (own != market or own == UNKNOWN):
            raise MixedMarketsError(
                f"zone {zone} of this desk stands on {own}; asked for is {market}. Nothing was written. Set"
                f" source, seed and scenarios of {zone} in conf/zones.yaml as they were, or make a desk for"
                " the other market: spotdesk init DIR"
            )

    def remember(self, zone: str, market: Market) -> None:
        """Record the market of a zone that has none yet.

        Raises:
            MixedMarketsError: another process has recorded another market in the meantime.
        """
        if self.market(zone) == market:
            return
        self.home.mkdir(parents=True, exist_ok=True)
        with FileLock(self.home / f".{MARKETS}.lock", timeout=_LOCK_SECONDS):
            self.refuse_other(zone, market)
            self._write(zone, market)

    def settle(self, zone: str, market: Market) -> None:
        """Replace the record of a zone by the market found in the rows of an older desk."""
        with FileLock(self.home / f".{MARKETS}.lock", timeout=_LOCK_SECONDS):
            self._write(zone, market)

    def _write(self, zone: str, market: Market) -> None:
        known = {**self._read(), zone: _document(market)}
        write_whole(self._path, (json.dumps(known, indent=1, sort_keys=True) + "\n").encode(), durable=True)

    @property
    def _path(self) -> Path:
        return self.home / MARKETS

    def _read(self) -> Mapping[str, Any]:
        try:
            document = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise _unreadable(self._path, error) from error
        if not isinstance(document, Mapping):
            raise _unreadable(self._path, "expected a mapping")
        return document


def _document(market: Market) -> dict[str, Any]:
    if not market.is_simulated:
        return {"kind": "real"}
    scenarios = [one.model_dump(mode="json") for one in market.scenarios]
    return {"kind": "simulated", "seed": market.seed, "scenarios": scenarios}


def _parsed(document: Any, path: Path) -> Market:
    try:
        if document["kind"] == "real":
            return REAL
        scenarios = tuple(ScenarioSettings.model_validate(one) for one in document["scenarios"])
        seed = document["seed"]
        return Market(True, None if seed is None else int(seed), scenarios)
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, why: object) -> ConfigurationError:
    return ConfigurationError(
        f"{path}, which says the market of each zone, cannot be read ({why}): restore it from a backup"
    )
