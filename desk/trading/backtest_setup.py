"""The options of a backtest, and the source of its data: the desk's record, files, or the simulator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import polars as pl

from desk.screen.console import err
from resources.market.earlier_files import simulated_with_earlier, tables_with_earlier
from resources.market.market_files import MarketFiles
from resources.plugins.members import new_forecaster
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment
from resources.settings.model_profiles import model_profile
from resources.settings.risk_limits import read_limit_book
from resources.settings.strategies import read_strategy
from resources.wiring import make_lake, make_registry
from spot.backtest.assumptions import Assumption, Assumptions
from spot.backtest.data import make_backtest_forecasts
from spot.backtest.trading import BacktestSetup, backtest_setup
from spot.errors import ConfigurationError
from spot.market.delivery import ZoneDays
from spot.strategy.interface import Strategy
from spot.strategy.spread.sources import FittedSpread
from workflows.decisions.backtest_setup import settings_of_source, stored_setup

REFITTED = "fitted again every four weeks on the year before; the versions that served are not used"
_SIMULATED_DAYS = 400
"""Days of the simulated market before the first day, for the model to learn from."""


class Source(StrEnum):
    """Where prices and forecasts come from."""

    LAKE = "lake"
    FILES = "files"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for on the command line."""

    zone: str
    days: tuple[date, ...]
    source: Source
    model: str
    strategies: tuple[str, ...]
    """Files in `conf/strategies`; none for the zone's own."""
    settled_against: str | None
    distribution: str | None
    assumed: Assumptions


def read_strategies(asked: Asked, environment: Environment) -> tuple[Strategy, ...]:
    """The strategies that trade, in their order.

    A second price or distribution given as an option replaces the one in the settings.

    Raises:
        ConfigurationError: there is no such file, a setting is wrong, or it is not clear which strategy an
            option changes.
    """
    desk = desk_resource(environment, zones=[asked.zone])
    names = asked.strategies or desk.zone(asked.zone).strategies
    changes = {"settled_against": asked.settled_against, "distribution": asked.distribution}
    changes = {key: value for key, value in changes.items() if value is not None}
    if changes and len(names) > 1:
        raise ConfigurationError(
            f"--against and --distribution change one strategy, and {', '.join(names)} trade: name it with"
            " --strategy"
        )
    return tuple(read_strategy(desk, name, changes) for name in names)


def make_setup(asked: Asked, strategies: tuple[Strategy, ...], environment: Environment) -> BacktestSetup:
    """The backtest on the chosen source.

    Raises:
        ConfigurationError: the lake holds no forecast of these days.
        ForecastError: there are too few days of prices before the first day.
    """
    if asked.source is Source.LAKE:
        return _on_record(asked, strategies, environment)
    err.print(f"walking {asked.model} over {len(asked.days)} days of {asked.zone} ...")
    desk = desk_resource(environment, zones=[asked.zone])
    settings = desk.zone(asked.zone).model_copy(update={"source": asked.source.value})
    if asked.source is Source.FILES:
        files = MarketFiles(path=str(environment.market_data))
        raw = tables_with_earlier(files, asked.zone, settings)
    else:
        first = asked.days[0] - timedelta(days=_SIMULATED_DAYS)
        raw = simulated_with_earlier(asked.zone, settings, first, asked.days[-1], seed=1)
    return fresh_setup(raw, asked, strategies, model_profile(desk, asked.model), environment)


def fresh_setup(
    raw: Mapping[str, pl.DataFrame],
    asked: Asked,
    strategies: tuple[Strategy, ...],
    model_document: Mapping[str, Any],
    environment: Environment,
) -> BacktestSetup:
    """A backtest on raw tables alone: the model learns before the first day and is updated day by day.

    Raises:
        ForecastError: there are too few days of prices before the first day.
    """
    spreads = {one.strategy: FittedSpread() for one in strategies if one.needs_spread_model}
    setup = backtest_setup(
        make_backtest_forecasts(raw, new_forecaster(model_document), zone=asked.zone, days=asked.days),
        strategies,
        read_limit_book(environment.settings_folder / "risk_limits.yaml"),
        asked.days,
        spread_sources=spreads,
        assumed=asked.assumed,
    )
    rows = [
        Assumption("forecasts", asked.model, "learnt before the first day, and updated with each day since")
    ]
    rows += [Assumption("model of the spread", "refitted", REFITTED)] if spreads else []
    return replace(setup, assumptions=(*rows, *setup.assumptions))


def _on_record(asked: Asked, strategies: tuple[Strategy, ...], environment: Environment) -> BacktestSetup:
    """A backtest on what the desk stored of the days, and on the source of its forecasts."""
    lake, span = make_lake(environment), ZoneDays(asked.zone, asked.days[0], asked.days[-1])
    forecasts = lake.read(
        "day_ahead_forecasts", zones=[span.zone], first_day=span.first_day, last_day=span.last_day
    ).filter(pl.col("role") == "champion")
    if forecasts.is_empty():
        raise ConfigurationError(
            f"the lake holds no forecast of {span.zone} for these days: run `spotdesk run` first, or ask"
            " --source files"
        )
    source = str(forecasts["source"].mode().sort()[0])
    return stored_setup(
        span,
        strategies,
        lake,
        desk_resource(environment, zones=[asked.zone], **settings_of_source(source)),
        make_registry(environment),
        environment.trading_state,
        assumed=asked.assumed,
    )
