"""What stands on the disk and in the registry, as the books pin it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from pyarrow import fs

from resources.books.settings_books import accepted_hashes
from resources.books.state_books import lines_of, state_files
from resources.lake.checksums import LOG, commit_path
from resources.lake.delta_table import StoredTable
from resources.models.mlflow_store import database_of, is_local
from resources.models.version import PRICE_FAMILY
from resources.models.version_store import VersionStore
from resources.settings.environment import Environment
from resources.wiring import make_lake
from spot.books.expected import version_digest
from spot.contracts.tables import TABLES

LAST_CHECKPOINT = f"{LOG}/_last_checkpoint"
CHECKPOINT_END = ".checkpoint.parquet"


def sha256_at(files: fs.SubTreeFileSystem, path: str) -> str:
    """SHA-256 of a file of a table.

    Raises:
        OSError: it is not there or cannot be read.
    """
    with files.open_input_stream(path, compression=None) as file:
        return hashlib.sha256(file.read()).hexdigest()


def log_files(files: fs.SubTreeFileSystem) -> list[str]:
    """Every file of the log of a table, but what a writer that was killed left unfinished."""
    found = files.get_file_info(fs.FileSelector(LOG, allow_not_found=True))
    names = sorted(one.base_name for one in found)
    return [f"{LOG}/{name}" for name in names if not name.startswith(".") and not name.endswith(".tmp")]


def commits_in(paths: list[str]) -> list[int]:
    """Numbers of the commits among files of a log."""
    numbers = [path.removeprefix(f"{LOG}/").removesuffix(".json") for path in paths if path.endswith(".json")]
    return sorted(int(number) for number in numbers if len(number) == 20 and number.isdigit())


def actions_of(files: fs.SubTreeFileSystem, version: int) -> list[dict[str, Any]]:
    """What a commit does.

    Raises:
        OSError: it is not there.
        ValueError: it cannot be read.
    """
    with files.open_input_stream(commit_path(version), compression=None) as file:
        return [json.loads(line) for line in file.read().splitlines()]


def added_paths(actions: list[dict[str, Any]]) -> list[str]:
    """Data files that a commit adds."""
    return [unquote(str(one["add"]["path"])) for one in actions if "add" in one]


def files_of_commit(files: fs.SubTreeFileSystem, version: int, *, checkpoint: bool) -> dict[str, str]:
    """Path to SHA-256 of a commit, the files that it added and are there, and its checkpoint."""
    paths = [commit_path(version), *added_paths(actions_of(files, version))]
    end = f"{LOG}/{version:020d}{CHECKPOINT_END}"
    if checkpoint:
        paths.append(end)
    return {path: sha256_at(files, path) for path in paths if files.get_file_info(path).is_file}


def manifest_of(environment: Environment) -> dict[str, Any]:
    """Everything that the books pin, as it stands.

    Raises:
        OSError: a file cannot be read.
        ConfigurationError, ContractError: the registry, the settings or a table cannot be read.
    """
    lake = make_lake(environment)
    return {
        "tables": {name: table for name in TABLES if (table := _table(lake.stored(name)))},
        "models": {
            name: {"versions": models.hashes, "champion": models.champion}
            for name, models in standing_models(environment)
        },
        "settings": accepted_hashes(environment.home),
        "state_files": state_files(environment.trading_state),
        "state_lines": [line.content for line in lines_of(environment.trading_state)],
    }


def _table(stored: StoredTable) -> dict[str, Any] | None:
    files = stored.files
    log = log_files(files)
    if not log:
        return None
    versions = commits_in(log)
    pinned: dict[str, str] = {}
    gone: list[str] = []
    for version in versions:
        pinned |= files_of_commit(files, version, checkpoint=True)
        gone += [path for path in added_paths(actions_of(files, version)) if path not in pinned]
    pinned |= {path: sha256_at(files, path) for path in log if path.endswith(CHECKPOINT_END)}
    return {"versions": versions, "files": pinned, "gone": gone}


def store_of(environment: Environment, family: str) -> VersionStore:
    """The versions of a family, whose changes the books record."""
    folder, home = str(environment.artifact_folder), str(environment.home)
    return VersionStore(environment.tracking_uri, folder, family, home)


@dataclass(frozen=True, slots=True)
class StandingModels:
    """One registered model: the facts of its versions, and the number of the champion, empty for none."""

    rows: list[dict[str, Any]]
    champion: str

    @property
    def hashes(self) -> dict[str, str]:
        """Number of each version to the hash of its facts."""
        return {row["version"]: version_digest(row) for row in self.rows}


def standing_models(environment: Environment) -> Iterator[tuple[str, StandingModels]]:
    """Each registered model with its name."""
    if is_local(environment.tracking_uri) and not database_of(environment.tracking_uri).is_file():
        return
    store = store_of(environment, PRICE_FAMILY)
    for name, champion in store.champions().items():
        yield name, StandingModels(store.facts(name), champion)
