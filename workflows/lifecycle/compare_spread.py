"""Two versions of the spread model on the same days: both forecast, both traded on paper, both settled."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw_tables
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY, ModelVersion
from resources.settings.zones import Desk
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.contracts.spread_tables import SPREAD_COMPARISONS, SPREAD_SHADOW_SETTLEMENTS
from spot.errors import ConfigurationError
from spot.lifecycle.comparison import ComparedVersion
from spot.lifecycle.spread_evidence import as_scored, scored_spreads
from spot.market.delivery import ZoneDays
from spot.strategy.interface import Strategy
from spot.strategy.spread.model import CatBoostSpread
from spot.strategy.spread.sources import ServedSpread
from spot.walk.inputs import empty_book
from spot.walk.shadow import walk_shadow
from workflows.decisions.spread_shadow import settled_shadow, shadow_inputs
from workflows.forecasting.served_spread import spread_strategy
from workflows.lifecycle.compare import Comparison, stored


def compare_spread(
    versions: tuple[ModelVersion, ModelVersion],
    days: Sequence[date],
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    *,
    state_folder: Path,
    now: datetime,
) -> Comparison:
    """Let both versions forecast the same days as of each gate and trade on paper.

    They trade on the price forecasts that were served.

    Raises:
        ConfigurationError: no strategy of the zone needs a model of the spread.
        ModelIntegrityError: the files of a version are not those that were registered.
        ContractError: there is no day that both forecast and whose spread is known.
    """
    zone = versions[0].zone
    strategy = spread_strategy(desk, zone)
    if strategy is None:
        raise ConfigurationError(f"zone {zone}: no strategy needs a model of the spread")
    spreads = registry.of_family(SPREAD_FAMILY)
    sources = [
        ServedSpread({day: (one.version, CatBoostSpread.from_files(spreads.files(one))) for day in days})
        for one in versions
    ]
    inputs = shadow_inputs(ZoneDays(zone, days[0], days[-1]), lake, desk, registry, state_folder, now)
    walked = walk_shadow(inputs, days, empty_book(), {strategy.strategy: sources})
    raw = read_raw_tables(
        lake, zone, desk.zone(zone), first_day=days[0], last_day=days[-1], tables=SETTLING_TABLES
    )
    spoken = walked.forecasts.filter(pl.col("role") == "challenger")
    scored = as_scored(scored_spreads(spoken, raw, zone=zone, as_of_utc=now))
    a, b = (
        ComparedVersion(
            version=one.version,
            scored=scored.filter(pl.col("model_version") == one.version),
            settled=_money(walked.signals, one.version, raw, strategy),
        )
        for one in versions
    )
    return stored(lake, SPREAD_COMPARISONS.name, zone, days, a, b)


def _money(
    signals: pl.DataFrame, version: str, raw: dict[str, pl.DataFrame], strategy: Strategy
) -> pl.DataFrame:
    own = signals.filter(pl.col("strategy_model_version") == version)
    return settled_shadow(own, raw, strategy) if own.height else SPREAD_SHADOW_SETTLEMENTS.empty()
