"""What the assets of a training run share.

The window, the panel, the candidate, and the evidence for and against it. No asset is defined here.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import polars as pl

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_features, read_raw
from resources.models.registry import ModelRegistry, ModelVersion
from resources.models.training_order import TrainingOrder
from resources.settings.code_version import lock_hash, model_code_version
from resources.settings.environment import read_environment
from resources.settings.zones import Desk, ZoneSettings
from spot.contracts.feature_tables import FEATURES, TRAINING_SET
from spot.contracts.panel import DeliveryPanel, Floats
from spot.errors import ContractError, ForecastError, ModelIntegrityError
from spot.features.known_prices import KnownPrices, known_prices
from spot.features.matrix import build_panel
from spot.features.vintages import known_at
from spot.market.delivery import days_between
from spot.market.gates import gate_closure_utc
from spot.walk.forecasts import daily_absolute_errors, fingerprint_of_rows, walk_forward, weekly_naive_errors


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingWindow:
    """Days of one training run: what is learnt from, and the newer days that judge."""

    zone: str
    first_day: date
    learn_through: date
    evaluate_through: date

    @property
    def evaluation_days(self) -> tuple[date, ...]:
        """Days that the model never sees."""
        return days_between(self.learn_through + timedelta(days=1), self.evaluate_through)

    @property
    def serves_from(self) -> date:
        """First day that the version may forecast."""
        return self.evaluate_through + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """The window, its rows and its panel, as known at the gate of the first day that the version serves."""

    window: TrainingWindow
    rows: pl.DataFrame
    """Contract `training_set`, evaluation days included."""
    panel: DeliveryPanel
    published: KnownPrices
    """When each price of the panel became known."""
    data_version: str

    @property
    def learning(self) -> DeliveryPanel:
        """The days that are learnt from."""
        return self.panel.first(int((self.panel.days <= np.datetime64(self.window.learn_through)).sum()))


def training_data(zone: str, lake: Lake, desk: Desk, order: TrainingOrder, clock: Clock) -> TrainingData:
    """What a version of `zone` under this order learns from and is judged on.

    Raises:
        ForecastError: there are fewer days than the zone's minimum.
    """
    settings, now = desk.zone(zone), clock.now()
    window = training_window(zone, lake, desk, order, clock)
    through = window.evaluate_through
    as_of = min(now, gate_closure_utc(zone, window.serves_from))
    vintages = read_raw(
        lake, "day_ahead_prices", zone, settings, first_day=window.first_day, last_day=through
    )
    prices = known_at(vintages, as_of)
    # Days before the first price teach nothing: a desk whose own data is short must not have its model hold
    # out more days than it has.
    window = replace(
        window,
        first_day=max(window.first_day, prices["delivery_day"].min() or window.first_day),  # type: ignore[arg-type]
    )
    features = read_features(lake, zone, settings, first_day=window.first_day, last_day=through)
    if prices.is_empty() or features.is_empty():
        raise ForecastError(
            f"zone {zone}: no training data from {window.first_day} to {through} (data:"
            f" {lineage_of(settings)})"
        )
    panel = build_panel(features, prices, zone=zone)
    _require_days(panel, window, settings)
    rows = _training_rows(features, panel)
    digits = fingerprint_of_rows(rows, [*FEATURES, "price_eur_per_mwh"])
    published = known_prices(
        vintages, zone=zone, first_day=panel.days[0].astype(object), last_day=panel.last_day
    )
    return TrainingData(
        window=window, rows=rows, panel=panel, published=published, data_version=f"training:{digits}"
    )


def training_window(zone: str, lake: Lake, desk: Desk, order: TrainingOrder, clock: Clock) -> TrainingWindow:
    """The days of a training run under this order.

    Raises:
        ForecastError: no price is known.
    """
    settings = desk.zone(zone)
    through = order.through() or _newest_price_day(lake, zone, settings, clock.now())
    learn_through = through - timedelta(days=settings.evaluation_days)
    return TrainingWindow(
        zone=zone,
        first_day=learn_through - timedelta(days=settings.training_days - 1),
        learn_through=learn_through,
        evaluate_through=through,
    )


def fingerprint(data: TrainingData, model_settings: dict[str, Any], settings: ZoneSettings) -> str:
    """Identity of a version: settings, seed, the bytes it learnt from, and the code that learnt."""
    window = [
        str(day) for day in (data.window.first_day, data.window.learn_through, data.window.evaluate_through)
    ]
    parts = [
        json.dumps(model_settings, sort_keys=True, default=str),
        str(settings.seed),
        lineage_of(settings),
        data.data_version,
        *window,
    ]
    return sha256("|".join([*parts, model_code_version()]).encode()).hexdigest()[:32]


def origin_tags(
    window: TrainingWindow, order: TrainingOrder, *, seed: int, data_version: str, as_of_utc: datetime
) -> dict[str, str]:
    """Where a version comes from, whatever it forecasts.

    Data, code, libraries, seed, and who asked for it.
    """
    return {
        "data_version": data_version,
        "code_commit": read_environment().commit,
        "lock_hash": lock_hash(),
        "evaluated_through": str(window.evaluate_through),
        "seed": str(seed),
        "cause": order.cause,
        "cause_detail": order.detail,
        "request_id": order.request_id,
        "trained_as_of_utc": as_of_utc.isoformat(),
    }


def table_versions(lake: Lake, tables: Sequence[str]) -> str:
    """Version of each table in the lake, as JSON."""
    return json.dumps({name: lake.version(name) for name in tables})


def find_candidate(zone: str, registry: ModelRegistry, desk: Desk, window: TrainingWindow) -> ModelVersion:
    """The newest version that this run's window made.

    Raises:
        ForecastError: there is none: `price_model` has to run first.
    """
    lineage = lineage_of(desk.zone(zone))
    made = [
        v for v in registry.versions(zone) if v.lineage == lineage and v.serves_from == window.serves_from
    ]
    if not made:
        raise ForecastError(
            f"zone {zone}: no version serves from {window.serves_from}; materialise price_model first"
        )
    return made[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForwardScores:
    """Daily mean absolute errors on days that neither version saw, EUR/MWh.

    NaN where a version has nothing to say.
    """

    days: tuple[date, ...]
    candidate: Floats
    champion: Floats | None
    naive: Floats
    champion_version: str | None


def score_candidate(
    registry: ModelRegistry, candidate: ModelVersion, champion: ModelVersion | None, data: TrainingData
) -> WalkForwardScores:
    """Walk both versions over the evaluation days.

    A champion whose files are damaged, or of another version of the code, forecasts nothing: the candidate is
    judged like a first one, since the zone would stay flat for ever if it had to be compared with what cannot
    speak.
    """
    days, theirs = data.window.evaluation_days, None
    if champion is not None:
        try:
            theirs = _errors(registry, champion, data, days)
        except ModelIntegrityError:
            champion = None
    return WalkForwardScores(
        days=days,
        candidate=_errors(registry, candidate, data, days),
        champion=theirs,
        naive=weekly_naive_errors(data.panel, days),
        champion_version=None if champion is None else champion.version,
    )


def _errors(
    registry: ModelRegistry, version: ModelVersion, data: TrainingData, days: tuple[date, ...]
) -> Floats:
    forecaster, _ = registry.load(version.zone, version.version)
    losses = daily_absolute_errors(
        walk_forward(forecaster, data.panel, days, published=data.published), data.panel
    )
    losses[[day <= version.trained_through for day in days]] = (
        np.nan
    )  # a day it learnt from says nothing about it
    return losses


def _newest_price_day(lake: Lake, zone: str, settings: ZoneSettings, now: datetime) -> date:
    prices = read_raw(lake, "day_ahead_prices", zone, settings, first_day=None, last_day=None).filter(
        pl.col("available_at_utc") <= now
    )
    newest = prices["delivery_day"].max()
    if not isinstance(newest, date):
        raise ForecastError(f"zone {zone}: no day-ahead price is known at {now:%Y-%m-%d %H:%M} UTC")
    return newest


def _require_days(panel: DeliveryPanel, window: TrainingWindow, settings: ZoneSettings) -> None:
    learning = panel.days <= np.datetime64(window.learn_through)
    n_days = int(np.isfinite(panel.prices[learning]).any(axis=1).sum())
    if n_days < settings.minimum_training_days:
        raise ForecastError(
            f"zone {window.zone}: {n_days} days to learn from until {window.learn_through},"
            f" {settings.minimum_training_days} needed"
        )


def _training_rows(features: pl.DataFrame, panel: DeliveryPanel) -> pl.DataFrame:
    """Features beside the outcome of the same period; rows without an outcome are left out."""
    row, period = np.nonzero(np.arange(panel.prices.shape[1])[None, :] < panel.n_periods[:, None])
    ordered = features.sort("delivery_start_utc")
    outcome = pl.DataFrame(
        {
            "delivery_day": panel.days[row],
            "period": period.astype(np.int64),
            "price_eur_per_mwh": panel.prices[row, period],
        }
    )
    numbered = ordered.with_columns(period=pl.int_range(pl.len(), dtype=pl.Int64).over("delivery_day"))
    joined = numbered.join(outcome, on=["delivery_day", "period"], how="left").with_columns(
        pl.col("price_eur_per_mwh").fill_nan(None)
    )
    rows = joined.drop_nulls("price_eur_per_mwh").select(TRAINING_SET.columns.keys())
    if rows.is_empty():
        raise ContractError(f"training set of {panel.zone}: no row has an outcome")
    return rows
