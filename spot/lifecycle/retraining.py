"""The policy of retraining.

It decides which causes become a request, which runs are retried, and which are given up with an alert.

It is pure: history and causes in, decisions out. Any number of sensors can ask it at any time. The id of a
request follows from the zone, the cause and the number of such requests, so two sensors that decide on the
same history write the same row.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from spot.contracts.words import OPEN_REQUESTS, RETRAIN_CAUSES, CauseKind, RequestStatus
from spot.errors import ConfigurationError
from spot.monitoring.settings import RetrainingSettings

_FROM_DATA: frozenset[str] = frozenset({"drift", "performance", "estimated_performance"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainCause:
    """Something that asks for a retrain of one zone."""

    zone: str
    kind: CauseKind
    detail: str
    observed_at_utc: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainRequest:
    """One row of `retrain_requests`: a retrain that was requested, and its status.

    A `failed` request waits for its next attempt.
    """

    request_id: str
    zone: str
    cause: CauseKind
    detail: str
    requested_at_utc: datetime
    status: RequestStatus
    n_attempts: int
    run_id: str | None
    updated_at_utc: datetime
    replayed_lineage: str | None = None
    """Lineage of the data of the replay that made the request; None for a request of the desk."""


@dataclass(frozen=True, slots=True)
class SuppressedCause:
    """A cause that made no request, and why."""

    cause: RetrainCause
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainDecision:
    """What the caller must do now.

    It writes all of `changed` first, then launches every request of `launch` with `run_key` =
    `launch_key(request)`.
    """

    launch: tuple[RetrainRequest, ...] = ()
    abandoned: tuple[RetrainRequest, ...] = ()
    """Requests that used up their attempts: each raises an alert for a person."""
    changed: tuple[RetrainRequest, ...] = ()
    """Rows to write to `retrain_requests`: new, retried and abandoned ones."""
    suppressed: tuple[SuppressedCause, ...] = field(default=())


def launch_key(request: RetrainRequest) -> str:
    """Run key of the next attempt.

    The key contains the attempt, because Dagster never starts a run key again whose run failed.
    """
    return f"{request.request_id}-attempt-{request.n_attempts}"


def decide_retrains(
    history: Iterable[RetrainRequest],
    causes: Iterable[RetrainCause],
    *,
    now: datetime,
    settings: RetrainingSettings,
    zones_with_bad_data: Collection[str] = (),
) -> RetrainDecision:
    """Requests to launch now, requests to give up, and causes that make no request.

    A zone has at most one open request, and at most one request per cause within the cool-down that follows a
    request. These requests are launched again after `retry_after_minutes`, up to `maximum_attempts`, and then
    abandoned: `failed` ones, and `running` ones older than `maximum_run_hours`, whose run was killed. A
    `requested` row without a run is launched again, so a crash between writing and launching loses nothing.
    One that a person queued has no attempt yet and is launched at once.

    Raises:
        ConfigurationError: a cause has no cool-down setting, or `now` has no time zone.
    """
    _check(now, settings)
    requests = _newest_rows(history)
    launch, abandoned = _attempts(requests, now=now, settings=settings)
    current = {**requests, **{r.request_id: r for r in (*launch, *abandoned)}}
    fresh: list[RetrainRequest] = []
    suppressed: list[SuppressedCause] = []
    for cause in sorted(causes, key=lambda c: (c.observed_at_utc, c.zone, c.kind)):
        reason = _reason_against(
            cause, current.values(), now=now, settings=settings, zones_with_bad_data=zones_with_bad_data
        )
        if reason:
            suppressed.append(SuppressedCause(cause, reason))
            continue
        request = _first_request(cause, current.values(), now)
        current[request.request_id] = request
        fresh.append(request)
    return RetrainDecision(
        launch=(*launch, *fresh),
        abandoned=tuple(abandoned),
        changed=(*launch, *fresh, *abandoned),
        suppressed=tuple(suppressed),
    )


def mark(
    request: RetrainRequest, status: RequestStatus, *, now: datetime, run_id: str | None = None
) -> RetrainRequest:
    """The request with a new status, as run status sensors write it."""
    return replace(request, status=status, updated_at_utc=now, run_id=run_id or request.run_id)


def _check(now: datetime, settings: RetrainingSettings) -> None:
    if now.tzinfo is None:
        raise ConfigurationError("now has no time zone: instants are aware and UTC")
    absent = [kind for kind in RETRAIN_CAUSES if kind not in settings.cool_down_hours]
    if absent:
        raise ConfigurationError(f"monitoring settings: retraining.cool_down_hours lacks {', '.join(absent)}")


def _newest_rows(history: Iterable[RetrainRequest]) -> dict[str, RetrainRequest]:
    newest: dict[str, RetrainRequest] = {}
    for row in history:
        known = newest.get(row.request_id)
        if known is None or row.updated_at_utc >= known.updated_at_utc:
            newest[row.request_id] = row
    return newest


def _attempts(
    requests: dict[str, RetrainRequest], *, now: datetime, settings: RetrainingSettings
) -> tuple[list[RetrainRequest], list[RetrainRequest]]:
    launch, abandoned = [], []
    wait = timedelta(minutes=settings.retry_after_minutes)
    for request in requests.values():
        age = now - request.updated_at_utc
        was_killed = request.status == "running" and age > timedelta(hours=settings.maximum_run_hours)
        was_not_launched = request.status == "requested" and (age >= wait or request.n_attempts == 0)
        if not (was_killed or was_not_launched or (request.status == "failed" and age >= wait)):
            continue
        if request.n_attempts >= settings.maximum_attempts:
            abandoned.append(replace(request, status="abandoned", updated_at_utc=now))
        else:
            launch.append(
                replace(request, status="requested", n_attempts=request.n_attempts + 1, updated_at_utc=now)
            )
    return launch, abandoned


def _reason_against(
    cause: RetrainCause,
    requests: Iterable[RetrainRequest],
    *,
    now: datetime,
    settings: RetrainingSettings,
    zones_with_bad_data: Collection[str],
) -> str:
    if cause.kind in _FROM_DATA and cause.zone in zones_with_bad_data:
        return "bad data: a person must look at it before a model learns from it"
    cool_down = timedelta(hours=settings.cool_down_hours[cause.kind])
    for request in requests:
        if request.zone != cause.zone:
            continue
        if request.status in OPEN_REQUESTS:
            return f"request {request.request_id} of the zone is still open"
        if request.cause == cause.kind and now - request.requested_at_utc < cool_down:
            return f"within {cool_down} of request {request.request_id}"
    return ""


def _first_request(cause: RetrainCause, requests: Iterable[RetrainRequest], now: datetime) -> RetrainRequest:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for request in requests:
        counts[request.zone, request.cause] += 1
    number = counts[cause.zone, cause.kind] + 1
    return RetrainRequest(
        request_id=f"{cause.zone}-{cause.kind}-{number:05d}",
        zone=cause.zone,
        cause=cause.kind,
        detail=cause.detail,
        requested_at_utc=now,
        status="requested",
        n_attempts=1,
        run_id=None,
        updated_at_utc=now,
    )
