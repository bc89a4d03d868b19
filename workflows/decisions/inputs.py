"""What the signals of a span of days need, read from the lake: forecasts, prices, the desk as it stood.

No asset is defined here.
"""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import PRICE_TABLES, read_features, read_raw_tables, with_desk_curve
from resources.models.registry import ModelRegistry
from resources.settings.risk_limits import read_limit_book
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from resources.trading.state import TradingStateStore
from spot.contracts.feature_tables import DAY_AHEAD_FEATURES
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.walk.signals import HISTORY_DAYS, DeskBefore, WalkInputs
from workflows.forecasting.served_spread import served_spread

_MONEY_DAYS = 400
DRIFT_DAYS = 60
"""A verdict on drift that is older says nothing of today."""
_WORST = {"ok": 0, "not_assessed": 1, "alert": 2, "cannot_see": 3}


def walk_inputs(
    span: ZoneDays, lake: Lake, desk: Desk, registry: ModelRegistry, state_folder: Path, now: datetime
) -> WalkInputs:
    """Everything that decisions on the span depend on beside the desk."""
    zone, settings = span.zone, desk.zone(span.zone)
    since, spread = span.first_day - timedelta(days=HISTORY_DAYS), served_spread(span, desk, registry)
    raw = read_raw_tables(
        lake,
        zone,
        settings,
        first_day=since,
        last_day=span.last_day,
        tables=(*PRICE_TABLES, "load_forecasts"),
    )
    return WalkInputs(
        zone=zone,
        strategies=strategies_of(desk, zone),
        forecasts=lake.read(
            "day_ahead_forecasts", zones=[zone], first_day=span.first_day, last_day=span.last_day
        ),
        raw=with_desk_curve(raw, lake, zone, first_day=span.first_day, last_day=span.last_day),
        limits=read_limit_book(Path(desk.conf_folder) / "risk_limits.yaml"),
        trading_state=TradingStateStore(state_folder).state(zone),
        now=now,
        trained_through={version.version: version.trained_through for version in registry.versions(zone)},
        drift_status=drift_status(lake, zone, before=span.first_day),
        spread=spread,
        features=DAY_AHEAD_FEATURES.empty()
        if spread is None or not spread.models
        else read_features(lake, zone, settings, first_day=span.first_day, last_day=span.last_day),
        is_live=settings.live,
    )


def desk_before(span: ZoneDays, lake: Lake, now: datetime) -> DeskBefore:
    """The desk's signals and money that a walk over the span may see.

    Of its own zone only earlier days. Of other zones everything while a gate is open; in a replay their days
    of the span count only where their name comes first, which is the order in which a replay works through
    the zones.
    """
    is_replay = gate_closure_utc(span.zone, span.last_day) <= now
    signals = lake.read("signals", first_day=span.first_day - timedelta(days=1), last_day=span.last_day)
    settlements = lake.read(
        "settlements", first_day=span.first_day - timedelta(days=_MONEY_DAYS), last_day=span.last_day
    )
    is_earlier = pl.col("delivery_day") < span.first_day
    is_other = (pl.col("zone") < span.zone) if is_replay else (pl.col("zone") != span.zone)
    visible = is_earlier | is_other
    return DeskBefore(signals=signals.filter(visible), settlements=settlements.filter(visible))


def drift_status(lake: Lake, zone: str, *, before: date) -> str:
    """The newest verdict on drift from before a day.

    Ok, alert, cannot_see, or not_assessed where there is none.
    """
    verdicts = lake.read(
        "feature_drift",
        zones=[zone],
        first_day=before - timedelta(days=DRIFT_DAYS),
        last_day=before - timedelta(days=1),
    )
    if verdicts.is_empty():
        return "not_assessed"
    newest = verdicts.filter(pl.col("delivery_day") == pl.col("delivery_day").max())
    return str(max(newest["status"].unique().to_list(), key=_WORST.__getitem__))
