"""The folder of the Dagster instance of a desk, made ready before Dagster is used."""

from collections.abc import Mapping
from pathlib import Path

from resources.files import write_whole
from resources.home.find import TEMPLATES
from resources.instance.databases import make_databases
from resources.instance.settings import instance_settings
from resources.settings.environment import Environment, variables_of
from resources.settings.process import set_variables, variables


def prepare_dagster_home(environment: Environment) -> Path:
    """Make the instance folder with `dagster.yaml` and its databases, and set its absolute path for Dagster.

    Dagster ignores a relative path. The file is a copy of the template: a link would point to the checkout,
    and a moved desk may have another. What SPOTDESK_DAGSTER_SETTINGS says goes before it.

    Raises:
        ConfigurationError: a database is damaged, or the file of SPOTDESK_DAGSTER_SETTINGS cannot be read.
    """
    folder = environment.dagster_home
    folder.mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster.yaml"
    given = instance_settings(TEMPLATES / "dagster.yaml", environment.dagster_settings)
    if settings.is_symlink() or not settings.is_file() or settings.read_bytes() != given:
        write_whole(settings, given)
    if environment.dagster_settings is None:
        make_databases(folder)
    set_variables({"DAGSTER_HOME": str(folder)})
    return folder


def child_environment(environment: Environment) -> Mapping[str, str]:
    """Variables for a child process (`dagster dev`) that must work in this environment."""
    return {
        **variables(),
        **variables_of(environment),
        "SPOTDESK_HOME": str(environment.home),
        "DAGSTER_HOME": str(prepare_dagster_home(environment)),
    }
