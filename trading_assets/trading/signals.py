"""Signals: what the desk wants to buy and sell in each market time unit, flat included.

They have reasons and limits.

One decision writes five tables, and each is an asset: signals, bid curves, block orders, risk events, and the
use of each limit.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl
from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetExecutionContext,
    MaterializeResult,
    MetadataValue,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import read_span
from resources.models.registry import ModelRegistry
from resources.pictures.asset_metadata import lineage, written
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from resources.trading.state_folder import StateFolder
from spot.contracts.raw_tables import SETTLING_TABLES
from spot.monitoring.day_checks import assess_completeness
from spot.strategy.near_limits import near_in_words, near_limits
from trading_assets.checks import conformance_result, result
from trading_assets.frame.declared import AssetResult, Declaration, declared_assets, declared_check
from trading_assets.frame.reads import PRICE_MODELS, SPREAD_MODELS, of_days_before, of_zone
from trading_assets.partitions import covered
from workflows.decisions.decide import Decision, alert_on_decision, decide_span
from workflows.decisions.inputs import DRIFT_DAYS
from workflows.decisions.live_record import KEPT_BECAUSE
from workflows.monitoring.rows import tightest_limits

_LINEAGE = lineage(
    {
        "expected_price_eur_per_mwh": [("day_ahead_forecast", "price_q500_eur_per_mwh")],
        "model_version": [("day_ahead_forecast", "model_version")],
        "volume_mw": [
            ("day_ahead_forecast", "price_q500_eur_per_mwh"),
            ("intraday_prices", "price_eur_per_mwh"),
        ],
    }
)


_SIGNALS = Declaration(
    name="signals",
    group="signals",
    kinds=frozenset({"polars", "deltalake"}),
    table="signals",
    description=(
        "Side, MW and limit price per market time unit and strategy, as of the gate, after readiness, trading"
        " state and limits.\n\nNo valid forecast, no champion, stale input, a halted desk or an unreadable"
        " limit: flat, with the reason in every row, and an alert. A day that was live and whose gate has"
        " passed keeps its signals, whatever is materialised again."
    ),
    reads=[
        "day_ahead_forecasts",
        "day_ahead_features",
        "load_forecasts",
        "order_overrides",
        *SETTLING_TABLES,
        of_days_before("feature_drift", first=DRIFT_DAYS, last=1),
        of_zone(PRICE_MODELS),
        of_zone(SPREAD_MODELS),
    ],
    writes=["override_conformance"],
)


def _beside_signals(table: str, description: str) -> Declaration:
    return Declaration(
        name=table,
        group="signals",
        kinds=frozenset({"polars", "deltalake"}),
        table=table,
        description=description,
        reads=["signals"],
    )


@declared_assets(
    per="zone and day",
    name="signals",
    assets=[
        _SIGNALS,
        _beside_signals(
            "bid_curves",
            "Steps of price and volume behind each signal of a strategy that bids a whole curve.",
        ),
        _beside_signals(
            "block_orders",
            "Block orders in exclusive groups behind a plan among whose hours the auction chooses.",
        ),
        _beside_signals(
            "risk_events",
            "What cut, blocked or halted a signal, one row per event: the audit trail of a decision.",
        ),
        _beside_signals(
            "limit_conformance",
            "How much of each risk limit was used before each signal, and the headroom. Written last: its"
            " rows say that the decision is complete and may be sent.",
        ),
    ],
)
def signals(
    context: AssetExecutionContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    clock: Clock,
    alerts: Alerts,
    state_folder: StateFolder,
) -> Iterable[AssetResult]:
    """Decide the days of the run, write the five tables, raise the alerts."""
    made = decide_span(covered(context), lake, desk, registry, clock, Path(state_folder.path))
    alert_on_decision(made, alerts)
    facts = {"signals": {**_facts(made), "dagster/column_lineage": _LINEAGE}}
    for table, (rows, report) in made.written.items():
        yield MaterializeResult(asset_key=table, metadata={**written(rows, report), **facts.get(table, {})})


def _facts(made: Decision) -> dict[str, Any]:
    names = ", ".join(strategy.strategy for strategy in made.inputs.strategies)
    facts = {"orders": made.n_orders, "flat_days": len(made.walked.not_ready), "strategies": names}
    kept = len(made.record.days)
    return facts | ({"kept_days": kept, "kept_because": KEPT_BECAUSE} if kept else {})


@declared_check(
    asset="signals",
    description="Every market time unit of every day has its row, flat included.",
    reads=["signals"],
)
def every_unit_has_a_signal(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """A missing row is an alarm, not a flat position."""
    span = covered(context)
    rows = read_span(lake, "signals", span)
    champion = rows.filter(pl.col("role") == "champion").with_columns(series=pl.col("strategy"))
    verdict = assess_completeness(champion, zone=span.zone, days=span.days)
    return result("every_unit_has_a_signal", "signals", verdict)


@declared_check(
    asset="limit_conformance",
    description="No signal exceeds a limit, and every limit could be measured.",
    reads=["limit_conformance"],
)
def every_limit_is_kept(context: AssetCheckExecutionContext, lake: Lake) -> AssetCheckResult:
    """Conformance of the champion's signals: breaches fail, denials warn.

    It shows the tightest headroom, the limits of which 80 % are used, and those that acted.
    """
    span = covered(context)
    rows = read_span(lake, "limit_conformance", span)
    near = [near_in_words(row) for row in near_limits(rows).iter_rows(named=True)]
    return conformance_result(
        rows,
        tightest=MetadataValue.json(tightest_limits(rows).to_dicts()),
        above_80_percent=MetadataValue.json(near),
    )
