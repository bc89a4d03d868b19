"""Files of a small desk, each kind with what reads it: for `benchmarks/faults/damage.py`.

A kind gives the truth once and is asked again after each damage, as a new process would read it.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus

from resources.home.make import make_home
from resources.instance.databases import DATABASES, check_databases
from resources.instance.prepare import prepare_dagster_home
from resources.models.known_rows import digest_of_version
from resources.models.mlflow_store import prepare_store, store_client
from resources.models.model_files import forget_files
from resources.models.registry import ModelRegistry
from resources.models.version import VersionFacts
from resources.settings.acceptance.destinations import DESTINATIONS, ENV_FILE
from resources.settings.acceptance.in_force import Signature, accept, settings_state
from resources.settings.desk import desk_resource, desk_settings
from resources.settings.environment import read_environment
from resources.settings.policies import monitoring_settings, promotion_settings
from resources.settings.risk_limits import read_limit_book
from spot.errors import ConfigurationError
from spot.forecast.naive import NaiveForecaster, NaiveSettings
from tests.support.panels import made_up_panel

ZONE = "DE_LU"
_ADDRESSES = "".join(f"{name}=http://127.0.0.1:9/{name.lower()}\n" for name in DESTINATIONS)


@dataclass(frozen=True, slots=True)
class Kind:
    """Files of one kind below a desk, and what is read from them."""

    name: str
    files: Callable[[Path], list[Path]]
    read: Callable[[Path], object]
    tells: Callable[[Path], bool] = lambda _home: False
    """Whether the desk itself says that something is not as it was accepted."""


def make_desk(home: Path) -> Path:
    """A desk with a model that serves, three runs, and addresses in `.env` that are accepted."""
    make_home(home)
    (home / ".env").write_text(_ADDRESSES, encoding="utf-8")
    registry = _registry(home)
    files = NaiveForecaster(NaiveSettings()).fit(made_up_panel(60)).to_files()
    at_utc = "2026-01-01T00:00:00+00:00"
    signature = Signature(name="Ann", identity="ann", at_utc=at_utc, reason="a benchmark")
    accept(home, home / "conf", signature)
    for number in (1, 2):
        facts = VersionFacts(
            settings={"kind": "naive"},
            metrics={"mae": 12.5},
            fingerprint=f"f{number}",
            lineage="simulated",
            trained_from=date(2025, 1, 1),
            trained_through=date(2025, 3, 1),
            serves_from=date(2025, 3, 2),
            tags={"data_version": "d1"},
        )
        registry.register(ZONE, files, facts)
    registry.promote(ZONE, "2")
    with DagsterInstance.from_config(str(prepare_dagster_home(read_environment(home)))) as instance:
        for number in range(3):
            run = DagsterRun(job_name=f"job{number}", status=DagsterRunStatus.SUCCESS, tags={"a": "b"})
            instance.add_run(run)
    return home


def kinds() -> Iterator[Kind]:
    """Every kind of file beside those of the lake."""
    yield Kind("model", lambda home: sorted(home.glob("models/*/artifacts/model/*")), _model)
    yield Kind("registry", lambda home: [home / "mlflow.db"], _rows)
    yield Kind("Dagster", lambda home: [home / "dagster" / name for name in DATABASES], _runs)
    yield Kind(
        "settings",
        lambda home: [*sorted(home.glob("conf/**/*.yaml")), home / ".env"],
        _settings,
        _tells_settings,
    )


def as_new(home: Path, trial: int) -> Path:
    """The desk in a folder of its own, since SQLite and MLflow remember what they have read by path."""
    copy = home.parent / f"trial-{trial}"
    shutil.rmtree(home.parent / f"trial-{trial - 1}", ignore_errors=True)
    shutil.copytree(home, copy)
    for forget in (store_client.cache_clear, prepare_store.cache_clear, forget_files):
        forget()
    return copy


def _registry(home: Path) -> ModelRegistry:
    return ModelRegistry(tracking_uri=f"sqlite:///{home / 'mlflow.db'}", artifact_folder=str(home / "models"))


def _model(home: Path) -> object:
    registry = _registry(home)
    return [dict(registry.load(ZONE, number)[0].to_files()) for number in ("1", "2")]


def _rows(home: Path) -> object:
    registry = _registry(home)
    champion = registry.champion(ZONE)
    served = registry.pointer(ZONE).serving(date(2025, 6, 1), "simulated")
    return champion, [digest_of_version(one) for one in registry.versions(ZONE)], served


def _runs(home: Path) -> object:
    check_databases(home / "dagster")
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        return sorted(
            (run.run_id, run.job_name, run.status.value, str(run.tags)) for run in instance.get_runs()
        )


def _tells_settings(home: Path) -> bool:
    """`spotdesk settings diff` lists the change: what needs nobody holds at once, edited or damaged."""
    return bool(settings_state(home, home / "conf").changes)


def _settings(home: Path) -> object:
    environment = read_environment(home)
    waiting = [one for one in settings_state(home, home / "conf").changes if one.file == ENV_FILE]
    if waiting:  # nothing is sent there, and `spotdesk status` says so
        raise ConfigurationError(f"{waiting[0].file} {waiting[0].setting} waits for a person")
    desk = desk_resource(environment)
    return (
        desk_settings(environment).model_dump(),
        [
            desk.document(folder, path.stem).content
            for folder in ("strategies", "models")
            for path in _documents(environment.settings_folder / folder)
        ],
        promotion_settings(desk).model_dump(),
        monitoring_settings(desk).model_dump(),
        repr(read_limit_book(environment.settings_folder / "risk_limits.yaml")),
        environment.webhook_url.get_secret_value(),
        environment.signal_webhook_url.get_secret_value(),
    )


def _documents(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.yaml"))
