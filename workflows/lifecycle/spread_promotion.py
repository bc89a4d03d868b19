"""Judging a model of the spread on days that it never saw, and carrying the verdict out."""

from collections.abc import Sequence
from datetime import date, datetime

import numpy as np

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.arrays import Floats
from spot.errors import ForecastError, ModelIntegrityError
from spot.lifecycle.decision_record import decision_row
from spot.lifecycle.refits import decide_refit
from spot.strategy.spread.model import CatBoostSpread
from spot.strategy.spread.sources import SpreadAtGate, daily_pinball_losses
from workflows.lifecycle.promotion import ask_for_signature, decision_context, record_once


def judge_spread(
    version: ModelVersion,
    at_gate: SpreadAtGate,
    days: Sequence[date],
    spreads: ModelRegistry,
    lake: Lake,
    desk: Desk,
    alerts: Alerts,
    *,
    now: datetime,
) -> ModelVersion:
    """Judge a candidate as stored on `days` that it never saw, record the decision, then carry it out.

    Where a second person signs, it waits.
    """
    losses = daily_pinball_losses(CatBoostSpread.from_files(spreads.files(version)), at_gate, days)
    rival = spreads.champion_before(version.zone, version)
    limits = promotion_settings(desk)
    theirs = None if rival is None else _losses_of(rival, at_gate, days, spreads)
    verdict = decide_refit(losses[:, 0], losses[:, 1], theirs, limits, zone=version.zone)
    row = decision_row(verdict, decision_context(version, rival, now, days), limits)
    record_once(row, lake)
    if verdict.action == "await_sign_off":
        ask_for_signature(version, row, lake, alerts, now)
        return version
    is_fit = verdict.action == "promote"
    return (
        spreads.promote(version.zone, version.version)
        if is_fit
        else spreads.set_stage(version.zone, version.version, "rejected")
    )


def _losses_of(
    rival: ModelVersion, at_gate: SpreadAtGate, days: Sequence[date], spreads: ModelRegistry
) -> Floats | None:
    """Of the model that serves, on the days that it never saw.

    None where its files are damaged or it cannot read these inputs.
    """
    try:
        losses = daily_pinball_losses(CatBoostSpread.from_files(spreads.files(rival)), at_gate, days)[:, 0]
    except (ModelIntegrityError, ForecastError):
        return None
    losses[[day <= rival.trained_through for day in days]] = np.nan
    return losses
