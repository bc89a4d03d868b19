"""The pointer's file says what the registry says, or nothing; and it is read without MLflow."""

import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from resources.models.registry import ModelRegistry
from resources.models.serving_pointer import change_counter
from resources.models.version import VersionFacts
from tests.support.narrow import some

ZONE, FIRST = "FR", date(2025, 3, 2)
DAYS = tuple(FIRST + timedelta(days=n) for n in (-1, 0, 40, 90))
FACTS = VersionFacts(
    settings={"kind": "naive"},
    metrics={},
    fingerprint="f0",
    lineage="simulated",
    trained_from=date(2025, 1, 1),
    trained_through=date(2025, 3, 1),
    serves_from=FIRST,
    tags={},
)
ASK = """
import sys
from datetime import date
from resources.models.registry import ModelRegistry
found = ModelRegistry(tracking_uri=sys.argv[1], artifact_folder=sys.argv[2]).pointer("FR")
print(found.serving(date(2025, 6, 1), "simulated").version, "mlflow" in sys.modules)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two versions that served one after the other, and a candidate."""
    home = tmp_path_factory.mktemp("pointer") / "home"
    registry = registry_of(home)
    for number in range(3):
        facts = replace(FACTS, fingerprint=f"f{number}", serves_from=FIRST + timedelta(days=30 * number))
        registry.register(ZONE, {"model.json": b"{}"}, facts)
    registry.promote(ZONE, "1")
    registry.promote(ZONE, "2")
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "home")


def registry_of(home: Path) -> ModelRegistry:
    return ModelRegistry(tracking_uri=f"sqlite:///{home / 'mlflow.db'}", artifact_folder=str(home / "models"))


def file_of(home: Path) -> Path:
    return home / "models" / "serving" / f"day_ahead_price.{ZONE}.json"


def says_the_truth(registry: ModelRegistry) -> bool:
    pointer = registry.pointer(ZONE)
    for lineage in ("simulated", "files"):
        truth = registry.serving(ZONE, DAYS, lineage)
        told = {day: pointer.serving(day, lineage) for day in DAYS}
        if {day: v and v.version for day, v in truth.items()} != {
            d: v and v.version for d, v in told.items()
        }:
            return False
    return True


def test_each_change_of_who_serves_is_in_the_file_at_once(home: Path) -> None:
    registry = registry_of(home)
    changes: tuple[Callable[[], object], ...] = (
        lambda: registry.promote(ZONE, "3"),
        lambda: registry.rollback(ZONE, "1"),
        lambda: registry.set_stage(ZONE, "2", "rejected"),
        lambda: registry.promote(ZONE, "2", serves_from=FIRST + timedelta(days=60)),
    )
    for change in changes:
        change()
        document = json.loads(file_of(home).read_text())
        assert document["serving"]["counter"] == change_counter(home / "mlflow.db")
        assert document["serving"]["champion"] == some(registry.champion(ZONE)).version
        assert says_the_truth(registry)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.unlink(),
        lambda file: file.write_text(""),
        lambda file: file.write_text(file.read_text()[:-40]),
        lambda file: file.write_text(file.read_text().replace('"champion": "2"', '"champion": "1"')),
        lambda file: file.write_text(json.dumps({"serving": [], "sha256": 1})),
        lambda file: file.write_bytes(b"\xff\xfe"),
    ],
    ids=["gone", "empty", "cut", "changed", "other", "no text"],
)
def test_a_damaged_file_misleads_nobody_and_is_written_anew(home: Path, spoil: Callable[..., Any]) -> None:
    whole = file_of(home).read_text()
    spoil(file_of(home))
    registry = registry_of(home)
    assert registry.pointer(ZONE).champion == "2"
    assert file_of(home).read_text() == whole
    assert says_the_truth(registry)


def test_a_file_from_before_a_change_that_it_missed_is_not_believed(home: Path) -> None:
    registry, before = registry_of(home), file_of(home).read_text()
    registry.rollback(ZONE, "1")
    file_of(home).write_text(before)  # as a process leaves it that is killed between the two writes
    assert registry.pointer(ZONE).champion == "1"
    registry.log_metrics(registry.version(ZONE, "3"), {"loss": 1.0})  # moves the counter, changes nobody
    assert says_the_truth(registry)
    assert json.loads(file_of(home).read_text())["serving"]["counter"] == change_counter(home / "mlflow.db")


def test_it_is_read_without_mlflow_and_says_nothing_where_there_is_no_registry(
    home: Path, tmp_path: Path, project_root: Path
) -> None:
    registry = registry_of(home)
    words = [sys.executable, "-c", ASK, registry.tracking_uri, registry.artifact_folder]
    done = subprocess.run(words, cwd=project_root, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "False"]
    nobody = registry_of(tmp_path / "nothing").pointer(ZONE)
    assert (nobody.champion, nobody.served) == (None, ())
    assert not (tmp_path / "nothing").exists()


def test_a_database_that_keeps_no_count_is_always_asked(home: Path) -> None:
    with closing(sqlite3.connect(home / "mlflow.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert change_counter(home / "mlflow.db") is None
    registry = registry_of(home)
    registry.rollback(ZONE, "1")
    assert not file_of(home).exists()
    assert says_the_truth(registry)


def test_numbers_go_on_from_the_ledger_where_the_registry_was_lost(home: Path) -> None:
    registry = registry_of(home)
    fourth = registry.register(ZONE, {"model.json": b"{}"}, replace(FACTS, fingerprint="f4"), after=3)
    assert fourth.version == "4"
    ninth = registry.register(ZONE, {"model.json": b"{}"}, replace(FACTS, fingerprint="f9"), after=8)
    assert ninth.version == "9"
    assert [version.version for version in registry.versions(ZONE)] == ["1", "2", "3", "4", "9"]
    again = registry.register(ZONE, {"model.json": b"{}"}, replace(FACTS, fingerprint="f9"), after=20)
    assert again.version == "9", "the same version is not registered twice"
