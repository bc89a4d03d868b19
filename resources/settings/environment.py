"""The environment of a desk: where everything outside the process lies, and its secrets.

`Environment` is the only reader of variables and of `.env`; a variable of the process goes before one of
`.env`. There is one `.env` per desk, in its folder: that of a checkout would give the webhook of one desk to
every other.

| variable | default | meaning |
|---|---|---|
| SPOTDESK_HOME | the nearest desk upwards | folder of the desk; not in `.env`, which lies in it |
| SPOTDESK_ENVIRONMENT | `local` | local, paper or production |
| SPOTDESK_CONF | `<home>/conf` | folder of the settings |
| SPOTDESK_ACCEPTED_SETTINGS | none | digest of settings that people have accepted elsewhere |
| SPOTDESK_LAKE_URI | `<home>/lake` | where the tables lie; `s3://bucket/prefix` for AWS |
| SPOTDESK_MARKET_DATA | `../shared/data` | folder of recorded market data, source `files` |
| SPOTDESK_ANALYST_DATABASE | `<home>/analyst.duckdb` | file that analysts open |
| SPOTDESK_WEBHOOK_URL | none | where alerts go, separated by white space: webhooks, or addresses of Apprise |
| SPOTDESK_SIGNAL_WEBHOOK_URL, SPOTDESK_SIGNAL_WEBHOOK_SECRET | none | live signals are posted there, signed |
| SPOTDESK_HEARTBEAT_URL | none | asked each minute while schedules and sensors run; a secret |
| SPOTDESK_UI_HOSTS | none | further names under which the UI may be asked for, separated by commas |
| SPOTDESK_TRUSTED_PROXIES, SPOTDESK_IDENTITY_HEADER | none | addresses whose header names a person |
| SPOTDESK_STOP_URI | none | second place of the stop button, a must on several hosts: a folder, or S3 |
| SPOTDESK_BOOKS_URI | none | where heads of the books are kept: a folder elsewhere, or `s3://bucket/prefix` |
| SPOTDESK_BOOKS_KEY | `<home>/identity/books.key` | file of the private key that signs the books |
| SPOTDESK_DAGSTER_SETTINGS | none | YAML file whose settings go before those of `dagster.yaml`: storage |
| SPOTDESK_COMMIT | asked of git | commit of the code, where there is no checkout |
| MLFLOW_TRACKING_URI | `sqlite:///<home>/mlflow.db` | MLflow server or database |
| SPOTDESK_PROVIDER_URLS | none | other addresses of live sources, `name=url` separated by commas: a mirror |
| SPOTDESK_ENTSOE_TOKEN, SPOTDESK_PJM_KEY ... | none | keys of sources: `spotdesk sources` names them |
| AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP | none | for a lake on S3 |
| AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN | none | likewise, but for a role |

Secrets are `SecretStr`: whatever prints an environment shows asterisks.
"""

import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from resources.home.find import PROJECT_ROOT, TEMPLATES, home_of_option, is_desk, state_home
from resources.settings.acceptance.in_force import folder_in_force
from resources.settings.env_file import check_env_file
from resources.settings.process import variable, variables
from spot.errors import ConfigurationError

EnvironmentName = Literal["local", "paper", "production"]
_PLACES = {
    "conf_folder": "SPOTDESK_CONF",
    "lake_uri": "SPOTDESK_LAKE_URI",
    "analyst_database": "SPOTDESK_ANALYST_DATABASE",
    "tracking_uri": "MLFLOW_TRACKING_URI",
    "webhook_url": "SPOTDESK_WEBHOOK_URL",
    "signal_webhook_url": "SPOTDESK_SIGNAL_WEBHOOK_URL",
    "signal_webhook_secret": "SPOTDESK_SIGNAL_WEBHOOK_SECRET",
    "stop_uri": "SPOTDESK_STOP_URI",
    "heartbeat_url": "SPOTDESK_HEARTBEAT_URL",
    "books_uri": "SPOTDESK_BOOKS_URI",
}
"""Fields that say where a desk keeps and sends things, and their variables."""
_PATHS = {
    "conf_folder": "SPOTDESK_CONF",
    "market_data": "SPOTDESK_MARKET_DATA",
    "analyst_database": "SPOTDESK_ANALYST_DATABASE",
}
OWN_FILES = "market_data"
"""Folder in a desk for its files of market data."""
_S3_OPTIONS = ("AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP")
S3_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Under the names that AWS gives them."""


def _market_data(home: Path) -> Path:
    """The desk's own folder of files where it has one, else that of recorded data beside the checkout."""
    own = home / OWN_FILES
    return own if own.is_dir() else PROJECT_ROOT.parent / "shared" / "data"


def code_commit() -> str:
    """Commit of the code of this process: the variable, else what git says."""
    return variable("SPOTDESK_COMMIT") or _commit_of_checkout()


@cache
def _commit_of_checkout() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"


class Environment(BaseSettings):
    """Where everything outside the process lies. Made by `read_environment`."""

    model_config = SettingsConfigDict(
        env_prefix="SPOTDESK_", env_ignore_empty=True, extra="ignore", frozen=True, validate_by_name=True
    )

    home: Path
    """Folder of all state."""
    name: EnvironmentName = Field(default="local", validation_alias="SPOTDESK_ENVIRONMENT")
    conf_folder: Path = Field(
        default_factory=lambda own: (own["home"] if is_desk(own["home"]) else TEMPLATES) / "conf",
        validation_alias="SPOTDESK_CONF",
    )
    """Settings of the desk as people edit them; the templates where the home is no desk yet."""
    lake_uri: str = Field(default_factory=lambda own: str(own["home"] / "lake"))
    market_data: Path = Field(default_factory=lambda own: _market_data(own["home"]))
    """Folder of the source `files`, which the desk watches."""
    analyst_database: Path = Field(default_factory=lambda own: own["home"] / "analyst.duckdb")
    tracking_uri: str = Field(
        default_factory=lambda own: f"sqlite:///{own['home'] / 'mlflow.db'}",
        validation_alias="MLFLOW_TRACKING_URI",
    )
    webhook_url: SecretStr = SecretStr("")
    """Alerts are sent there too. The address of a chat tool holds a token."""
    signal_webhook_url: SecretStr = SecretStr("")
    signal_webhook_secret: SecretStr = SecretStr("")
    stop_uri: str = ""
    heartbeat_url: SecretStr = SecretStr("")
    """A service that alarms when nobody asks it any more. Whoever knows the address can keep it silent."""
    books_uri: str = ""
    dagster_settings: Path | None = None
    """Settings of the Dagster instance that go before those of the template."""
    provider_urls: str = ""
    ui_hosts: str = ""
    trusted_proxies: str = ""
    identity_header: str = ""
    commit: str = Field(default_factory=_commit_of_checkout)
    _variables: dict[str, SecretStr] = PrivateAttr(default_factory=dict)

    @field_validator("home", "conf_folder", "market_data", "analyst_database")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().resolve()

    def model_post_init(self, _context: Any) -> None:
        """Keep every variable, for `secret`."""
        known = {**dotenv_values(self.home / ".env"), **variables()}
        self._variables = {name: SecretStr(value) for name, value in known.items() if value}

    def secret(self, variable_name: str) -> SecretStr | None:
        """The value of a variable of the process or of `.env`, whatever its name; None where it is not set.

        Tokens of providers are read this way, because providers define the names of their variables.
        """
        return self._variables.get(variable_name)

    @property
    def settings_folder(self) -> Path:
        """The settings in force: `conf_folder`, or the accepted copy while a change of it waits for a person.

        Raises:
            ConfigurationError: the record of what was accepted, or the accepted copy, is damaged.
        """
        return folder_in_force(self.home, self.conf_folder) if is_desk(self.home) else self.conf_folder

    @property
    def storage_options(self) -> dict[str, str]:
        """Options of a lake on S3, without its keys, because Dagster shows a resource's configuration."""
        return self.revealed(_S3_OPTIONS)

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.home / "dagster"

    @property
    def artifact_folder(self) -> Path:
        """Folder of model files where MLflow is a local database."""
        return self.home / "models"

    @property
    def trading_state(self) -> Path:
        """Folder of the halt state, independent of everything else."""
        return self.home / "trading_state"

    def revealed(self, names: Iterable[str]) -> dict[str, str]:
        """The variables that are set, in plain text."""
        found = {name: self.secret(name) for name in names}
        return {name: value.get_secret_value() for name, value in found.items() if value is not None}


def read_environment(home: Path | None = None) -> Environment:
    """The environment of this process and of the `.env` of its home.

    Variables of the process that say where a desk keeps and sends things belong to the desk of SPOTDESK_HOME
    or of the working folder. For a home that `--home` or `home` names, only its own `.env` counts. So a test,
    the demo or another desk never writes into the desk's lake and never sends to its webhook.

    Raises:
        ConfigurationError: a variable has an impossible value, or a line of `.env` cannot be read.
    """
    folder = (state_home() if home is None else home).expanduser().resolve()
    check_env_file(folder / ".env")
    filed = {name: value for name, value in dotenv_values(folder / ".env").items() if value}
    is_named = home is not None or home_of_option() is not None
    own = {**_paths_of_file(folder, filed), **(_places_of_home(folder, filed) if is_named else {})}
    try:
        return Environment(home=folder, _env_file=folder / ".env", **own)
    except ValidationError as error:
        wrong = [one for one in error.errors() if one["type"] != "default_factory_not_called"]
        raise ConfigurationError("; ".join(_in_words(one, folder, filed) for one in wrong)) from None


def _paths_of_file(folder: Path, filed: Mapping[str, str]) -> dict[str, Any]:
    """Paths in `.env` are relative to its folder. A variable of the process takes precedence over it."""
    return {
        field: folder / filed[name] for field, name in _PATHS.items() if name in filed and not variable(name)
    }


def _places_of_home(folder: Path, filed: Mapping[str, str]) -> dict[str, Any]:
    """Where a desk keeps and sends things, from its own `.env` only."""
    places: dict[str, Any] = {
        "lake_uri": str(folder / "lake"),
        "analyst_database": folder / "analyst.duckdb",
        "tracking_uri": f"sqlite:///{folder / 'mlflow.db'}",
        "webhook_url": "",
        "signal_webhook_url": "",
        "signal_webhook_secret": "",
        "stop_uri": "",
        "heartbeat_url": "",
        "books_uri": "",
    }
    if is_desk(folder):
        places["conf_folder"] = folder / "conf"
    return {
        field: (
            folder / filed[_PLACES[field]]
            if field in _PATHS and _PLACES[field] in filed
            else filed.get(_PLACES[field], value)
        )
        for field, value in places.items()
    }


def _in_words(problem: Mapping[str, Any], folder: Path, filed: Mapping[str, str]) -> str:
    """A wrong variable by name and place, with its allowed values; a secret is never shown."""
    name = ".".join(str(part) for part in problem["loc"])
    field = Environment.model_fields.get(name)
    given = "" if field is not None and field.annotation is SecretStr else f" is {problem['input']!r}"
    place = folder / ".env" if name in filed and not variable(name) else "the environment"
    return f"{name} in {place}{given}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def variables_of(environment: Environment) -> dict[str, str]:
    """The variables that give a process with another home the same environment."""
    places = {**_PATHS, **_PLACES}
    return {name: _plain(getattr(environment, field)) for field, name in places.items()}


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
