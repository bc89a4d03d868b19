"""A home that was moved or copied reads and writes its own model files, and never those of another."""

import hashlib
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from resources.models.home_artifacts import home_artifacts, home_path
from resources.models.mlflow_store import EXPERIMENT, HOME_LOCATION, store_client
from resources.models.registry import ModelRegistry
from resources.models.version import ModelVersion, VersionFacts, version_tags
from spot.errors import ConfigurationError, ModelIntegrityError

ZONE = "FR"
FILES = {"settings.json": b"{}", "state.npz": b"weights"}
FACTS = VersionFacts(
    settings={"kind": "naive"},
    metrics={},
    fingerprint="f1",
    lineage="simulated",
    trained_from=date(2025, 1, 1),
    trained_through=date(2025, 3, 1),
    serves_from=date(2025, 3, 2),
    tags={"data_version": "d1"},
)


def registry_of(home: Path) -> ModelRegistry:
    return ModelRegistry(tracking_uri=f"sqlite:///{home / 'mlflow.db'}", artifact_folder=str(home / "models"))


@pytest.fixture(scope="module")
def new_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as the code makes it today, with one champion."""
    home = tmp_path_factory.mktemp("new") / "home"
    registry = registry_of(home)
    registry.promote(ZONE, registry.register(ZONE, FILES, FACTS).version)
    return home


@pytest.fixture(scope="module")
def old_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home as commit 84e1b85 made it: MLflow holds absolute paths, and has written the files itself."""
    home = tmp_path_factory.mktemp("old") / "home"
    home.mkdir()
    files = home.parent / "files"
    files.mkdir()
    for name, content in FILES.items():
        (files / name).write_bytes(content)
    client = store_client(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.create_experiment(EXPERIMENT, artifact_location=(home / "models").as_uri())
    run = client.create_run(experiment)
    client.log_artifacts(run.info.run_id, str(files), "model")
    name = f"day_ahead_price.{ZONE}"
    client.create_registered_model(name)
    source = f"{run.info.artifact_uri}/model"
    client.create_model_version(name, source, run.info.run_id, tags=version_tags(FACTS, FILES))
    client.set_registered_model_alias(name, "champion", "1")
    client.set_model_version_tag(name, "1", "stage", "champion")
    return home


def contents(home: Path) -> dict[str, str]:
    """Name to digest of every file, and when each folder was last written to."""
    found = {}
    for folder, _, names in os.walk(home):
        found[folder] = str(Path(folder).stat().st_mtime_ns)
        found |= {
            f"{folder}/{name}": hashlib.sha256((Path(folder) / name).read_bytes()).hexdigest()
            for name in names
        }
    return found


def live_in(home: Path) -> ModelVersion:
    """Load, train a second version, promote it, draw, roll back."""
    registry = registry_of(home)
    first = registry.version(ZONE, "champion")
    assert registry.files(first) == FILES
    other = {**FILES, "state.npz": b"other weights"}
    second = registry.register(ZONE, other, replace(FACTS, fingerprint="f2"))
    registry.log_picture(first, "walk_forward_errors", b"png")
    registry.promote(ZONE, second.version)
    assert registry.files(registry.version(ZONE, "champion")) == other
    return registry.rollback(ZONE, first.version)


@pytest.mark.parametrize("made", ["new_home", "old_home"])
def test_a_copy_lives_on_and_writes_nothing_into_the_original(
    made: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    original: Path = request.getfixturevalue(made)
    copy = shutil.copytree(original, tmp_path / "copy")
    before = contents(original)
    assert live_in(copy).version == "1"
    assert contents(original) == before
    assert sorted(p.name for p in (copy / "models").glob("*/artifacts/*")) == ["model", "model", "plots"]
    assert store_client(registry_of(copy).tracking_uri).get_experiment_by_name(
        EXPERIMENT
    ).artifact_location == (HOME_LOCATION)


@pytest.mark.parametrize("made", ["new_home", "old_home"])
def test_a_home_is_moved_with_nothing_left_behind(
    made: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    first_place = shutil.copytree(request.getfixturevalue(made), tmp_path / "here")
    there = tmp_path / "there" / "desk"
    there.parent.mkdir()
    first_place.rename(there)
    assert live_in(there).version == "1"
    assert not first_place.exists()


def test_a_new_home_holds_no_path_of_its_place(new_home: Path) -> None:
    with closing(sqlite3.connect(new_home / "mlflow.db")) as connection:
        text = "\n".join(connection.iterdump())
    assert HOME_LOCATION in text
    assert str(new_home) not in text
    assert str(Path.cwd()) not in text
    for file in (new_home / "models" / "serving").iterdir():
        assert str(new_home) not in file.read_text()


def test_files_that_are_gone_are_told(new_home: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(new_home, tmp_path / "copy")
    for folder in (copy / "models").glob("*/artifacts"):
        shutil.rmtree(folder)
    registry = registry_of(copy)
    with pytest.raises(ModelIntegrityError, match=f"{copy}.*does not exist"):
        registry.files(registry.version(ZONE, "champion"))


def test_mlflow_itself_finds_the_files_beside_the_store(new_home: Path) -> None:
    registry = registry_of(new_home)
    run = registry.version(ZONE, "champion").run_id
    place = home_artifacts(f"{HOME_LOCATION}/{run}/artifacts", tracking_uri=registry.tracking_uri)
    assert {file.path for file in place.list_artifacts("model")} == {f"model/{name}" for name in FILES}
    with pytest.raises(ConfigurationError, match="leaves the home"):
        home_path("spotdesk-home:/models/../../elsewhere", registry.tracking_uri)
    with pytest.raises(ConfigurationError, match="beside a local store"):
        home_path(HOME_LOCATION, "http://server")
