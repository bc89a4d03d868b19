"""The graph in one process, without a UI: history block by block, each row as of its own gate.

For every zone, one run makes raw data and features of the whole range. Then it goes block by block (zones in
alphabetical order within a block). A version is trained if none serves or the serving one is too old, on days
before the block only. The block is forecast, traded on paper, settled and judged. Findings of the monitors
may cause a retrain before the next block. Last, the newest day's signals get their reasons. Everything is a
run of the graph's own jobs with the clock set to the block's gate. A run that was killed and is repeated
finds its own rows and versions, and leaves the same.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from dagster import AssetCheckSeverity, AssetKey, DagsterInstance, Definitions, in_process_executor
from threadpoolctl import threadpool_limits

from desk.screen.console import err
from resources.books.begin import keep_books
from resources.clock import Clock
from resources.instance.in_process import IN_PROCESS_TAG, living_process
from resources.instance.waiting import waits_are_told
from resources.lake.lake import Lake
from resources.models.registry import ModelRegistry
from resources.models.training_order import TrainingOrder
from resources.models.version import ModelVersion
from resources.settings.environment import Environment
from resources.settings.policies import monitoring_settings
from resources.settings.zones import Desk, ZoneSettings
from resources.wiring import make_lake, make_registry, make_resources
from spot.errors import ConfigurationError, SpotdeskError
from spot.features.matrix import HISTORY_DAYS
from spot.market.gates import gate_closure_utc
from trading_assets.catalogue import CHECKS, assets_for
from trading_assets.jobs import JOBS
from trading_assets.partitions import FIRST_DAY_TAG, partition_key, partitions_of
from workflows.lifecycle.families import all_versions, has_challengers
from workflows.lifecycle.retrain_requests import close_request, requests_of_history

Progress = Callable[[str, float], None]
"""Called with a line for people and the finished share, 0 to 1."""
_QUIET_LOGGER = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
"""Dagster's own log is silent: the runner raises one error for a failure, and the whole trace is in the run's
event log.
"""


class ChainFailedError(SpotdeskError):
    """A run of the chain failed; the message names the job, the zone, the days and the first cause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRequest:
    """What to run: zones, days and blocks."""

    zones: tuple[str, ...]
    first_day: date
    last_day: date
    block_days: int = 28
    """Days per run, and how often the monitors look."""
    retrains_on_drift: bool = True

    def __post_init__(self) -> None:
        if self.last_day < self.first_day or not self.zones or self.block_days < 1:
            raise ConfigurationError(
                f"nothing to run: zones {self.zones}, {self.first_day} to {self.last_day}, blocks of"
                f" {self.block_days} days"
            )


@dataclass(slots=True)
class ChainReport:
    """What was done."""

    n_runs: int = 0
    trained: list[ModelVersion] = field(default_factory=list)
    retrain_causes: list[tuple[str, date, str, str]] = field(default_factory=list)
    """Zone, first day that the new version could serve, cause and detail."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Job to its total seconds."""
    blocked: list[str] = field(default_factory=list)
    """Runs that a blocking check stopped, so that no signal was made, and why."""
    warnings: list[str] = field(default_factory=list)
    """Checks that warned: zone, asset and check, once each."""
    failed: list[str] = field(default_factory=list)
    """Checks that failed, which is a fault: zone, asset and check, once each."""


class ChainRunner:
    """Runs jobs of the graph in this process."""

    def __init__(
        self,
        environment: Environment,
        desk: Desk,
        instance: DagsterInstance,
        report: ChainReport | None = None,
    ) -> None:
        self.environment, self.desk, self.instance = environment, desk, instance
        self.lake: Lake = make_lake(environment)
        self.registry: ModelRegistry = make_registry(environment)
        self.report = report or ChainReport()
        resources = make_resources(environment, desk=desk)
        zones = {name: desk.zone(name) for name in desk.zones}
        self._definitions = Definitions(
            # The graph of these zones alone: Dagster lists every key of what an asset depends on.
            assets=assets_for(zones, partitions_of(zones)),
            asset_checks=CHECKS,
            jobs=JOBS,
            resources=resources,
            executor=in_process_executor,
        )
        self._process = living_process(instance)
        resources["state_folder"].set_up()
        self.registry.prepare()
        keep_books(environment)

    def run(
        self,
        job: str,
        key: str | None,
        *,
        now: datetime | None = None,
        first_day: date | None = None,
        order: TrainingOrder | None = None,
        only: Sequence[str] = (),
    ) -> None:
        """One run of `job` for a partition. `first_day` extends it backwards, `now` sets its clock.

        `only` names the assets of the job that run; all of them by default.

        Raises:
            ChainFailedError: a step failed. A blocking check that did not pass is not a failure of the chain:
                these days have no position, the report says so, and the next block may be better.
        """
        started = time.perf_counter()
        tags = {**self._process.tags, **(order.tags() if order is not None else {})}
        if first_day is not None:
            tags[FIRST_DAY_TAG] = first_day.isoformat()
        definition = self._definitions.resolve_job_def(job)
        with (
            threadpool_limits(limits=1, user_api="blas"),
            waits_are_told(self.instance, self._process.tags[IN_PROCESS_TAG], err.print),
        ):
            done = definition.execute_in_process(
                run_config=_QUIET_LOGGER,
                resources={"clock": Clock(fixed_utc=now.isoformat() if now is not None else "")},
                instance=self.instance,
                partition_key=key,
                tags=tags,
                asset_selection=[AssetKey(name) for name in only] or None,
                raise_on_error=False,
            )
        self.report.n_runs += 1
        self.report.seconds[job] = self.report.seconds.get(job, 0.0) + time.perf_counter() - started
        self._note_checks(done, key)
        if not done.success:
            what = f"{job} of {key}: {_first_cause(done)}"
            if not _is_blocked(done):
                raise ChainFailedError(what)
            self.report.blocked.append(what)

    def _note_checks(self, done: Any, key: str | None) -> None:
        zone = "" if key is None else key.split("|")[-1]
        for found in done.get_asset_check_evaluations():
            is_fault = found.severity == AssetCheckSeverity.ERROR
            told = self.report.failed if is_fault else self.report.warnings
            line = f"{zone} {found.asset_key.to_user_string()}: {found.check_name}"
            if not found.passed and line not in told:
                told.append(line)


def run_chain(
    request: ChainRequest,
    *,
    environment: Environment,
    desk: Desk,
    instance: DagsterInstance | None = None,
    on_progress: Progress = lambda *_: None,
) -> ChainReport:
    """Run the chain for the zones and days of the request.

    The chain is data, features, training, forecasts, signals, settlement, monitoring and the analyst
    database.

    `desk` is `desk_resource(environment, source=..., assume_known=...)`. Without an `instance`, no event is
    kept after the process ends.

    Raises:
        ChainFailedError: a run failed. Finished work stays, and the same request continues from there.
        ConfigurationError: a zone is not in `zones.yaml`.
    """
    if instance is None:
        with DagsterInstance.ephemeral() as own:
            return run_chain(
                request, environment=environment, desk=desk, instance=own, on_progress=on_progress
            )
    runner = ChainRunner(environment, desk, instance)
    zones = sorted(set(request.zones))
    settings = {zone: desk.zone(zone) for zone in zones}
    blocks = _blocks(request)
    n_steps = len(zones) * (1 + len(blocks)) + 1
    for i, zone in enumerate(zones):
        first = request.first_day - timedelta(days=_history_days(settings[zone]))
        runner.run("history_loaded", partition_key(zone, request.last_day), first_day=first)
        on_progress(f"{zone}: data and features from {first} to {request.last_day}", (i + 1) / n_steps)
    done = len(zones)
    for first, last in blocks:
        for zone in zones:
            _run_block(runner, zone, first, last, retrains_on_drift=request.retrains_on_drift)
            done += 1
            on_progress(f"{zone}: {first} to {last} forecast, traded, settled and judged", done / n_steps)
    for zone in zones:
        runner.run("signals_explained", partition_key(zone, request.last_day))
    runner.run("database_published", None)
    on_progress("analyst database published", 1.0)
    return runner.report


def train_zone(
    runner: ChainRunner, zone: str, through: date, *, cause: str, detail: str, request_id: str = ""
) -> None:
    """One training run as of the gate of the day after `through`."""
    now = gate_closure_utc(zone, through + timedelta(days=1))
    order = TrainingOrder(through_day=through.isoformat(), cause=cause, detail=detail, request_id=request_id)
    before = {version.run_id for version in all_versions(zone, runner.registry)}
    runner.run("zone_retrained", zone, now=now, order=order)
    runner.report.trained += [
        version for version in all_versions(zone, runner.registry) if version.run_id not in before
    ]
    runner.report.retrain_causes.append((zone, through + timedelta(days=1), cause, detail))


def _run_block(runner: ChainRunner, zone: str, first: date, last: date, *, retrains_on_drift: bool) -> None:
    _retrain_if_due(runner, zone, first, on_drift=retrains_on_drift)
    # All outcomes of the block are known at the gate of the day after it. Each row is still made as of its
    # own gate.
    now = max(
        gate_closure_utc(zone, last + timedelta(days=1)), gate_closure_utc(zone, last) + timedelta(hours=24)
    )
    runner.run("history_traded", partition_key(zone, last), now=now, first_day=first)
    if has_challengers(zone, runner.desk, runner.registry):
        runner.run("challengers_reviewed", zone, now=gate_closure_utc(zone, last + timedelta(days=1)))


def _retrain_if_due(runner: ChainRunner, zone: str, first: date, *, on_drift: bool) -> None:
    now = gate_closure_utc(zone, first)
    limits = monitoring_settings(runner.desk).retraining
    versions = runner.registry.versions(zone)
    for asked in requests_of_history(
        runner.lake, runner.desk, versions, zone, before=first, now=now, limits=limits, watches=on_drift
    ):
        train_zone(
            runner,
            zone,
            first - timedelta(days=1),
            cause=asked.cause,
            detail=asked.detail,
            request_id=asked.request_id,
        )
        close_request(runner.lake, asked, "succeeded", now=now)


def _blocks(request: ChainRequest) -> list[tuple[date, date]]:
    blocks, first = [], request.first_day
    while first <= request.last_day:
        last = min(first + timedelta(days=request.block_days - 1), request.last_day)
        blocks.append((first, last))
        first = last + timedelta(days=1)
    return blocks


def _history_days(settings: ZoneSettings) -> int:
    return settings.training_days + settings.evaluation_days + HISTORY_DAYS


def _is_blocked(done: Any) -> bool:
    failures = [event.step_failure_data.error for event in done.all_events if event.is_step_failure]
    return bool(failures) and all(
        error is not None and error.cls_name == "DagsterAssetCheckFailedError" for error in failures
    )


def _first_cause(done: Any) -> str:
    for event in done.all_events:
        if event.is_step_failure and event.step_failure_data.error is not None:
            error = event.step_failure_data.error
            while error.cause is not None:
                error = error.cause
            said = error.message.strip()
            if (
                error.cls_name == "DagsterAssetCheckFailedError"
            ):  # a reader needs neither its class nor its line breaks
                said = " ".join(said.partition(f"{error.cls_name}: ")[2].split()) or said
            return f"{event.step_key}: {said}"
    return "a step failed"
