"""Forecasting a span of days with the versions that serve them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

import numpy as np
import polars as pl

from resources.lake.lake import Lake, WriteReport
from resources.lake.zone_tables import lineage_of, read_features, read_raw, read_span, replace_span
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS
from spot.contracts.words import Role
from spot.errors import ModelError
from spot.features.known_prices import known_prices
from spot.features.matrix import build_panel
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.market.price_limits import day_ahead_price_limits
from spot.monitoring.day_checks import DayVerdict
from spot.strategy.readiness.forecast_readiness import assess_forecast_readiness
from spot.walk.forecasts import ForecastAuthor, WalkedDay, forecast_frame, walk_forward
from workflows.forecasting.canary import canaries, version_before
from workflows.forecasting.ladder import climb_down
from workflows.forecasting.warm_models import give_back, take_forecaster

_TABLE = DAY_AHEAD_FORECASTS.name


@dataclass(frozen=True, slots=True)
class MadeForecasts:
    """Forecasts under contract, the versions that made them, and why days have none."""

    frame: pl.DataFrame
    versions: tuple[str, ...]
    problems: tuple[str, ...]
    passed_over: tuple[tuple[str, pl.DataFrame], ...] = ()
    """Serving version, and what it said on days on which its errors forbid it; none in the usual case."""

    @property
    def fallbacks(self) -> dict[str, date]:
        """Who stands in and why, to the first such day of the span."""
        rows = self.frame.drop_nulls("fallback").group_by("fallback").agg(pl.col("delivery_day").min())
        return dict(rows.sort("delivery_day", "fallback").iter_rows())


def champion_forecasts(span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry) -> MadeForecasts:
    """The forecasts of the version that serves each day of the span, or of who stands in for it."""

    def forecast(version: ModelVersion, days: Sequence[date]) -> tuple[pl.DataFrame, list[str]]:
        return forecast_days(version, days, "champion", lake, desk, registry)

    serving = registry.serving(span.zone, span.days, lineage_of(desk.zone(span.zone)))
    frames, problems = [DAY_AHEAD_FORECASTS.empty()], list[str]()
    versions, passed_over = list[str](), list[tuple[str, pl.DataFrame]]()
    for version, group in groupby(span.days, key=lambda day: serving[day]):
        days = list(group)
        if version is None:
            problems.append(f"no champion serves {days[0]} to {days[-1]}")
            continue
        made = climb_down(version, days, lake, desk, registry, forecast)
        frames.append(made.frame)
        problems += made.problems
        versions += made.versions
        passed_over.append((version.version, made.passed_over))
    return MadeForecasts(
        pl.concat(frames), tuple(dict.fromkeys(versions)), tuple(problems), tuple(passed_over)
    )


def challenger_forecasts(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Version and shadow forecasts of each challenger, for the days of the span that it may forecast."""
    lineage = lineage_of(desk.zone(span.zone))
    for version in registry.versions(span.zone):
        days = [day for day in span.days if day >= version.serves_from]
        if version.stage == "challenger" and version.lineage == lineage and days:
            yield version.version, forecast_days(version, days, "challenger", lake, desk, registry)[0]
    yield from _before_canary(span, lake, desk, registry)


def _before_canary(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry
) -> Iterator[tuple[str, pl.DataFrame]]:
    """The version before a canary goes on in the shadow, so that the canary can be judged beside it."""
    versions, settings = registry.versions(span.zone), promotion_settings(desk).canary
    serving, ends = registry.champion(span.zone), canaries(versions, settings)
    if serving is None or serving.version not in ends:
        return
    before = version_before(serving, [one for one in versions if one.stage == "champion"])
    days = [day for day in span.days if serving.serves_from <= day < ends[serving.version]]
    if before is None or not days:
        return
    try:
        yield before.version, forecast_days(before, days, "challenger", lake, desk, registry)[0]
    except ModelError:
        return  # a version that cannot be read judges nobody


def write_forecasts(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry
) -> tuple[MadeForecasts, WriteReport]:
    """Forecast the span and write it.

    Returns the champion's rows. Those of each challenger are written beside them.
    """
    made = champion_forecasts(span, lake, desk, registry)
    report = replace_span(lake, _TABLE, made.frame, span, only={"role": "champion"})
    stored = read_span(lake, _TABLE, span).filter(pl.col("role") == "challenger")["model_version"].unique()
    for version, silent in made.passed_over:
        if silent.height or version in stored:
            shadow = silent.with_columns(role=pl.lit("challenger"))
            replace_span(lake, _TABLE, shadow, span, only={"role": "challenger", "model_version": version})
    for version, shadow in challenger_forecasts(span, lake, desk, registry):
        only = {"role": "challenger", "model_version": version}
        replace_span(lake, _TABLE, shadow, span, only=only)
    return made, report


def assess_readiness(forecast: pl.DataFrame, span: ZoneDays, now: datetime) -> DayVerdict:
    """The readiness verdict, as the signals ask it, for every day of the span as of its decision.

    The decision is at the gate, or now before the gate.
    """
    reasons = {}
    for day in span.days:
        verdict = assess_forecast_readiness(
            forecast, zone=span.zone, delivery_day=day, as_of_utc=min(now, gate_closure_utc(span.zone, day))
        )
        if not verdict.is_ready:
            reasons[day] = f"{day}: {'; '.join(verdict.reasons)}"
    return DayVerdict(span.days, tuple(reasons), tuple(reasons.values())[:5])


def assess_limits(forecast: pl.DataFrame, days: Sequence[date]) -> DayVerdict:
    """Days whose point forecast is outside the limits of the auction."""
    spans = forecast.group_by("zone", "delivery_day").agg(
        low=pl.col("price_point_eur_per_mwh").min(), high=pl.col("price_point_eur_per_mwh").max()
    )
    reasons = {}
    for zone, day, low, high in spans.iter_rows():
        limits = day_ahead_price_limits(day, zone)
        if not limits.minimum_eur_per_mwh <= low <= high <= limits.maximum_eur_per_mwh:
            reasons[day] = f"{day}: forecast from {low:g} to {high:g} EUR/MWh"
    failed = tuple(day for day in days if day in reasons)
    return DayVerdict(tuple(days), failed, tuple(reasons[day] for day in failed[:5]))


def forecast_days(
    version: ModelVersion,
    days: Sequence[date],
    role: Role,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
) -> tuple[pl.DataFrame, list[str]]:
    """Forecasts of one version for some days, each as of its gate, and why days have none.

    A replay of a stored forecast calls it too.
    """
    zone, settings = version.zone, desk.zone(version.zone)
    # The model holds every day that it learnt from. It gets the days since then, the newest of them with
    # their prices.
    first_day = version.trained_through + timedelta(days=1)
    features = read_features(lake, zone, settings, first_day=first_day, last_day=days[-1])
    if features.filter(pl.col("delivery_day").is_in(list(days))).is_empty():
        return DAY_AHEAD_FORECASTS.empty(), [f"no features from {days[0]} to {days[-1]}"]
    prices = read_raw(lake, "day_ahead_prices", zone, settings, first_day=first_day, last_day=days[-1])
    panel = build_panel(features, prices, zone=zone)
    published = known_prices(
        prices, zone=zone, first_day=panel.days[0].astype(object), last_day=panel.last_day
    )
    walked: list[WalkedDay] = []
    for run in published.between_revisions(days):
        before = panel.first(int((panel.days <= np.datetime64(run[-1])).sum()))
        known = published.as_of(before, gate_closure_utc(zone, run[-1]))
        forecaster = take_forecaster(registry, version, known, run[0])
        walked += walk_forward(forecaster, panel, run, published=published)
        if all(day.forecast is not None for day in walked) and not published.late_days():
            give_back(registry, version, known, forecaster, run)
    frame = forecast_frame(
        walked,
        features.filter(pl.col("delivery_day").is_in(list(days))),
        ForecastAuthor(model_name=version.name, model_version=version.version, role=role),
    )
    made = set(frame["delivery_day"].unique().to_list())
    return frame, [
        day.reason or f"{day.delivery_day}: nothing was known at the gate"
        for day in walked
        if day.delivery_day not in made
    ]
