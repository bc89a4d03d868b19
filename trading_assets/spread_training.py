"""Models of the spread between the auction and a zone's second price: what one learns from, and which one serves a day. No asset is defined here."""

import json
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256

import numpy as np
import polars as pl

from resources.alerts import Alerts
from resources.code_version import spread_code_version
from resources.desk_settings import Desk, ZoneSettings
from resources.lake import Lake
from resources.policy_settings import promotion_settings
from resources.registry import SPREAD_FAMILY, ModelRegistry, ModelVersion
from resources.zone_data import lineage_of, read_features, read_raw_tables
from spot.backtest.decisions import decision_row
from spot.backtest.refits import decide_refit
from spot.backtest.spread_sources import MEMORY_DAYS, ServedSpread, SpreadMoment, daily_pinball_losses
from spot.backtest.walk_forward import fingerprint_of_rows
from spot.contracts.panel import Floats
from spot.errors import ForecastError, ModelIntegrityError
from spot.market.gates import gate_closure_utc
from spot.strategy.settings import SettlementSpreadSettings, load_strategy_settings
from spot.strategy.spread_model import CatBoostSpread, CatBoostSpreadSettings, SpreadModel
from trading_assets.partitions import ZoneDays
from trading_assets.promotion import ask_for_signature, decision_context, record_once
from trading_assets.training import TrainingWindow

PRICE_TABLES = ("day_ahead_prices", "intraday_prices", "imbalance_prices")
WINDOW_DAYS = 365
MIN_DAYS = 60


def spread_strategy(desk: Desk, zone: str) -> SettlementSpreadSettings | None:
    """The zone's strategy that asks for a fitted model of the spread, if there is one."""
    loaded = (load_strategy_settings(desk.document("strategies", name)) for name in desk.zone(zone).strategies)
    return next((one for one in loaded if isinstance(one, SettlementSpreadSettings) and one.distribution == "catboost"), None)


def spread_lineage(settings: ZoneSettings, strategy: SettlementSpreadSettings) -> str:
    """Which data a model of the spread stands on, and against which second price: models of different lineage never stand in for each other."""
    return f"{lineage_of(settings)} against {strategy.settled_against}"


def moment_at(window: TrainingWindow, lake: Lake, desk: Desk, strategy: SettlementSpreadSettings, *, now: datetime) -> SpreadMoment:
    """What is known, at the gate of the first day that is served or now before it, of the days that a model learns from and is judged on."""
    settings, zone, day = desk.zone(window.zone), window.zone, window.serves_from
    first = max(window.first_day, window.learn_through - timedelta(days=WINDOW_DAYS)) - timedelta(days=MEMORY_DAYS)
    raw = read_raw_tables(lake, zone, settings, first_day=first, last_day=window.evaluate_through, tables=PRICE_TABLES)
    features = read_features(lake, zone, settings, first_day=first, last_day=window.evaluate_through)
    return SpreadMoment(zone, day, min(now, gate_closure_utc(zone, day)), raw, features, strategy.settled_against)


def spread_fingerprint(inputs: pl.DataFrame, spreads: Floats, *, lineage: str, window: TrainingWindow, model: CatBoostSpreadSettings) -> str:
    """Identity of a version: settings, the bytes it learnt from, and the code that learnt."""
    days = [str(day) for day in (window.first_day, window.learn_through, window.evaluate_through)]
    parts = [json.dumps(model.model_dump(), sort_keys=True), lineage, spread_data_version(inputs, spreads), *days, spread_code_version()]
    return sha256("|".join(parts).encode()).hexdigest()[:32]


def spread_data_version(inputs: pl.DataFrame, spreads: Floats) -> str:
    """Fingerprint of every number, and of their names, that a model of the spread learns from."""
    rows = inputs.with_columns(spread=pl.Series(spreads, dtype=pl.Float64))
    names = [name for name in rows.columns if rows.schema[name].is_numeric()]
    named = sha256("|".join([fingerprint_of_rows(rows, names), *names]).encode()).hexdigest()[:32]
    return f"spread:{named}"


def served_spread(span: ZoneDays, desk: Desk, registry: ModelRegistry) -> ServedSpread | None:
    """The model of each day of the span; None where no strategy asks for one. A day nobody serves, or whose files are damaged, has none."""
    strategy = spread_strategy(desk, span.zone)
    if strategy is None:
        return None
    spreads = registry.of_family(SPREAD_FAMILY)
    serving = spreads.serving(span.zone, span.days, spread_lineage(desk.zone(span.zone), strategy))
    loaded = _load(spreads, [version for version in serving.values() if version is not None])
    return ServedSpread(
        {day: (version.version, loaded[version.version]) for day, version in serving.items() if version is not None and version.version in loaded}
    )


def _load(spreads: ModelRegistry, versions: Sequence[ModelVersion]) -> dict[str, SpreadModel]:
    """Version to model, its files compared with their checksums first; a damaged one is left out, so its days are flat."""
    models: dict[str, SpreadModel] = {}
    for version in {version.version: version for version in versions}.values():
        try:
            models[version.version] = CatBoostSpread.from_files(spreads.files(version))
        except ModelIntegrityError:
            continue
    return models


def judge_spread(
    version: ModelVersion,
    moment: SpreadMoment,
    days: Sequence[date],
    spreads: ModelRegistry,
    lake: Lake,
    desk: Desk,
    alerts: Alerts,
    *,
    now: datetime,
) -> ModelVersion:
    """Judge a candidate as stored on `days` that it never saw, record the decision, then carry it out; where a second person signs, it waits."""
    losses = daily_pinball_losses(CatBoostSpread.from_files(spreads.files(version)), moment, days)
    rival = spreads.champion_before(version.zone, version)
    limits = promotion_settings(desk)
    theirs = None if rival is None else _losses_of(rival, moment, days, spreads)
    verdict = decide_refit(losses[:, 0], losses[:, 1], theirs, limits, zone=version.zone)
    row = decision_row(verdict, decision_context(version, rival, now, days), limits)
    record_once(row, lake)
    if verdict.action == "await_sign_off":
        ask_for_signature(version, row, lake, alerts, now)
        return version
    is_fit = verdict.action == "promote"
    return spreads.promote(version.zone, version.version) if is_fit else spreads.set_stage(version.zone, version.version, "rejected")


def _losses_of(rival: ModelVersion, moment: SpreadMoment, days: Sequence[date], spreads: ModelRegistry) -> Floats | None:
    """Of the model that serves, on the days that it never saw; None where its files are damaged or it cannot read these inputs."""
    try:
        losses = daily_pinball_losses(CatBoostSpread.from_files(spreads.files(rival)), moment, days)[:, 0]
    except (ModelIntegrityError, ForecastError):
        return None
    losses[[day <= rival.trained_through for day in days]] = np.nan
    return losses
