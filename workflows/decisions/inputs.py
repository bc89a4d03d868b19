"""Inputs of the signals of a span of days, read from the lake.

They are forecasts, prices, and the desk's book before the span.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_features, read_raw_tables, with_desk_curve
from resources.models.registry import ModelRegistry
from resources.settings.policies import promotion_settings
from resources.settings.risk_limits import read_limit_book
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from resources.trading.state import TradingStateStore
from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.market.delivery import ZoneDays
from spot.risk.exposure import worst_drift
from spot.strategy.by_hand.changes import also_changed
from spot.strategy.interface import Strategy
from spot.walk.inputs import HISTORY_DAYS, MONEY_DAYS, Book, WalkInputs, history_days
from workflows.forecasting.canary import canaries
from workflows.forecasting.served_spread import served_spread

DRIFT_DAYS = 60
"""Age in days from which a verdict on drift says nothing about today. Chosen by hand; not tuned."""


def walk_inputs(
    span: ZoneDays,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    state_folder: Path,
    now: datetime,
    *,
    strategies: tuple[Strategy, ...] | None = None,
) -> WalkInputs:
    """Everything that decisions on the span depend on, except the book.

    `strategies` replaces the zone's own.
    """
    zone, settings = span.zone, desk.zone(span.zone)
    strategies = strategies_of(desk, zone) if strategies is None else strategies
    spreads = served_spread(span, strategies, desk, registry)
    raw = read_raw_tables(
        lake,
        zone,
        settings,
        first_day=span.first_day - timedelta(days=history_days(strategies)),
        last_day=span.last_day,
        tables=(*SETTLING_TABLES, "load_forecasts"),
    )
    versions, canary = registry.versions(zone), promotion_settings(desk).canary
    return WalkInputs(
        zone=zone,
        strategies=strategies,
        forecasts=lake.read(
            "day_ahead_forecasts",
            zones=[zone],
            first_day=span.first_day - timedelta(days=HISTORY_DAYS),
            last_day=span.last_day,
        ),
        raw=with_desk_curve(raw, lake, zone, first_day=span.first_day, last_day=span.last_day),
        limits=read_limit_book(Path(desk.conf_folder) / "risk_limits.yaml"),
        trading_state=TradingStateStore(state_folder).state(zone),
        now=now,
        trained_through={version.version: version.trained_through for version in versions},
        canaries=canaries(versions, canary),
        canary_share=canary.share_of_mw,
        drift_status=drift_statuses(lake, zone, span.days),
        spread_sources=spreads,
        features=(
            read_features(lake, zone, settings, first_day=span.first_day, last_day=span.last_day)
            if any(source.models for source in spreads.values())
            else DAY_AHEAD_FEATURES.empty()
        ),
        is_live=settings.live,
    )


def book_before(span: ZoneDays, lake: Lake) -> Book:
    """The desk's signals and P&L that a walk over the span may see.

    They are those of its own zone up to the span, and all of other zones, as people have changed them.
    """
    signals = lake.read("signals", first_day=span.first_day - timedelta(days=1), last_day=span.last_day)
    settlements = lake.read(
        "settlements", first_day=span.first_day - timedelta(days=MONEY_DAYS), last_day=span.last_day
    )
    changed = lake.read("order_overrides", first_day=span.first_day, last_day=span.last_day)
    others = changed.filter(pl.col("zone") != span.zone)
    signals = also_changed(signals, others)
    is_before = (pl.col("delivery_day") < span.first_day) | (pl.col("zone") != span.zone)
    return Book(signals=signals.filter(is_before), settlements=settlements.filter(is_before))


def drift_statuses(lake: Lake, zone: str, days: Sequence[date]) -> dict[date, str]:
    """Per day the newest drift verdict of an earlier day, the worst of its features.

    It is `not_assessed` where there is none, and where inputs are too young to be judged: the monitor has
    nothing to compare with yet, which is neither drift nor blindness. A verdict on a day rests on inputs as
    of that day's gate, so all of it was known at the gate of the next day.
    """
    rows = lake.read(
        "feature_drift",
        zones=[zone],
        first_day=days[0] - timedelta(days=DRIFT_DAYS),
        last_day=days[-1] - timedelta(days=1),
    )
    seen = pl.col("status").replace("too_young", "not_assessed")
    verdicts = {
        day: worst_drift(statuses)
        for day, statuses in rows.group_by("delivery_day").agg(seen.unique()).iter_rows()
    }
    return {day: _newest_before(verdicts, day) for day in days}


def _newest_before(verdicts: dict[date, str], day: date) -> str:
    judged = [other for other in verdicts if day - timedelta(days=DRIFT_DAYS) <= other < day]
    return verdicts[max(judged)] if judged else "not_assessed"
