"""Two versions of a zone on the same days: both forecast, both traded on paper, both settled."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_raw
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.zones import Desk
from spot.contracts.signal_tables import SETTLEMENTS
from spot.errors import ForecastError
from spot.lifecycle.comparison import PAIR, ComparedVersion, compare_versions
from spot.market.delivery import ZoneDays, days_between
from spot.monitoring.watch import scored_forecasts
from spot.walk.inputs import empty_book
from spot.walk.signals import settle_walked, walk_signals
from workflows.decisions.inputs import walk_inputs
from workflows.forecasting.forecast_days import forecast_days

TABLE = "model_comparisons"
DEFAULT_DAYS = 56
"""Newest days that are compared unless a span is given: as many as the longest shadow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both sides and the rows of `model_comparisons`."""

    zone: str
    days: tuple[date, ...]
    a: ComparedVersion
    b: ComparedVersion
    rows: pl.DataFrame


def comparable_days(
    lake: Lake, a: ModelVersion, b: ModelVersion, *, first: date | None, last: date | None
) -> tuple[date, ...]:
    """The days of the range from which neither version learnt and that have features.

    Without a range, the newest `DEFAULT_DAYS` of them.

    Raises:
        ForecastError: there is no such day.
    """
    unseen = max(a.trained_through, b.trained_through) + timedelta(days=1)
    known = (
        lake.read("day_ahead_features", zones=[a.zone], first_day=unseen)["delivery_day"]
        .unique()
        .sort()
        .to_list()
    )
    newest = min(known[-1], last) if known and last else (known[-1] if known else unseen - timedelta(days=1))
    start = max(unseen, first or newest - timedelta(days=DEFAULT_DAYS - 1))
    days = tuple(day for day in days_between(start, newest) if day in set(known))
    if not days:
        raise ForecastError(
            f"versions {a.version} and {b.version} of {a.zone}: no day from {start} to {newest} from which"
            f" neither learnt (the first is {unseen})"
        )
    return days


def compare_zone(
    versions: tuple[ModelVersion, ModelVersion],
    days: Sequence[date],
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    *,
    state_folder: Path,
    now: datetime,
) -> Comparison:
    """Walk both versions over the same days as of each gate, and compare.

    The zone's strategies trade both on paper.
    """
    zone = versions[0].zone
    made = [forecast_days(version, days, "challenger", lake, desk, registry)[0] for version in versions]
    prices = read_raw(
        lake,
        "day_ahead_prices",
        zone,
        desk.zone(zone),
        first_day=days[0] - timedelta(days=8),
        last_day=days[-1],
    )
    settled = _paper_money(made, days, lake, desk, registry, state_folder=state_folder, now=now)
    a, b = (
        ComparedVersion(
            version=version.version,
            scored=scored_forecasts(frame, prices, zone=zone),
            settled=settled.filter(pl.col("model_version") == version.version),
        )
        for version, frame in zip(versions, made, strict=True)
    )
    return stored(lake, TABLE, zone, days, a, b)


def stored(
    lake: Lake, table: str, zone: str, days: Sequence[date], a: ComparedVersion, b: ComparedVersion
) -> Comparison:
    """The comparison of two versions, once its rows stand in the table."""
    rows = compare_versions(zone, a, b)
    lake.upsert(table, rows, by=PAIR)
    return Comparison(zone=zone, days=tuple(days), a=a, b=b, rows=rows)


def _paper_money(
    forecasts: Sequence[pl.DataFrame],
    days: Sequence[date],
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    *,
    state_folder: Path,
    now: datetime,
) -> pl.DataFrame:
    """Settlements of the signals that each version would have given, each on a desk of its own."""
    span = ZoneDays(str(forecasts[0]["zone"][0]), days[0], days[-1]) if forecasts[0].height else None
    if span is None:
        return SETTLEMENTS.empty()
    shared = walk_inputs(span, lake, desk, registry, state_folder, now)
    parts = [SETTLEMENTS.empty()]
    for frame in forecasts:
        inputs = replace(shared, forecasts=frame)
        walked = walk_signals(inputs, days, empty_book())
        parts.append(settle_walked(inputs, walked, days).filter(pl.col("role") == "challenger"))
    return pl.concat(parts)
