"""The run launcher of a desk.

Starts runs as another launcher does, and knows those that commands work off.
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
from dagster._serdes import ConfigurableClass, ConfigurableClassData

from resources.instance.in_process import is_alive


class DeskRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Leaves every run to the launcher that `dagster.yaml` names, but for the health of runs of commands.

    Without it, Dagster's run monitoring fails a run of `spotdesk run` while it works, since launchers of
    containers do not find it among theirs.

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
        """What `dagster.yaml` says of this launcher."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> Any:
        """Module, class and config of the launcher that starts runs.

        Dagster's default one where it is missing.
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

    def register_instance(self, instance: DagsterInstance) -> None:
        """Both launchers work for `instance`."""
        super().register_instance(instance)
        self._launcher.register_instance(instance)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a run."""
        self._launcher.launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """Stop a run; one of a command is stopped where it was started."""
        return self._launcher.terminate(run_id)

    def dispose(self) -> None:
        """Let go of what the launcher holds."""
        self._launcher.dispose()

    def join(self, timeout: int = 30) -> None:
        """Wait for the runs that were started."""
        self._launcher.join(timeout)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """The process of a command is looked after under every launcher."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Of a command, whether its process lives; of another run, what the launcher says if it can tell."""
        alive = is_alive(self._instance, run)
        if alive is not None:
            return CheckRunHealthResult(
                WorkerStatus.RUNNING if alive else WorkerStatus.FAILED, "its process is gone"
            )
        if self._launcher.supports_check_run_worker_health:
            return self._launcher.check_run_worker_health(run)
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """What the launcher knows of the worker of a run."""
        return self._launcher.get_run_worker_debug_info(run, include_container_logs)

    @property
    def supports_resume_run(self) -> bool:
        """Whether the launcher goes on with a run whose worker died."""
        return self._launcher.supports_resume_run

    def resume_run(self, context: ResumeRunContext) -> None:
        """Go on with a run whose worker died; that of a command fails, and the same command goes on."""
        if is_alive(self._instance, context.dagster_run) is None:
            self._launcher.resume_run(context)
        else:
            self._instance.report_run_failed(context.dagster_run, "its process is gone")
