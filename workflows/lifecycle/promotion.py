"""Judging candidates and challengers on stored rows, and carrying out the verdict.

The record is written first, then the registry.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY, ModelVersion
from resources.settings.environment import read_environment
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.contracts.monitoring_tables import PROMOTION_DECISIONS
from spot.lifecycle.decision_record import DecisionContext, decision_row
from spot.lifecycle.evidence import evidence_rows
from spot.lifecycle.promotion import PINNED, PromotionVerdict, decide_promotion, held_by_pin
from spot.lifecycle.promotion_settings import PromotionSettings
from workflows.forecasting.canary import end_failed_canary, held_by_group
from workflows.lifecycle.evaluation import evaluation_from_json
from workflows.lifecycle.family import ModelFamily

MAX_CHALLENGERS = 3
"""Versions of a zone in shadow at once. The oldest gives way to a fourth. Chosen by hand; not tuned."""


def review_zone(
    family: ModelFamily,
    zone: str,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    alerts: Alerts,
    now: datetime,
) -> pl.DataFrame:
    """Judge every open version of the zone once and return the decisions, under `promotion_decisions`.

    A candidate is judged on its evaluation, a challenger on the shadow days whose outcome is known. A verdict
    that only says "wait" leaves no record. `registry` is that of the family.
    """
    limits, lineage = promotion_settings(desk), family.lineage(desk, zone)
    rows = [PROMOTION_DECISIONS.empty()]
    has_canaries = limits.canary.days > 0 and family.name == PRICE_FAMILY
    if has_canaries:
        rows.append(end_failed_canary(zone, lake, desk, registry, limits.canary, alerts, now))
    for version in registry.versions(zone):
        if version.lineage != lineage or version.stage not in ("candidate", "challenger"):
            continue
        serving = registry.champion(zone)
        pinned = "" if serving is None else serving.pinned
        judged = (
            _judge_candidate(family, version, limits, pinned)
            if version.stage == "candidate"
            else _judge_challenger(family, version, lake, desk, limits, now, pinned)
        )
        if judged is None:
            continue
        if has_canaries:
            verdict = held_by_group(judged.verdict, version, registry, limits.canary, now)
            judged = replace(judged, verdict=verdict)
        if judged.verdict.action == "keep_challenger":
            continue
        rival = registry.champion_before(zone, version)
        row = decision_row(judged.verdict, decision_context(version, rival, now, judged.days), limits)
        record_once(row, lake)
        if judged.verdict.action == "await_sign_off":
            ask_for_signature(family, version, row, lake, alerts, now)
        carry_out(judged.verdict, version, registry, judged.days, decided_through=judged.decided_through)
        rows.append(row)
    return pl.concat(rows)


def tell_if_nobody_serves(
    zone: str, registry: ModelRegistry, alerts: Alerts, now: datetime
) -> ModelVersion | None:
    """The version that the alias names. If there is none, raise one alert a day."""
    serving = registry.champion(zone)
    if serving is None:
        text = f"zone {zone} has no champion: no position is taken"
        day = f"{now:%Y-%m-%d}"
        alerts.send("no_champion", text, zone=zone, severity="critical", now=now, episode=day)
    return serving


def record_once(row: pl.DataFrame, lake: Lake) -> None:
    """Append the decision, unless a run that was killed before it acted on the decision has done so."""
    known = lake.read(PROMOTION_DECISIONS.name, zones=[row["zone"][0]])
    lake.append_only(PROMOTION_DECISIONS.name, row.join(known, on=PROMOTION_DECISIONS.key, how="anti"))


def ask_for_signature(
    family: ModelFamily, version: ModelVersion, row: pl.DataFrame, lake: Lake, alerts: Alerts, now: datetime
) -> None:
    """Raise an alert when the evidence is complete, and once a week after that."""
    decisions = lake.read(PROMOTION_DECISIONS.name, zones=[version.zone])
    asked = decisions.filter(pl.col("decision_id") == row["decision_id"][0])["decided_at_utc"][0]
    of_spread = " of the spread" if family.name == SPREAD_FAMILY else ""
    alerts.send(
        "sign_off_awaited",
        f"version {version.version} of {version.name} may serve and {_lacks(row)}:"
        f" {row['reasons'][0]}; spotdesk promote {family.option}--zone"
        f" {version.zone} --version {version.version} --by NAME --signed-off-by OTHER --reason ...",
        zone=version.zone,
        now=now,
        episode=f"version {version.version}{of_spread}, week {(now - asked).days // 7}",
    )


def _lacks(row: pl.DataFrame) -> str:
    """What a version lacks whose evidence is complete."""
    if PINNED in row["reasons"][0]:
        return "waits until `spotdesk models unpin` releases the one that serves"
    return "needs the signature of a second person"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """A verdict, the days of its evidence, and the newest day that the champion has decided."""

    verdict: PromotionVerdict
    days: tuple[date, ...]
    decided_through: date | None = None


def _judge_candidate(
    family: ModelFamily, version: ModelVersion, limits: PromotionSettings, pinned: str
) -> _Judged | None:
    text = version.tags.get("evaluation")
    if text is None:
        return None
    evaluation = evaluation_from_json(text)
    verdict = held_by_pin(family.judge_candidate(evaluation, limits, version.zone), pinned)
    return _Judged(verdict=verdict, days=evaluation.days)


def _judge_challenger(
    family: ModelFamily,
    version: ModelVersion,
    lake: Lake,
    desk: Desk,
    limits: PromotionSettings,
    now: datetime,
    pinned: str,
) -> _Judged | None:
    record = family.shadow_record(version.zone, version.version, lake, desk, now)
    if not record.days:
        return None
    evidence, days = record.evidence, record.days
    verdict = held_by_pin(
        decide_promotion(evidence, stage="challenger", settings=limits, sanity=None, zone=version.zone),
        pinned,
    )
    if verdict.action == "await_sign_off":
        # The days of the look that was won, and no later ones: the same verdict tomorrow gives the same
        # record.
        days = tuple(days[row] for row in evidence_rows(evidence)[: verdict.n_days])
    return _Judged(verdict=verdict, days=days, decided_through=record.decided_through)


def carry_out(
    verdict: PromotionVerdict,
    version: ModelVersion,
    registry: ModelRegistry,
    days: Sequence[date],
    *,
    decided_through: date | None = None,
) -> None:
    """Move the version to the stage in the verdict, and make room for it.

    `decided_through` is the newest day that the champion has decided; by default the last of `days`.

    A challenger keeps its place when a newer candidate comes. If it were replaced each time, none would ever
    have the days that a decision needs.
    """
    zone = version.zone
    others = [
        v
        for v in registry.versions(zone)
        if v.stage == "challenger" and v.lineage == version.lineage and v.version != version.version
    ]
    match verdict.action:
        case "promote":
            # A challenger serves from the first day without a forecast of its champion. A replay must not
            # give it earlier days.
            serves_from = (
                version.serves_from
                if version.stage == "candidate"
                else max(version.serves_from, (decided_through or days[-1]) + timedelta(days=1))
            )
            registry.promote(zone, version.version, serves_from=serves_from)
            for other in others:
                if int(other.version) < int(version.version):
                    registry.set_stage(zone, other.version, "expired")
        case "reject":
            registry.set_stage(zone, version.version, "rejected")
        case "expire":
            registry.set_stage(zone, version.version, "expired")
        case "to_challenger":
            for other in others[: len(others) + 1 - MAX_CHALLENGERS]:
                registry.set_stage(zone, other.version, "expired")
            registry.set_stage(zone, version.version, "challenger")
        case "await_sign_off" | "keep_challenger":
            pass


def decision_context(
    version: ModelVersion, serving: ModelVersion | None, now: datetime, days: Sequence[date]
) -> DecisionContext:
    """Who is judged, against which serving version, if any, on which days and with which code.

    A record holds this besides the verdict.
    """
    return DecisionContext(
        zone=version.zone,
        decided_at_utc=now,
        candidate_version=version.version,
        champion_version=None if serving is None else serving.version,
        cause=version.tags.get("request_id") or version.tags.get("cause") or "unknown",
        candidate_data_version=version.tags.get("data_version", "unknown"),
        champion_data_version=None if serving is None else serving.tags.get("data_version"),
        code_commit=read_environment().commit,
        first_day=days[0] if days else None,
        last_day=days[-1] if days else None,
        model=version.name,
    )
