"""Judging candidates and challengers on what is stored, and carrying the verdict out.

Record first, then the registry. No asset is defined here.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_raw
from resources.models.registry import ModelRegistry
from resources.models.version import SPREAD_FAMILY, ModelVersion
from resources.settings.environment import read_environment
from resources.settings.policies import promotion_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from spot.arrays import Floats
from spot.contracts.days import first_day, last_day
from spot.contracts.monitoring_tables import PROMOTION_DECISIONS
from spot.contracts.vintages import known_at
from spot.lifecycle.decision_record import DecisionContext, decision_row
from spot.lifecycle.promotion import (
    Evidence,
    PromotionSettings,
    PromotionVerdict,
    decide_promotion,
    evidence_rows,
)
from spot.market.delivery import days_between
from workflows.lifecycle.evaluation import evaluation_from_json

MAX_CHALLENGERS = 3
"""Versions of a zone in shadow at once; the oldest gives way to a fourth."""


def review_zone(
    zone: str, lake: Lake, desk: Desk, registry: ModelRegistry, alerts: Alerts, now: datetime
) -> pl.DataFrame:
    """Judge every open version of the zone once and return the decisions, under `promotion_decisions`.

    A candidate is judged on its evaluation, a challenger on the shadow days whose outcome is known. A verdict
    that only says "wait" leaves no record.
    """
    limits = promotion_settings(desk)
    lineage = lineage_of(desk.zone(zone))
    rows = [PROMOTION_DECISIONS.empty()]
    for version in [
        v for v in registry.versions(zone) if v.lineage == lineage and v.stage in ("candidate", "challenger")
    ]:
        judged = (
            _judge_candidate(version, limits)
            if version.stage == "candidate"
            else _judge_challenger(version, lake, desk, limits, now)
        )
        if judged is None or judged[0].action == "keep_challenger":
            continue
        verdict, days = judged
        row = decision_row(
            verdict,
            decision_context(version, registry.champion_before(version.zone, version), now, days),
            limits,
        )
        record_once(row, lake)
        if verdict.action == "await_sign_off":
            ask_for_signature(version, row, lake, alerts, now)
        carry_out(verdict, version, registry, days)
        rows.append(row)
    return pl.concat(rows)


def record_once(row: pl.DataFrame, lake: Lake) -> None:
    """Append the decision, unless a run that was killed before it carried the decision out has done so."""
    known = lake.read(PROMOTION_DECISIONS.name, zones=[row["zone"][0]])
    lake.append_only(PROMOTION_DECISIONS.name, row.join(known, on=PROMOTION_DECISIONS.key, how="anti"))


def ask_for_signature(
    version: ModelVersion, row: pl.DataFrame, lake: Lake, alerts: Alerts, now: datetime
) -> None:
    """Told when the evidence is in and once a week after it."""
    decisions = lake.read(PROMOTION_DECISIONS.name, zones=[version.zone])
    asked = decisions.filter(pl.col("decision_id") == row["decision_id"][0])["decided_at_utc"][0]
    is_spread = version.family == SPREAD_FAMILY
    alerts.send(
        "sign_off_awaited",
        f"version {version.version} of {version.name} may serve and waits for a second person:"
        f" {row['reasons'][0]}; spotdesk promote {'--model spread ' if is_spread else ''}--zone"
        f" {version.zone} --version {version.version} --by NAME --signed-off-by OTHER --reason ...",
        zone=version.zone,
        now=now,
        episode=(
            f"version {version.version}{' of the spread' if is_spread else ''}, week"
            f" {(now - asked).days // 7}"
        ),
    )


def shadow_evidence(
    zone: str, version: str, lake: Lake, desk: Desk, now: datetime
) -> tuple[Evidence, tuple[date, ...]]:
    """Daily losses and P&L of a challenger and of whoever was champion.

    On the days since its first shadow forecast whose outcome is known.
    """
    settings = desk.zone(zone)
    forecasts = lake.read("day_ahead_forecasts", zones=[zone])
    shadow = forecasts.filter(pl.col("role") == "challenger", pl.col("model_version") == version)
    prices = known_at(read_raw(lake, "day_ahead_prices", zone, settings, first_day=None, last_day=None), now)
    if shadow.is_empty() or prices.is_empty():
        return Evidence(candidate_losses=np.empty(0), champion_losses=np.empty(0)), ()
    days = days_between(first_day(shadow), last_day(prices))
    champion = forecasts.filter(pl.col("role") == "champion")
    money = lake.read("settlements", zones=[zone], first_day=days[0] if days else None).filter(
        pl.col("known_at_utc") <= now
    )
    evidence = Evidence(
        candidate_losses=_losses(shadow, prices, days),
        champion_losses=_losses(champion, prices, days),
        candidate_pnl_eur=_pnl(
            money.filter(pl.col("role") == "challenger", pl.col("model_version") == version), days
        ),
        champion_pnl_eur=_pnl(money.filter(pl.col("role") == "champion"), days),
    )
    return evidence, days


def _judge_candidate(
    version: ModelVersion, limits: PromotionSettings
) -> tuple[PromotionVerdict, tuple[date, ...]] | None:
    text = version.tags.get("evaluation")
    if text is None:
        return None
    evaluation = evaluation_from_json(text)
    verdict = decide_promotion(
        evaluation.evidence(), stage="candidate", settings=limits, sanity=evaluation.sanity, zone=version.zone
    )
    return verdict, evaluation.days


def _judge_challenger(
    version: ModelVersion, lake: Lake, desk: Desk, limits: PromotionSettings, now: datetime
) -> tuple[PromotionVerdict, tuple[date, ...]] | None:
    evidence, days = shadow_evidence(version.zone, version.version, lake, desk, now)
    if not days:
        return None
    verdict = decide_promotion(evidence, stage="challenger", settings=limits, sanity=None, zone=version.zone)
    if verdict.action == "await_sign_off":
        # the days of the look that was won, and no later ones: the same verdict tomorrow is the same record
        return verdict, tuple(days[row] for row in evidence_rows(evidence)[: verdict.n_days])
    return verdict, days


def carry_out(
    verdict: PromotionVerdict, version: ModelVersion, registry: ModelRegistry, days: Sequence[date]
) -> None:
    """Move the version to the stage that the verdict gives it, and make room beside it.

    A challenger keeps its place when a newer candidate comes: were it replaced each time, none would ever
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
            # A challenger serves from the first day that no one has forecast with it as champion; a replay
            # must not give it earlier days.
            serves_from = (
                version.serves_from
                if version.stage == "candidate"
                else max(version.serves_from, days[-1] + timedelta(days=1))
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
    """Who is judged, beside the version that serves, if any, on which days and of which code.

    What a record holds beside the verdict.
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


def _losses(forecasts: pl.DataFrame, prices: pl.DataFrame, days: Sequence[date]) -> Floats:
    both = forecasts.join(
        prices.select("zone", "delivery_start_utc", "price_eur_per_mwh"),
        on=["zone", "delivery_start_utc"],
        how="inner",
    )
    error = (pl.col("price_eur_per_mwh") - pl.col("price_point_eur_per_mwh")).abs().mean().alias("value")
    return _by_day(both.group_by("delivery_day", maintain_order=True).agg(error), days)


def _pnl(settlements: pl.DataFrame, days: Sequence[date]) -> Floats:
    return _by_day(
        settlements.group_by("delivery_day", maintain_order=True).agg(pl.col("pnl_eur").sum().alias("value")),
        days,
    )


def _by_day(frame: pl.DataFrame, days: Sequence[date]) -> Floats:
    values = dict(frame.select("delivery_day", "value").iter_rows())
    return np.array([values.get(day, np.nan) for day in days], dtype=np.float64)
