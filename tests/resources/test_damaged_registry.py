"""A registry whose database was damaged or edited: refused by name with the cure, never another champion."""

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from benchmarks.faults.damage import measure_desk
from resources.models.mlflow_store import prepare_store, store_client
from resources.models.registry import ModelRegistry
from spot.errors import ModelIntegrityError
from tests.support.narrow import some
from tests.support.versions import FACTS

ZONE = "FR"
DAY = date(2025, 6, 1)


def registry_of(home: Path) -> ModelRegistry:
    return ModelRegistry(tracking_uri=f"sqlite:///{home / 'mlflow.db'}", artifact_folder=str(home / "models"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two versions, the second of which serves."""
    home = tmp_path_factory.mktemp("made")
    registry = registry_of(home)
    for number in (1, 2):
        registry.register(ZONE, {"model.json": b"{}"}, replace(FACTS, fingerprint=f"f{number}"))
    registry.promote(ZONE, "1")
    registry.promote(ZONE, "2")
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of it, as a desk that was moved."""
    return Path(shutil.copytree(made, tmp_path / "home"))


def edit(home: Path, *statements: str) -> None:
    with closing(sqlite3.connect(home / "mlflow.db")) as connection:
        for statement in statements:
            assert connection.execute(statement).rowcount > 0
        connection.commit()
    store_client.cache_clear()
    prepare_store.cache_clear()


def rows_file(home: Path) -> Path:
    return home / "models" / "serving" / f"day_ahead_price.{ZONE}.rows.json"


TAG = "UPDATE model_version_tags SET value = {} WHERE key = '{}' AND version = 2"
EDITS = {
    "the alias": "UPDATE registered_model_aliases SET version = 1",
    "no alias": "DELETE FROM registered_model_aliases",
    "the name of the alias": "UPDATE registered_model_aliases SET alias = 'chbmpion'",
    "the stage": TAG.format("'withdrawn'", "stage"),
    "the first day": TAG.format("'2025-03-09'", "serves_from"),
    "the data": TAG.format("'files'", "lineage"),
    "a checksum": TAG.format("replace(value, 'a', 'b')", "checksums"),
    "the evaluation": TAG.format("'{\"a\": 1}'", "evaluation"),
    "the run": "UPDATE model_versions SET run_id = 'other' WHERE version = 2",
    "a lost tag": "DELETE FROM model_version_tags WHERE key = 'fingerprint' AND version = 2",
    "a lost version": "DELETE FROM model_versions WHERE version = 2",
    "no day": TAG.format("'2025-03-0x'", "serves_from"),
    "no JSON": TAG.format("'{'", "settings"),
    "another name": "UPDATE registered_models SET name = 'day_ahead_price.FS'",
}


@pytest.mark.parametrize("case", EDITS)
def test_a_row_that_decides_and_is_not_as_written_is_refused_everywhere(home: Path, case: str) -> None:
    edit(home, EDITS[case])
    registry = registry_of(home)
    asked: tuple[Callable[[], object], ...] = (
        lambda: registry.champion(ZONE),
        lambda: registry.versions(ZONE),
        lambda: registry.version(ZONE, "2"),
        lambda: registry.find(ZONE, "f2"),
        lambda: registry.champion_for(ZONE, DAY, "simulated"),
        lambda: registry.promote(ZONE, "1"),
        lambda: registry.register(ZONE, {"model.json": b"{}"}, replace(FACTS, fingerprint="f3")),
        lambda: registry.pointer(ZONE),
    )
    for ask in asked:
        with pytest.raises(
            ModelIntegrityError, match=r"mlflow\.db .*Restore|mlflow\.db .*restore"
        ) as refusal:
            ask()
        assert "spotdesk restore" in str(refusal.value)


def test_a_row_that_decides_nothing_may_change(home: Path) -> None:
    edit(home, "UPDATE params SET value = 'x'", "UPDATE registered_models SET description = 'x'")
    registry = registry_of(home)
    assert some(registry.champion(ZONE)).version == "2"
    registry.log_metrics(registry.version(ZONE, "2"), {"loss": 1.0})
    registry.set_tag(ZONE, "1", "note", "seen")
    assert registry.version(ZONE, "1").tags["note"] == "seen"


def test_a_change_that_was_killed_between_the_two_writes_is_taken_as_it_stands(home: Path) -> None:
    document = json.loads(rows_file(home).read_text())
    registry = registry_of(home)
    registry.rollback(ZONE, "1")
    after = rows_file(home).read_text()
    with registry._rows.changing(ZONE):
        begun = rows_file(home).read_text()
        assert some(registry.champion(ZONE)).version == "1"
    assert rows_file(home).read_text() == after
    rows_file(home).write_text(begun)  # as a killed change leaves it
    edit(home, EDITS["the alias"].replace("= 1", "= 2"))
    assert some(registry.champion(ZONE)).version == "2"
    registry.set_stage(ZONE, "1", "withdrawn")
    assert json.loads(rows_file(home).read_text())["rows"]["champion"] == "2" == document["rows"]["champion"]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda file: file.write_text(file.read_text()[:-9])])
def test_without_the_file_of_digests_the_rows_are_noted_anew(
    home: Path, spoil: Callable[[Path], object]
) -> None:
    whole = rows_file(home).read_text()
    spoil(rows_file(home))
    registry = registry_of(home)
    assert some(registry.champion(ZONE)).version == "2"
    registry.set_stage(ZONE, "2", "champion")
    assert rows_file(home).read_text() == whole


def test_a_registry_that_begins_anew_forgets_what_was_written(home: Path) -> None:
    (home / "mlflow.db").unlink()
    store_client.cache_clear()
    prepare_store.cache_clear()
    registry = registry_of(home)
    assert registry.champion(ZONE) is None
    fresh = registry.register(ZONE, {"model.json": b"{}"}, FACTS, after=2)
    assert fresh.version == "3"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["model", "registry", "settings"])
def test_flips_and_cuts_of_a_desk_are_never_silent_and_never_a_crash(kind: str) -> None:
    rows = measure_desk(n_flips=10, n_cuts=5, seed=1, only=kind)
    assert [(row["silent"], row["crash"]) for row in rows] == [(0, 0)] * 2


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_cut_database_is_one_line_with_the_cure(home: Path, share: float) -> None:
    database = home / "mlflow.db"
    content = database.read_bytes()
    database.write_bytes(content[: int(len(content) * share) or 3])
    store_client.cache_clear()
    prepare_store.cache_clear()
    with pytest.raises(ModelIntegrityError, match=r"registry .*mlflow\.db cannot be read.*spotdesk restore"):
        registry_of(home).champion(ZONE)
