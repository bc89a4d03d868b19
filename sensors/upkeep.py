"""Reactions to successful runs: a new analyst database, and a look at the challengers.

They also load the first history of a new zone.
"""

from datetime import UTC, date, datetime, timedelta

from dagster import (
    DagsterInstance,
    DagsterRunStatus,
    DefaultScheduleStatus,
    DefaultSensorStatus,
    RunRequest,
    RunsFilter,
    RunStatusSensorContext,
    ScheduleDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    run_status_sensor,
    sensor,
)
from dagster._core.storage.tags import PARTITION_NAME_TAG

from resources.books.leaving import send_head
from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.market_source import MarketSource
from resources.settings.at_use import books_place
from resources.settings.environment import read_environment
from resources.settings.zones import Desk
from resources.wall_clock import utc_now
from sensors.lost_runs import is_started_again, wait_before_attempt
from spot.features.matrix import HISTORY_DAYS
from spot.market.delivery import delivery_day_of
from spot.market.zones import CENTRAL_EUROPE
from trading_assets.jobs import (
    challengers_reviewed,
    database_published,
    delivered_days_settled,
    history_loaded,
    signals_ready,
    zone_retrained,
)
from trading_assets.partitions import FIRST_DAY_TAG, partition_key
from trading_assets.upkeep.books import BOOKS_JOBS
from trading_assets.upkeep.lake import LAKE_JOBS

_MOST_TRIES = 1000
"""More than a day has room for."""


@run_status_sensor(
    run_status=DagsterRunStatus.SUCCESS,
    monitored_jobs=[signals_ready, delivered_days_settled, zone_retrained, challengers_reviewed],
    request_job=database_published,
    default_status=DefaultSensorStatus.RUNNING,
    description=(
        "Signals, settlements, a model version or a decision on one are new: analysts get a fresh database."
    ),
)
def tables_changed(context: RunStatusSensorContext) -> RunRequest:
    """One publication per run that changed the tables."""
    return RunRequest(run_key=f"database-{context.dagster_run.run_id}")


@run_status_sensor(
    run_status=DagsterRunStatus.SUCCESS,
    monitored_jobs=[delivered_days_settled],
    request_job=challengers_reviewed,
    default_status=DefaultSensorStatus.RUNNING,
    description="A day more of outcomes: the zone's challengers are judged.",
)
def shadow_day_settled(context: RunStatusSensorContext) -> RunRequest | SkipReason:
    """One review per judged day and zone."""
    key = context.partition_key or context.dagster_run.tags.get("dagster/partition", "")
    if "|" not in key:
        return SkipReason("the run had no zone")
    return RunRequest(run_key=f"review-{context.dagster_run.run_id}", partition_key=key.split("|")[-1])


@sensor(
    job=history_loaded,
    minimum_interval_seconds=300,
    default_status=DefaultSensorStatus.RUNNING,
    description=(
        "A zone without features: its history is loaded, so that a model can be trained. After a try that"
        " left none, another one 1, 2, 4, 8 and then each 15 minutes later."
    ),
)
def history_is_missing(
    context: SensorEvaluationContext, lake: Lake, desk: Desk, clock: Clock, market_source: MarketSource
) -> SensorResult | SkipReason:
    """The first load of a new zone. One on files waits for the first file."""
    runs = []
    for zone in desk.zones:
        settings = desk.zone(zone)
        if not settings.is_scheduled or not lake.read("day_ahead_features", zones=[zone]).is_empty():
            continue
        if not market_source.holds(zone, settings=settings):
            continue
        now = clock.now()
        today = delivery_day_of(zone, now)
        attempt = next_attempt(context.instance, zone, today, now)
        if attempt is None:
            continue
        since = today - timedelta(days=settings.training_days + settings.evaluation_days + HISTORY_DAYS)
        runs.append(
            RunRequest(
                run_key=f"history-{zone}-{today}-{attempt}",
                partition_key=partition_key(zone, today),
                tags={FIRST_DAY_TAG: since.isoformat()},
            )
        )
    return SensorResult(run_requests=runs) if runs else SkipReason("no zone waits for a first history")


def next_attempt(instance: DagsterInstance, zone: str, day: date, now: datetime) -> int | None:
    """The number of the next try to load a first history on `day`, from 0; None while it is too early.

    A run key names the attempt, because Dagster never answers a key twice, also where its run was lost.
    """
    tries = RunsFilter(job_name=history_loaded.name, tags={PARTITION_NAME_TAG: partition_key(zone, day)})
    records = instance.get_run_records(tries, limit=_MOST_TRIES)
    if not records:
        return 0
    newest = records[0].dagster_run
    if not newest.is_finished or is_started_again(newest):
        return None
    ended = datetime.fromtimestamp(records[0].end_time or now.timestamp(), UTC)
    return len(records) if now - ended >= wait_before_attempt(len(records)) else None


@sensor(
    minimum_interval_seconds=600,
    default_status=DefaultSensorStatus.RUNNING,
    description="Sends the head of the books to SPOTDESK_BOOKS_URI, where it is set.",
)
def books_head_leaves() -> SkipReason:
    """One more head elsewhere pins what was done since the last one."""
    environment = read_environment()
    place = books_place(environment)
    if place is None:
        return SkipReason("SPOTDESK_BOOKS_URI is not set")
    return SkipReason(f"the head is {send_head(environment.home, place, now=utc_now())}")


UPKEEP_SCHEDULES = (
    ScheduleDefinition(
        name="lake_maintenance_weekly",
        job=LAKE_JOBS[0],
        cron_schedule="30 17 * * 6",
        execution_timezone=CENTRAL_EUROPE,
        default_status=DefaultScheduleStatus.RUNNING,
        description=(
            "Saturday evening, far from every gate: checksums compared, crowded partitions compacted; files,"
            " runs and captured bodies that are no longer kept are removed."
        ),
    ),
    ScheduleDefinition(
        name="books_verified_daily",
        job=BOOKS_JOBS[0],
        cron_schedule="15 17 * * *",
        execution_timezone=CENTRAL_EUROPE,
        default_status=DefaultScheduleStatus.RUNNING,
        description="Every evening: whether anything was changed that the signed books pin.",
    ),
)
UPKEEP_SENSORS = (tables_changed, shadow_day_settled, history_is_missing, books_head_leaves)
