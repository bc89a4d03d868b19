"""Retrain requests as rows.

Findings of the monitors become causes, the policy decides, and each request is stored. Sensors and the runner
share this code.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of
from resources.models.version import ModelVersion
from resources.settings.code_version import model_code_version
from resources.settings.zones import Desk, ZoneSettings
from spot.contracts.monitoring_tables import RETRAIN_REQUESTS
from spot.contracts.words import OPEN_REQUESTS, CauseKind, RequestStatus
from spot.lifecycle.retraining import (
    RetrainCause,
    RetrainRequest,
    decide_retrains,
    mark,
)
from spot.monitoring.settings import RetrainingSettings

TABLE = RETRAIN_REQUESTS.name
_LOOK_BACK_DAYS = 21
"""Days before the newest on which a verdict of a monitor still counts. Chosen by hand; not tuned."""


def read_requests(lake: Lake, zone: str) -> list[RetrainRequest]:
    """All requests of the zone."""
    return [RetrainRequest(**row) for row in lake.read(TABLE, zones=[zone]).iter_rows(named=True)]


def write_requests(lake: Lake, requests: Iterable[RetrainRequest]) -> None:
    """Write rows. A row replaces that of the same id."""
    rows = [asdict(request) for request in requests]
    if rows:
        lake.upsert(TABLE, pl.DataFrame(rows, schema=RETRAIN_REQUESTS.schema))


def causes_from_monitors(lake: Lake, zone: str, *, last_day: date, now: datetime) -> list[RetrainCause]:
    """Causes in the newest verdicts up to `last_day`: drift, and worse performance, real or estimated."""
    since = last_day - timedelta(days=_LOOK_BACK_DAYS)
    causes = []
    drift = _newest_alerts(lake.read("feature_drift", zones=[zone], first_day=since, last_day=last_day))
    performance = _newest_alerts(
        lake.read("forecast_performance", zones=[zone], first_day=since, last_day=last_day)
    )
    realised = performance.filter(pl.col("basis") == "realised")
    estimated = performance.filter(pl.col("basis") == "estimated")
    found: Sequence[tuple[CauseKind, pl.DataFrame]] = (
        ("drift", drift),
        ("performance", realised),
        ("estimated_performance", estimated),
    )
    for kind, rows in found:
        if rows.height:
            text = "; ".join(rows["reason"].to_list()[:3])
            causes.append(
                RetrainCause(
                    zone=zone, kind=kind, detail=f"{rows['delivery_day'][0]}: {text}", observed_at_utc=now
                )
            )
    return causes


def has_bad_data(lake: Lake, zone: str, *, last_day: date) -> bool:
    """Whether the newest verdict on data quality forbids learning from the data."""
    rows = lake.read(
        "data_quality", zones=[zone], first_day=last_day - timedelta(days=_LOOK_BACK_DAYS), last_day=last_day
    )
    newest = rows.filter(pl.col("delivery_day") == pl.col("delivery_day").max())
    return bool((newest["status"] != "ok").any())


def has_enough_data(lake: Lake, zone: str, settings: ZoneSettings) -> bool:
    """Whether there are features for the fewest days that a training needs."""
    return len(_days_with_features(lake, zone)) >= _days_of_first_training(settings)


def why_no_version_yet(lake: Lake, zone: str, settings: ZoneSettings) -> str:
    """Why a zone that no version was trained for has none, with the first day on which one can be."""
    days, needed = _days_with_features(lake, zone), _days_of_first_training(settings)
    if not days:
        return f"too young: no day has features yet, a first version needs {needed} days"
    if len(days) >= needed:
        return f"no version yet: the first training of {zone} is due since {sorted(days)[needed - 1]}"
    first = max(days) + timedelta(days=needed - len(days))
    return f"too young: {len(days)} of {needed} days have features, a first version can be trained on {first}"


def _days_with_features(lake: Lake, zone: str) -> set[date]:
    return set(lake.read("day_ahead_features", zones=[zone])["delivery_day"].to_list())


def _days_of_first_training(settings: ZoneSettings) -> int:
    return settings.minimum_training_days + settings.evaluation_days


def cause_of_age(
    versions: Sequence[ModelVersion], zone: str, settings: ZoneSettings, *, before: date, now: datetime
) -> RetrainCause | None:
    """The schedule's cause: no version may forecast `before` yet, or the newest one is too old.

    Versions count whether they were promoted or not.
    """
    lineage = lineage_of(settings)
    trained = [
        date.fromisoformat(version.tags["evaluated_through"])
        for version in versions
        if version.lineage == lineage
    ]
    newest = max((day for day in trained if day < before), default=None)
    if newest is None:
        return RetrainCause(zone=zone, kind="schedule", detail="no version yet", observed_at_utc=now)
    age = (before - newest).days - 1
    if age < settings.retrain_after_days:
        return None
    return RetrainCause(
        zone=zone, kind="schedule", detail=f"newest version is {age} days old", observed_at_utc=now
    )


def cause_of_code(
    versions: Sequence[ModelVersion], zone: str, settings: ZoneSettings, *, now: datetime
) -> RetrainCause | None:
    """New code: features or forecasters differ from those with which the newest version was trained.

    A version without a record of its code is no cause. A replay of history does not ask, because it would
    train again what it repeats.
    """
    newest = max(
        (v for v in versions if v.lineage == lineage_of(settings)), key=lambda v: int(v.version), default=None
    )
    then = None if newest is None else newest.tags.get("code_version")
    if newest is None or then is None:
        return None
    today = model_code_version(newest.settings)
    if then == today:
        return None
    detail = f"code of features and forecasters is {today}, version {newest.version} was trained with {then}"
    return RetrainCause(zone=zone, kind="code", detail=detail, observed_at_utc=now)


def requests_of_history(
    lake: Lake,
    desk: Desk,
    versions: Sequence[ModelVersion],
    zone: str,
    *,
    before: date,
    now: datetime,
    limits: RetrainingSettings,
    watches: bool,
) -> list[RetrainRequest]:
    """Requests that a replay must train before the day `before`, each of them written.

    It sees only requests of its own data and of its past, so a repeated replay makes the same requests. An
    open request of this very instant is one of a killed replay, and is returned again.
    """
    settings = desk.zone(zone)
    lineage = str(lineage_of(settings))
    past = [
        request
        for request in read_requests(lake, zone)
        if request.replayed_lineage == lineage and request.requested_at_utc <= now
    ]
    killed = [
        request for request in past if request.requested_at_utc == now and request.status in OPEN_REQUESTS
    ]
    if killed:
        return killed
    age = cause_of_age(versions, zone, settings, before=before, now=now)
    last_day = before - timedelta(days=1)
    causes = [
        cause
        for cause in (age, *(causes_from_monitors(lake, zone, last_day=last_day, now=now) if watches else []))
        if cause is not None
    ]
    bad = {zone} if has_bad_data(lake, zone, last_day=last_day) else set()
    decision = decide_retrains(past, causes, now=now, settings=limits, zones_with_bad_data=bad)
    asked = [
        replace(
            request,
            request_id=f"{zone}-{lineage}-{request.cause}-{before}",
            replayed_lineage=lineage,
        )
        for request in decision.launch
    ]
    write_requests(lake, asked)
    return asked


def close_request(
    lake: Lake, request: RetrainRequest, status: RequestStatus, *, now: datetime, run_id: str | None = None
) -> None:
    """Write how a request ended."""
    write_requests(lake, [mark(request, status, now=now, run_id=run_id)])


def _newest_alerts(rows: pl.DataFrame) -> pl.DataFrame:
    newest = rows.filter(pl.col("delivery_day") == pl.col("delivery_day").max()) if rows.height else rows
    return newest.filter(pl.col("status") == "alert")
