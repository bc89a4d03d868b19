"""What a notebook needs to repeat the desk's own steps: raw tables, a walk of a model, a backtest.

They use the functions of the desk, on the rows of one desk, and write nothing. Unlike the names in
`spotdesk.__all__`, those here may change with each version.
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from resources.market.earlier_inputs import earlier_auctions_of, fuels_of
from resources.plugins.members import new_forecaster
from resources.settings.desk import desk_resource
from resources.settings.model_profiles import model_profile
from resources.settings.risk_limits import read_limit_book
from resources.settings.strategies import read_strategy
from spot.backtest.assumptions import Assumptions
from spot.backtest.coverage import assess_coverage
from spot.backtest.data import BacktestData, make_backtest_forecasts
from spot.backtest.judged import JudgedStrategy, judge_strategies
from spot.backtest.trading import backtest_setup
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.market.delivery import days_between
from spot.market.earlier_auctions import TABLE as EARLIER_TABLE
from spot.market.fuels import TABLE as FUEL_TABLE
from spot.strategy.spread.sources import FittedSpread
from spotdesk.asked import Day, day_of
from spotdesk.desk import Desk


def raw_tables(desk: Desk, zone: str) -> dict[str, pl.DataFrame]:
    """Name to rows of every raw table that a model reads, all vintages.

    Where several sources have a table, it holds those of the source with most rows.
    """
    found = {}
    for name in RAW_TABLES_OF_A_ZONE:
        rows = desk.table(name, zone=zone)
        if not rows.is_empty():
            source = rows["source"].mode().sort()[0]
            found[name] = rows.filter(pl.col("source") == source)
    settings = desk_resource(desk.environment, zones=[zone]).zone(zone)
    results, fuels = desk.table(EARLIER_TABLE, zone=zone), desk.table(FUEL_TABLE, zone=zone)
    series = [auction.series for auction in earlier_auctions_of(zone, settings)]
    found[EARLIER_TABLE] = results.filter(pl.col("series").is_in(series))
    found[FUEL_TABLE] = fuels.filter(pl.col("series").is_in(list(fuels_of(zone, settings))))
    return found


def walk(desk: Desk, zone: str, profile: str, *, first_day: Day, last_day: Day) -> BacktestData:
    """Forecasts of a profile in `conf/models`, trained before `first_day` and updated day by day.

    Each forecast is as of its own gate. `BacktestData.forecasts` has them.

    Raises:
        ConfigurationError: there is no such profile, or a day is wrong.
        ForecastError: there are too few days of prices before `first_day`.
    """
    document = model_profile(desk_resource(desk.environment, zones=[zone]), profile)
    days = _days(first_day, last_day)
    return make_backtest_forecasts(raw_tables(desk, zone), new_forecaster(document), zone=zone, days=days)


def backtest(desk: Desk, data: BacktestData, strategies: Sequence[str]) -> tuple[JudgedStrategy, ...]:
    """Trade the forecasts of `walk` with files of `conf/strategies`, beside naive rivals.

    Raises:
        ConfigurationError: there is no such file, or its settings are wrong.
    """
    folder = desk_resource(desk.environment, zones=[data.zone])
    chosen = tuple(read_strategy(folder, name) for name in strategies)
    days = sorted(data.forecasts["delivery_day"].unique().to_list())
    setup = backtest_setup(
        data,
        chosen,
        read_limit_book(desk.environment.settings_folder / "risk_limits.yaml"),
        days,
        spread_sources={one.strategy: FittedSpread() for one in chosen if one.needs_spread_model},
        assumed=Assumptions(),
    )
    coverages = [assess_coverage(setup.inputs, days, one) for one in chosen]
    return judge_strategies(setup, days, coverages)[1]


def _days(first_day: Day, last_day: Day) -> tuple[date, ...]:
    first, last = day_of(first_day), day_of(last_day)
    return () if first is None or last is None else days_between(first, last)
