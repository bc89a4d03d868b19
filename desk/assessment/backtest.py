"""The backtest of `spotdesk assess`, in a process of its own while the desk trains its first version."""

import math
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Self

import polars as pl

from desk.trading.backtest_setup import Asked, Source, fresh_setup, read_strategies
from resources.home.find import chosen_home
from resources.lake.zone_tables import read_feature_tables
from resources.market.own_zones import know_own_zones
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.settings.model_profiles import model_profile
from resources.wiring import make_lake
from spot.backtest.advice import Advice, advise, propose_limits
from spot.backtest.assumptions import Assumptions
from spot.backtest.coverage import assess_coverage
from spot.backtest.judged import judge_strategies
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.market.delivery import days_between
from spot.monitoring.watch import scored_forecasts

JUDGED_TABLES = (*RAW_TABLES_OF_A_ZONE, "imbalance_price_sides")
"""Raw tables that the backtest reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What the backtest says: the advice, and limits for the strategies that it names."""

    advice: Advice
    limits: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def without(cls, reason: str) -> Self:
        """No trade, for one reason."""
        return cls(advice=Advice(trades=False, reasons=(reason,)))


@contextmanager
def judged_beside(home: Path, zone: str, first_day: date, last_day: date) -> Iterator[Future[Judgement]]:
    """The backtest of the days begins in a process of its own; it has ended when the context ends."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        yield process.submit(judged_at_home, home, zone, first_day, last_day)


def judged_at_home(home: Path, zone: str, first_day: date, last_day: date) -> Judgement:
    """The days of a desk's zone, judged on what its ledger holds."""
    with chosen_home(home):
        environment = read_environment()
        know_own_zones(environment.settings_folder / "zones.yaml")
        return _judged(environment, zone, days_between(first_day, last_day))


def _judged(environment: Environment, zone: str, days: tuple[date, ...]) -> Judgement:
    desk = desk_resource(environment, zones=[zone])
    settings = desk.zone(zone)
    first = days[0] - timedelta(days=settings.training_days)
    raw = read_feature_tables(
        make_lake(environment), zone, settings, first_day=first, last_day=days[-1], tables=JUDGED_TABLES
    )
    asked = Asked(
        zone=zone,
        days=days,
        source=Source.LAKE,
        model=settings.model,
        strategies=(),
        settled_against=None,
        distribution=None,
        assumed=Assumptions(),
    )
    strategies = read_strategies(asked, environment)
    setup = fresh_setup(raw, asked, strategies, model_profile(desk, settings.model), environment)
    coverages = [assess_coverage(setup.inputs, days, strategy) for strategy in strategies]
    _, judged = judge_strategies(setup, days, coverages)
    own, naive, n_forecast = _errors(setup.inputs.forecasts, raw["day_ahead_prices"], zone)
    advice = advise(judged, n_days=n_forecast, mae_eur_per_mwh=own, naive_mae_eur_per_mwh=naive)
    good = [one for one in judged if one.strategy.strategy in advice.strategies]
    return Judgement(advice=advice, limits=propose_limits(good))


def _errors(forecasts: pl.DataFrame, prices: pl.DataFrame, zone: str) -> tuple[float, float, int]:
    """Mean absolute error of the forecasts and of the naive ones on the same periods, and their days."""
    scored = scored_forecasts(forecasts, prices, zone=zone).drop_nulls(
        ["price_point_eur_per_mwh", "price_eur_per_mwh", "naive_eur_per_mwh"]
    )
    actual = pl.col("price_eur_per_mwh")
    own, naive = scored.select(
        (pl.col("price_point_eur_per_mwh") - actual).abs().mean().alias("own"),
        (pl.col("naive_eur_per_mwh") - actual).abs().mean().alias("naive"),
    ).row(0)
    errors = [math.nan if error is None else float(error) for error in (own, naive)]
    return errors[0], errors[1], scored["delivery_day"].n_unique()
