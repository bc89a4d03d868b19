"""The run launcher of a desk.

It starts runs as another launcher does, and knows the runs that commands execute.
"""

from collections.abc import Mapping
from typing import Any, Self

import yaml
from dagster import DagsterInstance, DagsterRun, DefaultRunLauncher, Field, Permissive
from dagster._core.launcher import (
    CheckRunHealthResult,
    LaunchRunContext,
    ResumeRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._core.remote_representation.code_location import GrpcServerCodeLocation
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from resources.instance.in_process import is_alive
from resources.instance.workers import has_worker, launching

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


class DeskRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Leaves every run to the launcher that `dagster.yaml` names, but for the health of runs on this host.

    Without it, Dagster's run monitoring fails a run of `spotdesk run` while it works, since launchers of
    containers do not find it among theirs; and it takes hours to see that a run of the default launcher has
    lost its process.

        run_launcher:
          module: resources.instance.launcher
          class: DeskRunLauncher
          config:
            launcher: {module: dagster_docker, class: DockerRunLauncher, config: {...}}
    """

    def __init__(self, launcher: RunLauncher[Any], inst_data: ConfigurableClassData | None = None) -> None:
        self._launcher, self._inst_data = launcher, inst_data
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """The part of `dagster.yaml` about this launcher."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> Any:
        """Module, class and config of the launcher that starts runs.

        If it is missing, Dagster's default one is used.
        """
        return {"launcher": Field(Permissive(), is_required=False)}  # type: ignore[no-untyped-call]

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        """The launcher of an instance."""
        named = config_value.get("launcher")
        if named is None:
            return cls(DefaultRunLauncher(), inst_data)
        data = ConfigurableClassData(named["module"], named["class"], yaml.safe_dump(named.get("config", {})))
        launcher = data.rehydrate(as_type=RunLauncher)  # type: ignore[type-abstract]
        return cls(launcher, inst_data)

    @property
    def inner(self) -> RunLauncher[Any]:
        """The launcher that starts runs."""
        return self._launcher

    def register_instance(self, instance: DagsterInstance) -> None:
        """Both launchers work for `instance`."""
        super().register_instance(instance)
        self._launcher.register_instance(instance)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run; one whose process begins on this host is marked, so that its end is seen."""
        if isinstance(self._launcher, DefaultRunLauncher) and _begins_here(context):
            with launching(self._instance, context.dagster_run.run_id):
                self._launcher.launch_run(context)
        else:
            self._launcher.launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """Stop a run. A run of a command is stopped where it was started."""
        return self._launcher.terminate(run_id)

    def dispose(self) -> None:
        """Release what the launcher holds."""
        self._launcher.dispose()

    def join(self, timeout: int = 30) -> None:
        """Wait for the runs that were started."""
        self._launcher.join(timeout)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Always true: the process of a command is checked under every launcher."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the process lives, of a command and of a run that was launched on this host.

        Of another run, what its launcher says if it can tell.
        """
        alive = is_alive(self._instance, run)
        if alive is None:
            alive = has_worker(self._instance, run)
        if alive is not None:
            return CheckRunHealthResult(
                WorkerStatus.RUNNING if alive else WorkerStatus.FAILED, "its process has ended"
            )
        if self._launcher.supports_check_run_worker_health:
            return self._launcher.check_run_worker_health(run)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def why_lost(self, run: DagsterRun) -> str:
        """Why nobody works any more on a run that a worker elsewhere had begun; empty where one does."""
        ask = getattr(self._launcher, "why_lost", None)
        return "" if ask is None else str(ask(run))

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """What the launcher knows of the worker of a run."""
        return self._launcher.get_run_worker_debug_info(run, include_container_logs)

    @property
    def supports_resume_run(self) -> bool:
        """Whether the launcher can resume a run whose worker died."""
        return self._launcher.supports_resume_run

    def resume_run(self, context: ResumeRunContext) -> None:
        """Resume a run whose worker died. A run of a command fails, and the same command continues it."""
        if is_alive(self._instance, context.dagster_run) is None:
            self._launcher.resume_run(context)
        else:
            self._instance.report_run_failed(context.dagster_run, "its process is gone")


def _begins_here(context: LaunchRunContext) -> bool:
    """Whether the server that starts the process of a run is on this host."""
    origin = context.dagster_run.remote_job_origin
    if origin is None or context.workspace is None:
        return False
    name = origin.repository_origin.code_location_origin.location_name
    location = context.workspace.get_code_location(name)
    return isinstance(location, GrpcServerCodeLocation) and location.client.host in _HERE
