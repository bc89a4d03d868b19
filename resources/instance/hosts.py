"""Runs on several hosts: Celery hands each one to a worker, and a worker that is gone is noticed.

Needs the extra `hosts` (dagster-celery and redis).
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

QUESTIONS, SECONDS = 3, 2.0
"""How often a worker is asked before it counts as gone, and how long each question waits."""
_LOOK_HOLDS_SECONDS = 3.0
"""Runs of one worker are judged by one look at it."""
_WORKER = {
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,  # a task that a dead worker had only reserved would be lost
    "worker_max_tasks_per_child": 1,  # a run is a process, whose end frees all it held
    "broker_connection_retry_on_startup": True,
    "task_track_started": True,
    "result_expires": 7 * 24 * 3600,
}


class HostsRunLauncher(CeleryRunLauncher):
    """Dagster's launcher over Celery, with an answer for hosts that are gone.

    Dagster's own reads what the worker last wrote, which a dead one never changes: its run would count as
    running for hours. Here the worker itself is asked whether it still works on the run.
    """

    def __init__(
        self,
        default_queue: str,
        broker: str | None = None,
        backend: str | None = None,
        include: list[str] | None = None,
        config_source: dict[str, Any] | None = None,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        settings = {**_WORKER, **(config_source or {})}
        super().__init__(default_queue, broker, backend, include, settings, inst_data)
        self._looks: dict[str, tuple[float, frozenset[str] | None]] = {}

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker works on the run; one that answers none of three questions does not."""
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:  # this launcher has not started it
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        state = self.celery.AsyncResult(task_id).state
        if state == "PENDING":  # the broker has forgotten it: only the workers know
            return self._found(task_id)
        if state != "STARTED":
            return super().check_run_worker_health(run)
        why = self.why_lost(run)
        return CheckRunHealthResult(WorkerStatus.FAILED if why else WorkerStatus.RUNNING, why)

    def why_lost(self, run: DagsterRun) -> str:
        """Why nobody works any more on a run that a worker had begun; empty where one does, or none had."""
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        result = self.celery.AsyncResult(task_id) if task_id else None
        if result is None or result.state != "STARTED" or not isinstance(result.info, Mapping):
            return ""
        host = str(result.info.get("hostname"))
        tasks = self._tasks_of(host)
        if tasks is None:
            return f"the worker {host} does not answer"
        if task_id not in tasks and self.celery.AsyncResult(task_id).state == "STARTED":
            return f"the worker {host} no longer works on it"
        return ""

    def terminate(self, run_id: str) -> bool:
        """Stop a run. False where this launcher has not started it."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        return bool(super().terminate(run_id))

    def _tasks_of(self, host: str) -> frozenset[str] | None:
        """The tasks that a worker works on; None where it does not answer."""
        at, tasks = self._looks.get(host, (-_LOOK_HOLDS_SECONDS, None))
        if time.monotonic() - at >= _LOOK_HOLDS_SECONDS:
            tasks = self._asked(host)
            self._looks[host] = time.monotonic(), tasks
        return tasks

    def _asked(self, host: str) -> frozenset[str] | None:
        for _ in range(QUESTIONS):
            asked = self.celery.control.inspect(destination=[host], timeout=SECONDS, limit=1)
            answers: Mapping[str, Sequence[Mapping[str, Any]]] | None = asked.active()
            if answers and host in answers:
                return frozenset(str(task["id"]) for task in answers[host])
        return None

    def _found(self, task_id: str) -> CheckRunHealthResult:
        answers = self.celery.control.inspect(timeout=SECONDS).active() or {}
        if any(task["id"] == task_id for tasks in answers.values() for task in tasks):
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.FAILED, "no worker knows of it")
