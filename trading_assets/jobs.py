"""Jobs, each named by its outcome.

Every job has a `max_runtime`, so a run that hangs or was killed is cleared.
"""

from collections.abc import Sequence
from typing import Any

from dagster import AssetSelection, define_asset_job

from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from trading_assets.partitions import ONLY_WITH_TAG

_OWN_FORECASTS = AssetSelection.tag(ONLY_WITH_TAG, "own_forecasts")
_EARLIER = AssetSelection.tag(ONLY_WITH_TAG, "earlier_inputs")
_LIVE_FEEDS = AssetSelection.tag(ONLY_WITH_TAG, "live_source")
"""Assets that only some desks have. Where the desk has none, nothing is selected."""
DESK, HEAVY = "desk", "heavy"
"""Queues of a desk on several hosts: what a gate waits for, and what takes long."""
QUEUE_TAG = "dagster-celery/queue"
DECIDING = (
    *("day_ahead_forecast", "signals"),
    *("bid_curves", "block_orders", "risk_events", "limit_conformance"),
)
SPREAD_SHADOW = ("spread_forecasts", "spread_shadow_signals")
TRAINING = (
    "training_set",
    "price_model",
    "model_evaluation",
    "champion",
    "spread_training_set",
    "spread_model",
    "spread_evaluation",
    "spread_champion",
)
JUDGING = (
    "settlement",
    "spread_shadow_settlements",
    "data_quality",
    "feature_drift",
    "reported_drift",
    "forecast_performance",
    "forecast_explanations",
    "risk_limit_conformance",
)


def _job(
    name: str,
    assets: Sequence[str],
    description: str,
    *,
    minutes: int,
    priority: int = 0,
    kind: str = "trading",
    queue: str = DESK,
    and_where_present: AssetSelection | None = None,
) -> Any:
    tags = {
        "dagster/max_runtime": str(60 * minutes),
        "dagster/priority": str(priority),
        "spotdesk/kind": kind,
        QUEUE_TAG: queue,
    }
    selection: AssetSelection = AssetSelection.assets(*assets)
    if and_where_present is not None:
        selection = selection | and_where_present
    return define_asset_job(name, selection=selection, description=description, tags=tags)


history_loaded = _job(
    "history_loaded",
    [*RAW_TABLES_OF_A_ZONE, "day_ahead_features"],
    "Raw data and features of a range of days are in the lake.",
    minutes=120,
    queue=HEAVY,
    and_where_present=_OWN_FORECASTS | _EARLIER,
)
signals_ready = _job(
    "signals_ready",
    [
        *RAW_TABLES_OF_A_ZONE,
        "day_ahead_features",
        *DECIDING,
        *SPREAD_SHADOW,
        "published_signals",
        "signal_reasons",
    ],
    "From new data to signals for one delivery day: the run that must finish before the gate.",
    minutes=20,
    priority=10,
    and_where_present=_OWN_FORECASTS | _EARLIER,
)
auction_results_loaded = _job(
    "auction_results_loaded",
    ["day_ahead_prices"],
    "The auction's prices are in the lake.",
    minutes=20,
    priority=5,
)
delivered_days_settled = _job(
    "delivered_days_settled",
    [
        "day_ahead_prices",
        "intraday_prices",
        "imbalance_prices",
        "load_actuals",
        "generation_actuals",
        *JUDGING,
    ],
    "Delivered days are settled, and inputs and forecasts are judged.",
    minutes=60,
)
zone_retrained = _job(
    "zone_retrained",
    TRAINING,
    "A new version is trained, judged and, on evidence, promoted.",
    minutes=180,
    queue=HEAVY,
    priority=-5,
    kind="training",
)
challengers_reviewed = _job(
    "challengers_reviewed",
    ["champion", "model_comparison", "spread_champion", "spread_comparison"],
    "The shadow days of every challenger are judged.",
    minutes=20,
)
history_traded = _job(
    "history_traded",
    [*DECIDING, *SPREAD_SHADOW, *JUDGING],
    "A block of history is forecast, traded on paper, settled and judged.",
    minutes=120,
    queue=HEAVY,
)
signals_explained = _job(
    "signals_explained",
    ["signal_reasons"],
    "What moved the forecast behind a day's signals is written down.",
    minutes=20,
)
database_published = _job(
    "database_published", ["analyst_database"], "Analysts see the newest tables.", minutes=20, queue=HEAVY
)

raw_captured = _job(
    "raw_captured",
    RAW_TABLES_OF_A_ZONE,
    "The live sources of a zone were asked again; changed values are new vintages.",
    minutes=20,
    and_where_present=_OWN_FORECASTS | _EARLIER | _LIVE_FEEDS,
)
sources_watched = _job(
    "sources_watched",
    ["publication_lags"],
    "How fresh every source is, and when it really publishes.",
    minutes=20,
)

JOBS = (
    history_loaded,
    signals_ready,
    auction_results_loaded,
    delivered_days_settled,
    zone_retrained,
    challengers_reviewed,
    history_traded,
    signals_explained,
    database_published,
    raw_captured,
    sources_watched,
)
