"""The file `dagster.yaml` of a desk: the template, and what a deployment sets in place of parts of it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from resources.settings.process import variable
from resources.settings.yaml_file import read_yaml
from spot.errors import ConfigurationError

ON_THIS_HOST = ("DefaultRunLauncher", "DockerRunLauncher")
"""Launchers whose runs stay on the host of the daemon. Any other one may start them elsewhere."""


def instance_settings(template: Path, deployment: Path | None) -> bytes:
    """The text of `dagster.yaml`.

    A top-level key of `deployment`, such as `storage` or `run_launcher`, replaces that of the template.

    Raises:
        ConfigurationError: the file `deployment` cannot be read, or is not a mapping of settings.
    """
    if deployment is None:
        return template.read_bytes()
    own = {**read_yaml(template).content, **read_yaml(deployment).content}
    return yaml.safe_dump(own, sort_keys=False).encode()


def storage_url(deployment: Path) -> str:
    """The address of the Postgres server that a deployment names for Dagster's records; empty for none.

    Raises:
        ConfigurationError: the file cannot be read, or names a server without saying where it is.
    """
    named = _mapping(read_yaml(deployment).content.get("storage")).get("postgres")
    if named is None:
        return ""
    settings = _mapping(named)
    if "postgres_url" in settings:
        return _text(settings["postgres_url"])
    parts = {
        name: _text(value)
        for name, value in _mapping(settings.get("postgres_db")).items()
        if name != "params"
    }
    if not parts.get("hostname") or not parts.get("db_name"):
        raise ConfigurationError(f"{deployment}: storage.postgres has neither postgres_url nor postgres_db")
    password = f":{quote(parts['password'], safe='')}" if parts.get("password") else ""
    user = f"{quote(parts['username'], safe='')}{password}@" if parts.get("username") else ""
    return f"postgresql://{user}{parts['hostname']}:{parts.get('port', '5432')}/{parts['db_name']}"


def has_several_hosts(deployment: Path | None) -> bool:
    """Whether the launcher that a deployment names may start runs on other hosts than the daemon's.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    if deployment is None:
        return False
    launcher = _mapping(read_yaml(deployment).content.get("run_launcher"))
    if launcher.get("class") == "DeskRunLauncher":
        launcher = _mapping(_mapping(launcher.get("config")).get("launcher"))
    return str(launcher.get("class", ON_THIS_HOST[0])) not in ON_THIS_HOST


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str:
    """A setting, or the variable that `{env: NAME}` names."""
    name = _mapping(value).get("env")
    return str(value) if name is None else variable(str(name))
