"""The Celery app of a worker (`spotdesk service worker`): broker and settings are those of the launcher."""

from typing import Any

from dagster import DagsterInstance
from dagster_celery.tasks import create_execute_job_task, create_resume_job_task

from resources.instance.hosts import HostsRunLauncher
from resources.instance.launcher import DeskRunLauncher
from spot.errors import ConfigurationError


def worker_app() -> Any:
    """The app with the tasks that launch a run.

    Raises:
        ConfigurationError: the desk launches its runs by no HostsRunLauncher.
    """
    with DagsterInstance.get() as instance:
        launcher = instance.run_launcher
        inner = launcher.inner if isinstance(launcher, DeskRunLauncher) else launcher
        if not isinstance(inner, HostsRunLauncher):
            raise ConfigurationError(
                "a worker needs HostsRunLauncher as run_launcher in the file of SPOTDESK_DAGSTER_SETTINGS, as"
                " in deploy/hosts/dagster.yaml"
            )
        app = inner.celery
    create_execute_job_task(app)
    create_resume_job_task(app)
    return app


app = worker_app()
