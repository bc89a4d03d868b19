"""Resources of one environment: local, paper or production. The only reader of environment variables.

| variable | default | meaning |
|---|---|---|
| SPOTDESK_HOME | `.spotdesk` in the project root | folder of all state |
| SPOTDESK_ENVIRONMENT | `local` | local, paper or production |
| SPOTDESK_CONF | `conf` in the project root | folder of the settings |
| SPOTDESK_LAKE_URI | `<home>/lake` | where the tables lie; `s3://bucket/prefix` for AWS |
| SPOTDESK_MARKET_DATA | `../shared/data` | folder of recorded market data, source `files` |
| SPOTDESK_ANALYST_DATABASE | `<home>/analyst.duckdb` | file that analysts open |
| SPOTDESK_WEBHOOK_URL | none | alerts are posted there too |
| SPOTDESK_SIGNAL_WEBHOOK_URL, SPOTDESK_SIGNAL_WEBHOOK_SECRET | none | live signals are posted there, signed |
| SPOTDESK_ZONES | none | zones to add to those of zones.yaml, separated by commas |
| SPOTDESK_COMMIT | asked of git | commit of the code, where there is no checkout |
| MLFLOW_TRACKING_URI | `sqlite:///<home>/mlflow.db` | MLflow server or database |
| SPOTDESK_PROVIDER_URLS | none | other addresses of live sources, `name=url` separated by commas: a mirror |
| SPOTDESK_ENTSOE_TOKEN | none | token of the ENTSO-E platform, for zones with that source |
| SPOTDESK_PJM_KEY | none | key of PJM Data Miner 2 |
| SPOTDESK_ERCOT_KEY, SPOTDESK_ERCOT_USERNAME, SPOTDESK_ERCOT_PASSWORD | none | key and login of the ERCOT public API |
| AWS_REGION, AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY | none | for a lake on S3 |

Importing this module switches off the telemetry of mlflow and nannyml, which read it when they are imported,
and sets BLAS to one thread unless the process says otherwise. It has polars add up groups in the order of
their rows: partial sums that are put together as threads finish differ in the last bit from run to run.
"""

import os
import subprocess
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from dotenv import dotenv_values

from resources.settings.zones import Desk, DeskSettings, ZoneSettings, load_desk_settings, make_desk
from spot.errors import ConfigurationError
from spot.market.zones import find_zone

PROJECT_ROOT = Path(__file__).resolve().parents[2]
EnvironmentName = Literal["local", "paper", "production"]
_SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "DO_NOT_TRACK": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
TOKEN_VARIABLES = {
    "entsoe": "SPOTDESK_ENTSOE_TOKEN",
    "pjm": "SPOTDESK_PJM_KEY",
    "ercot": "SPOTDESK_ERCOT_KEY",
    "ercot_username": "SPOTDESK_ERCOT_USERNAME",
    "ercot_password": "SPOTDESK_ERCOT_PASSWORD",
}
"""What a provider wants to be given, and the variable that holds it."""
_EXTRA_ZONES = "SPOTDESK_ZONES"
_S3_OPTIONS = ("AWS_REGION", "AWS_ENDPOINT_URL", "AWS_ALLOW_HTTP")
_S3_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")

os.environ.update(_SILENT)
# Parts of Dagster that the graph uses on purpose; the version is pinned.
warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
warnings.filterwarnings(
    "ignore", message="InitResourceContext.(dagster_run|run_id) is deprecated", category=DeprecationWarning
)
# The matrices of a zone are small: a second BLAS thread costs more than it gives, five times over where cores
# are shared.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
os.environ["POLARS_NO_PARTITION"] = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """Where everything outside the process lies."""

    name: EnvironmentName
    home: Path
    conf_folder: Path
    lake_uri: str
    storage_options: dict[str, str]
    """Of a lake on S3, without its keys: Dagster shows the configuration of a resource."""
    market_data: Path
    analyst_database: Path
    tracking_uri: str
    webhook_url: str
    commit: str

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


def read_environment(home: Path | None = None) -> Environment:
    """The environment of this process: `.env` of the project root, below the process's own variables.

    `home` replaces the state folder.

    Raises:
        ConfigurationError: a variable has an impossible value.
    """
    values: dict[str, str] = {
        **{k: v for k, v in dotenv_values(PROJECT_ROOT / ".env").items() if v},
        **os.environ,
    }
    name = values.get("SPOTDESK_ENVIRONMENT", "local")
    if name not in get_args(EnvironmentName):
        raise ConfigurationError(
            f"SPOTDESK_ENVIRONMENT is {name!r}: expected one of {', '.join(get_args(EnvironmentName))}"
        )
    # A home that was asked for in code holds all its state itself: a test or the demo never writes into the
    # desk's lake.
    own = {} if home is not None else values
    folder = (home or Path(values.get("SPOTDESK_HOME") or PROJECT_ROOT / ".spotdesk")).expanduser().resolve()
    return Environment(
        name=name,  # type: ignore[arg-type]
        home=folder,
        conf_folder=Path(values.get("SPOTDESK_CONF") or PROJECT_ROOT / "conf").expanduser().resolve(),
        lake_uri=own.get("SPOTDESK_LAKE_URI") or str(folder / "lake"),
        storage_options={option: values[option] for option in _S3_OPTIONS if values.get(option)},
        market_data=Path(values.get("SPOTDESK_MARKET_DATA") or PROJECT_ROOT.parent / "shared" / "data")
        .expanduser()
        .resolve(),
        analyst_database=Path(own.get("SPOTDESK_ANALYST_DATABASE") or folder / "analyst.duckdb")
        .expanduser()
        .resolve(),
        tracking_uri=own.get("MLFLOW_TRACKING_URI") or f"sqlite:///{folder / 'mlflow.db'}",
        webhook_url=own.get("SPOTDESK_WEBHOOK_URL", ""),
        commit=values.get("SPOTDESK_COMMIT") or _commit_of_checkout(),
    )


def provider_tokens() -> dict[str, str]:
    """Provider to its token.

    Read at each use and never part of a resource's configuration, which the UI shows.
    """
    values = {**dotenv_values(PROJECT_ROOT / ".env"), **os.environ}
    return {name: values.get(variable) or "" for name, variable in TOKEN_VARIABLES.items()}


def alert_webhook() -> str:
    """Where alerts are posted; empty where nothing is set.

    Read at each use: the address of a chat tool holds a token.
    """
    values = {**dotenv_values(PROJECT_ROOT / ".env"), **os.environ}
    return values.get("SPOTDESK_WEBHOOK_URL") or ""


def aws_credentials() -> dict[str, str]:
    """AWS keys of `.env` and the process, as AWS names them; empty where a role or profile gives them.

    Read at each use, like the tokens.
    """
    values = {**dotenv_values(PROJECT_ROOT / ".env"), **os.environ}
    return {name: value for name in _S3_CREDENTIALS if (value := values.get(name))}


def signal_webhook() -> dict[str, str]:
    """`url` and `secret` of the webhook that live signals are posted to; empty where none is set.

    Read at each use, like the tokens.
    """
    values = {**dotenv_values(PROJECT_ROOT / ".env"), **os.environ}
    return {
        "url": values.get("SPOTDESK_SIGNAL_WEBHOOK_URL") or "",
        "secret": values.get("SPOTDESK_SIGNAL_WEBHOOK_SECRET") or "",
    }


def provider_urls() -> dict[str, str]:
    """Live source to another address than its own, for a mirror inside the house.

    Raises:
        ConfigurationError: an entry is not `name=url`.
    """
    values = {**dotenv_values(PROJECT_ROOT / ".env"), **os.environ}
    entries = [
        entry.strip() for entry in (values.get("SPOTDESK_PROVIDER_URLS") or "").split(",") if entry.strip()
    ]
    pairs = [entry.partition("=") for entry in entries]
    if any(not name or not url.startswith(("http://", "https://")) for name, _, url in pairs):
        raise ConfigurationError("SPOTDESK_PROVIDER_URLS: expected name=url, separated by commas")
    return {name: url for name, _, url in pairs}


def desk_settings(environment: Environment) -> DeskSettings:
    """`zones.yaml`, and the zones that `admit_zones` added under its defaults.

    Raises:
        ConfigurationError: the file or a zone is wrong.
    """
    settings = load_desk_settings(environment.conf_folder / "zones.yaml")
    extra = [
        name for name in os.environ.get(_EXTRA_ZONES, "").split(",") if name and name not in settings.zones
    ]
    added = {find_zone(name).name: ZoneSettings(is_scheduled=False) for name in extra}
    return DeskSettings(zones={**settings.zones, **added})


def admit_zones(zones: Iterable[str]) -> None:
    """Add zones that `zones.yaml` does not have.

    Partition keys are fixed when the graph is imported, so call this before.

    Raises:
        ConfigurationError: a zone is unknown.
    """
    known = [name for name in os.environ.get(_EXTRA_ZONES, "").split(",") if name]
    os.environ[_EXTRA_ZONES] = ",".join(dict.fromkeys([*known, *(find_zone(zone).name for zone in zones)]))


def desk_resource(environment: Environment, **overrides: Any) -> Desk:
    """The desk's settings as a resource; `overrides` replace a setting in every zone."""
    return make_desk(environment.conf_folder, desk_settings(environment), **overrides)


def prepare_dagster_home(environment: Environment) -> Path:
    """Make the instance folder with the project's `dagster.yaml` in it, and name it to Dagster (an unset or relative name is ignored)."""
    folder = environment.dagster_home
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "dagster.yaml"
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(PROJECT_ROOT / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(folder)
    return folder


def child_environment(environment: Environment) -> Mapping[str, str]:
    """Variables for a child process (`dagster dev`) that shall work in this environment."""
    return {
        **os.environ,
        "SPOTDESK_HOME": str(environment.home),
        "DAGSTER_HOME": str(prepare_dagster_home(environment)),
        "MLFLOW_TRACKING_URI": environment.tracking_uri,
        "SPOTDESK_LAKE_URI": environment.lake_uri,
    }


def _commit_of_checkout() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else "unknown"
