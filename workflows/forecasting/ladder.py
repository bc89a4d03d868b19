"""What serves where the serving version cannot: the last good version, then the naive forecast, then nothing.

A version cannot serve a day when its files are damaged, or when its errors as known at the gate of the day
break the bound of `conf/promotion.yaml`. A day whose inputs are missing is no such day: it stays flat.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features, read_raw
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.plugins.members import new_forecaster
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from spot.contracts.forecast_tables import DAY_AHEAD_FORECASTS
from spot.contracts.vintages import known_at
from spot.contracts.words import NAIVE_VERSION
from spot.errors import ForecastError, ModelError
from spot.features.known_prices import known_prices
from spot.features.matrix import build_panel
from spot.lifecycle.fallback import FallbackSettings, why_passed_over
from spot.lifecycle.serving import serving_version
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.walk.forecasts import ForecastAuthor, forecast_frame, walk_forward

Forecast = Callable[[ModelVersion, Sequence[date]], tuple[pl.DataFrame, list[str]]]
"""Rows of a version for some days as the champion's, and why days have none."""
_NAIVE = {"kind": "naive", "rule": "weekly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderDays:
    """Forecasts of the days of one serving version, whoever made them."""

    frame: pl.DataFrame
    """Contract `day_ahead_forecasts`, role champion; `fallback` says who stands in and why."""
    passed_over: pl.DataFrame
    """What the serving version said on days for which its errors forbid it: kept on paper."""
    versions: tuple[str, ...]
    problems: tuple[str, ...]
    """Why days have no forecast."""


def climb_down(
    version: ModelVersion,
    days: Sequence[date],
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    forecast: Forecast,
) -> LadderDays:
    """Forecasts of `days`, which `version` serves, from the first rung that holds on each day."""
    settings = promotion_settings(desk).fallback
    made, problems, damage = _of_version(version, days, forecast)
    why = dict.fromkeys(days, damage) if damage else _broken(version, made, days, lake, desk, settings)
    fallen = [day for day in days if why.get(day)]
    frames = [made.filter(~pl.col("delivery_day").is_in(fallen))]
    said = [f"{day}: version {version.version}: {why[day]}" for day in fallen]
    for name, rows in _rungs(version, fallen, lake, desk, registry, settings, forecast):
        left = [day for day in fallen if day in set(rows["delivery_day"].to_list())]
        frames += [_marked(rows, day, f"{name}, since version {version.version}: {why[day]}") for day in left]
        fallen = [day for day in fallen if day not in left]
        if not fallen:
            break
    lost = [text for text in said if any(text.startswith(str(day)) for day in fallen)]
    frame = pl.concat(frames)
    return LadderDays(
        frame=frame,
        passed_over=made.filter(pl.col("delivery_day").is_in([day for day in days if why.get(day)])),
        versions=tuple(frame["model_version"].unique(maintain_order=True).to_list()),
        problems=(*problems, *lost),
    )


def _of_version(
    version: ModelVersion, days: Sequence[date], forecast: Forecast
) -> tuple[pl.DataFrame, list[str], str]:
    """Rows, why days have none, and why the version cannot be read at all."""
    try:
        return (*forecast(version, days), "")
    except ModelError as error:
        return DAY_AHEAD_FORECASTS.empty(), [], str(error)


def _rungs(
    version: ModelVersion,
    days: list[date],
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    settings: FallbackSettings,
    forecast: Forecast,
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Who may stand in, best first, with the days that it may serve. Nothing is made that nobody asks for."""
    if not days:
        return
    tried = {version.version}
    for _ in range(settings.earlier_versions):
        others = [one for one in registry.versions(version.zone) if one.version not in tried]
        earlier = serving_version(None, others, days[0], version.lineage)
        if earlier is None:
            break
        tried.add(earlier.version)
        # Its errors of the days before are not stored, because it did not serve: it is walked over them.
        since = max(days[0] - timedelta(days=settings.error_days), earlier.serves_from)
        rows, _, damage = _of_version(earlier, days_between(since, days[-1]), forecast)
        broken = {} if damage else _broken(earlier, rows, days, lake, desk, settings)
        good = [day for day in days if not broken.get(day)]
        yield f"earlier version {earlier.version}", rows.filter(pl.col("delivery_day").is_in(good))
    if settings.uses_naive:
        yield "the naive forecast", naive_forecast(version.zone, days, lake, desk, settings)


def naive_forecast(
    zone: str, days: Sequence[date], lake: Lake, desk: Desk, settings: FallbackSettings
) -> pl.DataFrame:
    """The price of a week before, with intervals from its own past errors; days without one are left out.

    Each day is learnt for alone, so that it has the same rows among others.
    """
    made = [_naive_day(zone, day, lake, desk, settings) for day in days]
    return pl.concat([DAY_AHEAD_FORECASTS.empty(), *made])


def _naive_day(zone: str, day: date, lake: Lake, desk: Desk, settings: FallbackSettings) -> pl.DataFrame:
    own, since = desk.zone(zone), day - timedelta(days=settings.naive_days)
    features = read_features(lake, zone, own, first_day=since, last_day=day)
    asked = features.filter(pl.col("delivery_day") == day)
    prices = read_raw(lake, "day_ahead_prices", zone, own, first_day=since, last_day=day)
    if asked.is_empty() or prices.is_empty():
        return DAY_AHEAD_FORECASTS.empty()
    panel = build_panel(features, prices, zone=zone)
    first: date = panel.days[0].astype(object)
    published = known_prices(prices, zone=zone, first_day=first, last_day=panel.last_day)
    learnt = published.as_of(panel.first((day - first).days), gate_closure_utc(zone, day))
    try:
        fitted = new_forecaster(_NAIVE).fit(learnt)
    except ForecastError:
        return DAY_AHEAD_FORECASTS.empty()
    author = ForecastAuthor(model_name=NAIVE_VERSION, model_version=NAIVE_VERSION, role="champion")
    return forecast_frame(walk_forward(fitted, panel, [day], published=published), asked, author)


def _broken(
    version: ModelVersion,
    made: pl.DataFrame,
    days: Sequence[date],
    lake: Lake,
    desk: Desk,
    settings: FallbackSettings,
) -> dict[date, str]:
    """Day to why the version's errors, as known at its gate, forbid it to serve; only days of `made`."""
    zone, own = version.zone, desk.zone(version.zone)
    first = days[0] - timedelta(days=settings.error_days)
    stored = lake.read(
        "day_ahead_forecasts", zones=[zone], first_day=first, last_day=days[0] - timedelta(days=1)
    )
    columns = ["delivery_day", "delivery_start_utc", "price_point_eur_per_mwh"]
    before = stored.filter(pl.col("model_version") == version.version)
    rows = pl.concat([made.select(columns), before.select(columns)]).unique(columns[1], maintain_order=True)
    vintages = read_raw(
        lake, "day_ahead_prices", zone, own, first_day=first - timedelta(days=8), last_day=days[-1]
    )
    found = {}
    for day in sorted(set(made["delivery_day"].to_list()) & set(days)):
        known = known_at(vintages, gate_closure_utc(zone, day)).select(
            "delivery_start_utc", "price_eur_per_mwh"
        )
        found[day] = why_passed_over(rows, known.unique("delivery_start_utc"), day, settings)
    return found


def _marked(rows: pl.DataFrame, day: date, text: str) -> pl.DataFrame:
    return rows.filter(pl.col("delivery_day") == day).with_columns(fallback=pl.lit(text))
