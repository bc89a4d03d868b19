"""Canaries of the price model: who is one, who waits for another zone, and the way back from a failed one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

import polars as pl

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion
from resources.settings.environment import read_environment
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.contracts.monitoring_tables import PROMOTION_DECISIONS
from spot.lifecycle.decision_record import DecisionContext, manual_decision_row
from spot.lifecycle.fallback import CanarySettings, why_canary_fails
from spot.lifecycle.promotion import PromotionVerdict
from spot.lifecycle.serving import serving_version
from workflows.lifecycle.price_evidence import price_shadow_record


def canaries(versions: Sequence[ModelVersion], settings: CanarySettings) -> dict[str, date]:
    """Version to the first day after its canary, for versions that took over from another one."""
    if not settings.days:
        return {}
    served = [one for one in versions if one.stage == "champion"]
    return {
        one.version: settings.until(one.serves_from)
        for one in served
        if version_before(one, served) is not None
    }


def version_before(version: ModelVersion, versions: Sequence[ModelVersion]) -> ModelVersion | None:
    """The version that served before `version`, on the same data."""
    others = [one for one in versions if one.version != version.version]
    return serving_version(None, others, version.serves_from, version.lineage)


def held_by_group(
    verdict: PromotionVerdict,
    version: ModelVersion,
    registry: ModelRegistry,
    settings: CanarySettings,
    now: datetime,
) -> PromotionVerdict:
    """The verdict where the first zone of the group has not yet passed with the same code and settings."""
    leader = settings.leader(version.zone)
    if leader is None or verdict.action != "promote":
        return verdict
    first = registry.champion(leader)
    waits = "has no such version"
    if first is not None and _release(first) == _release(version):
        until = settings.until(first.serves_from)
        if now.date() >= until:
            return verdict
        waits = f"is a canary until {until}"
    reason = f"waits for the first zone of its group: {leader} {waits}"
    return replace(verdict, action="keep_challenger", reasons=(*verdict.reasons, reason))


def end_failed_canary(
    zone: str,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    settings: CanarySettings,
    alerts: Alerts,
    now: datetime,
) -> pl.DataFrame:
    """Let the version before a failed canary serve again; the decision, if there is one.

    The record is written first, then the registry. A pinned canary stays.
    """
    nothing = PROMOTION_DECISIONS.empty()
    serving, versions = registry.champion(zone), registry.versions(zone)
    if serving is None or serving.pinned or serving.version not in canaries(versions, settings):
        return nothing
    before = version_before(serving, [one for one in versions if one.stage == "champion"])
    if before is None:
        return nothing
    record = price_shadow_record(zone, before.version, lake, desk, now)
    until = settings.until(serving.serves_from)
    chosen = [row for row, day in enumerate(record.days) if serving.serves_from <= day < until]
    theirs = record.evidence.champion_losses
    if not chosen or theirs is None:
        return nothing
    why = why_canary_fails(theirs[chosen], record.evidence.candidate_losses[chosen], settings)
    if not why:
        return nothing
    context = DecisionContext(
        zone=zone,
        decided_at_utc=now,
        candidate_version=before.version,
        champion_version=serving.version,
        cause="canary",
        candidate_data_version=before.tags.get("data_version", "unknown"),
        champion_data_version=serving.tags.get("data_version"),
        code_commit=read_environment().commit,
        first_day=record.days[chosen[0]],
        last_day=record.days[chosen[-1]],
        model=before.name,
    )
    row = manual_decision_row("rollback", context, reason=f"version {serving.version} {why}")
    lake.append_only(PROMOTION_DECISIONS.name, row)
    registry.rollback(zone, before.version)
    text = f"version {before.version} serves again: version {serving.version} {why}"
    alerts.send("fallback_forecast", text, zone=zone, severity="critical", now=now, episode=text)
    return row


def _release(version: ModelVersion) -> tuple[Mapping[str, object], str]:
    return version.settings, version.tags.get("code_version", "")
