"""Retraining: causes become requests, requests become runs, and no request is forgotten.

There is one sensor for all causes: drift, worse performance, age, new code, and attempts that failed or were
killed. It reads how the runs of open requests ended and does not wait for an event, so a lost event has no
effect. The run key names the attempt, because Dagster never starts the key of a failed run again.
"""

from dataclasses import replace
from datetime import datetime

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import REQUEST_TAG, TrainingOrder
from resources.settings.policies import monitoring_settings
from resources.settings.zones import Desk
from resources.trading.alerts import Alerts
from sensors.lost_runs import is_started_again
from spot.lifecycle.retraining import RetrainCause, RetrainRequest, decide_retrains, launch_key, mark
from spot.market.delivery import delivery_day_of
from trading_assets.jobs import zone_retrained
from workflows.lifecycle.retrain_requests import (
    cause_of_age,
    cause_of_code,
    causes_from_monitors,
    has_bad_data,
    has_enough_data,
    read_requests,
    write_requests,
)

_IN_PROGRESS = (
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
_ENDED_BADLY = (DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)


@sensor(
    job=zone_retrained,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description=(
        "Drift, worse performance, age or new code of a zone's model: one retrain per cause and cool-down;"
        " failed ones again, then an alert."
    ),
)
def retrain_is_due(
    context: SensorEvaluationContext,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    alerts: Alerts,
    clock: Clock,
) -> SensorResult | SkipReason:
    """Requests to launch now, over all zones that the desk serves by schedule."""
    now = clock.now()
    runs = [
        run
        for zone in desk.zones
        if desk.zone(zone).is_scheduled
        for run in requests_of_zone(context.instance, zone, lake, desk, registry, alerts, now)
    ]
    return SensorResult(run_requests=runs) if runs else SkipReason("no zone needs a retrain")


def requests_of_zone(
    instance: DagsterInstance,
    zone: str,
    lake: Lake,
    desk: Desk,
    registry: ModelRegistry,
    alerts: Alerts,
    now: datetime,
) -> list[RunRequest]:
    """Update the zone's open requests, decide, write every row, and return the runs to launch."""
    history = [_brought_up_to_date(instance, request, now) for request in read_requests(lake, zone)]
    causes = find_causes(zone, lake, desk, registry, now)
    today = delivery_day_of(zone, now)
    bad = {zone} if has_bad_data(lake, zone, last_day=today) else set()
    decision = decide_retrains(
        history, causes, now=now, settings=monitoring_settings(desk).retraining, zones_with_bad_data=bad
    )
    write_requests(lake, {request.request_id: request for request in (*history, *decision.changed)}.values())
    for request in decision.abandoned:
        text = (
            f"retrain {request.request_id} ({request.detail}) failed {request.n_attempts} times and is"
            " given up"
        )
        alerts.send("retrain_abandoned", text, zone=zone, severity="critical", now=now)
    return [_run_request(request) for request in decision.launch]


def find_causes(
    zone: str, lake: Lake, desk: Desk, registry: ModelRegistry, now: datetime
) -> list[RetrainCause]:
    """All causes of the zone at this instant; none while there is too little data to train on."""
    today, settings = delivery_day_of(zone, now), desk.zone(zone)
    if not has_enough_data(lake, zone, settings):
        return []
    versions = registry.versions(zone)
    age = cause_of_age(versions, zone, settings, before=today, now=now)
    code = cause_of_code(versions, zone, settings, now=now)
    return [
        cause
        for cause in (age, code, *causes_from_monitors(lake, zone, last_day=today, now=now))
        if cause is not None
    ]


def _brought_up_to_date(instance: DagsterInstance, request: RetrainRequest, now: datetime) -> RetrainRequest:
    """The request with the result of its newest run; unchanged where no run of this attempt is known."""
    if request.status not in ("requested", "running"):
        return request
    records = instance.get_run_records(
        RunsFilter(tags={REQUEST_TAG: request.request_id, "dagster/run_key": launch_key(request)}), limit=1
    )
    if not records:
        return request
    run = records[0].dagster_run
    if run.status == DagsterRunStatus.SUCCESS:
        return mark(request, "succeeded", now=now, run_id=run.run_id)
    if run.status in _ENDED_BADLY and not is_started_again(run):
        return mark(request, "failed", now=now, run_id=run.run_id)
    if request.status == "requested" and run.status in _IN_PROGRESS:
        return mark(request, "running", now=now, run_id=run.run_id)
    return replace(request, run_id=run.run_id)


def _run_request(request: RetrainRequest) -> RunRequest:
    order = TrainingOrder(cause=request.cause, detail=request.detail, request_id=request.request_id)
    return RunRequest(
        run_key=launch_key(request),
        partition_key=request.zone,
        tags=order.tags(),
    )


RETRAINING_SENSORS = (retrain_is_due,)
