"""Runs whose process died: they are closed, and what had asked for them asks again.

A run is lost when it failed without a step of its failing: its process was killed, or the code did not load.
Dagster starts such a run again by itself, at once, and a few times only (`run_retries` in `dagster.yaml`); a
trigger with a run key then stays answered for ever. Here it asks again, after 1, 2, 4, 8 and then each 15
minutes, while what it asked for still has a use. A step that fails says why, and nothing asks again.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from dagster import (
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)
from dagster._core.events import RunFailureReason
from dagster._core.storage.tags import (
    AUTO_RETRY_RUN_ID_TAG,
    PARTITION_NAME_TAG,
    RUN_FAILURE_REASON_TAG,
    SCHEDULE_NAME_TAG,
    SENSOR_NAME_TAG,
    WILL_RETRY_TAG,
)

from resources.instance.in_process import close_dead_runs
from resources.wall_clock import utc_now
from spot.errors import SpotdeskError
from spot.market.gates import gate_closure_utc
from trading_assets.jobs import (
    auction_results_loaded,
    challengers_reviewed,
    database_published,
    delivered_days_settled,
    raw_captured,
    signals_ready,
    sources_watched,
)

AGAIN_TAG = "spotdesk/asked_again"
"""How often the trigger of a run had asked before."""
_JOBS = (
    signals_ready,
    auction_results_loaded,
    delivered_days_settled,
    challengers_reviewed,
    database_published,
    raw_captured,
    sources_watched,
)
"""A first history and a retrain have triggers that look for themselves what became of their runs."""
_LONGEST_WAIT = timedelta(minutes=15)
"""Chosen by hand: a machine that comes back is used within a quarter of an hour."""
_HAS_A_USE = timedelta(hours=24)
"""Chosen by hand: the next day's run of the same job does what an older one would have done."""
_MOST_RUNS = 200
"""Runs that one evaluation looks at. Chosen by hand: 40 zones with three schedules start 120 runs a day."""


def wait_before_attempt(n_before: int) -> timedelta:
    """How long a trigger waits before it asks again, after so many attempts: 1, 2, 4, 8, 15, 15 minutes."""
    return min(timedelta(minutes=2 ** min(max(n_before - 1, 0), 10)), _LONGEST_WAIT)


def is_started_again(run: DagsterRun) -> bool:
    """Whether Dagster is about to start a failed run again by itself."""
    return run.tags.get(WILL_RETRY_TAG) == "true" and AUTO_RETRY_RUN_ID_TAG not in run.tags


@sensor(
    jobs=_JOBS,
    minimum_interval_seconds=30,
    default_status=DefaultSensorStatus.RUNNING,
    description=(
        "Runs whose process is gone are closed and free their slots; what a schedule or sensor had asked for"
        " is asked for again."
    ),
)
def lost_runs_return(context: SensorEvaluationContext) -> SensorResult | SkipReason:
    """One look at all runs of this host that are under way, and at those that were lost today."""
    n_closed = close_dead_runs(context.instance)
    asked = list(asked_again(context.instance, utc_now()))
    if asked:
        return SensorResult(run_requests=asked)
    return SkipReason(f"{n_closed} runs closed whose process is gone, none to ask for again")


def asked_again(instance: DagsterInstance, now: datetime) -> Iterator[RunRequest]:
    """A request for each lost run that is the newest of its job and partition and still has a use."""
    wanted = RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=now - _HAS_A_USE)
    for record in instance.get_run_records(wanted, limit=_MOST_RUNS):
        run = record.dagster_run
        ended = datetime.fromtimestamp(record.end_time or now.timestamp(), UTC)
        if _is_lost(run) and _is_due(run, ended, now) and _is_newest(instance, run):
            yield _request(run)


def _is_lost(run: DagsterRun) -> bool:
    tags = run.tags
    return (
        run.job_name in {job.name for job in _JOBS}
        and (SCHEDULE_NAME_TAG in tags or SENSOR_NAME_TAG in tags)
        and tags.get(RUN_FAILURE_REASON_TAG) != RunFailureReason.STEP_FAILURE.value
        and not is_started_again(run)
    )


def _is_due(run: DagsterRun, ended: datetime, now: datetime) -> bool:
    """Whether the wait is over, and the gate of what sends signals has not closed."""
    if now - ended < wait_before_attempt(_n_asked(run) + 1):
        return False
    if run.job_name != signals_ready.name:
        return True
    day, _, zone = run.tags.get(PARTITION_NAME_TAG, "").partition("|")
    try:
        return now < gate_closure_utc(zone, date.fromisoformat(day))
    except (ValueError, SpotdeskError):  # a damaged record: it must not keep the others from being asked for
        return False


def _is_newest(instance: DagsterInstance, run: DagsterRun) -> bool:
    key = run.tags.get(PARTITION_NAME_TAG)
    same = RunsFilter(job_name=run.job_name, tags={PARTITION_NAME_TAG: key} if key else {})
    newest = instance.get_runs(same, limit=1)
    return bool(newest) and newest[0].run_id == run.run_id


def _n_asked(run: DagsterRun) -> int:
    said = run.tags.get(AGAIN_TAG, "0")
    return int(said) if said.isdecimal() else 0


def _request(run: DagsterRun) -> RunRequest:
    own = {name: value for name, value in run.tags.items() if "dagster/" not in name}
    return RunRequest(
        run_key=f"again-{run.run_id}",
        job_name=run.job_name,
        partition_key=run.tags.get(PARTITION_NAME_TAG),
        tags={**own, AGAIN_TAG: str(_n_asked(run) + 1)},
    )


LOST_RUN_SENSORS = (lost_runs_return,)
