"""Versions, aliases and checksums.

The same model is one version, a damaged file is never parsed, a replay of the past moves nothing.
"""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from resources.models.model_files import forget_files
from resources.models.registry import ModelRegistry
from spot.contracts.panel import DeliveryPanel
from spot.errors import ConfigurationError, ModelIntegrityError, ModelNotFoundError
from spot.forecast.naive import NaiveForecaster, NaiveSettings
from tests.support.narrow import some
from tests.support.versions import FACTS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    folder = tmp_path_factory.mktemp("registry")
    registry = ModelRegistry(
        tracking_uri=f"sqlite:///{folder / 'mlflow.db'}", artifact_folder=str(folder / "models")
    )
    registry.prepare()
    return registry


@pytest.fixture
def registry(made: ModelRegistry, tmp_path: Path) -> ModelRegistry:
    """A registry of its own over a copy of the prepared database."""
    import shutil

    shutil.copy(made.tracking_uri.removeprefix("sqlite:///"), tmp_path / "mlflow.db")
    return ModelRegistry(
        tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", artifact_folder=str(tmp_path / "models")
    )


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    rng = np.random.default_rng(1)
    days = np.arange(np.datetime64("2025-01-01"), np.datetime64("2025-03-02"))
    panel = DeliveryPanel(
        zone="FR",
        days=days,
        n_periods=np.full(len(days), 24),
        resolution_minutes=np.full(len(days), 60),
        prices=50.0 + rng.normal(0, 10, (len(days), 24)),
        inputs={},
        holiday_fraction=np.zeros(len(days)),
    )
    return dict(NaiveForecaster(NaiveSettings()).fit(panel).to_files())


def test_the_same_fingerprint_is_the_same_version_and_its_files_come_back(
    registry: ModelRegistry, files: dict[str, bytes]
) -> None:
    first = registry.register("FR", files, FACTS)
    again = registry.register("FR", files, FACTS)
    other = registry.register("FR", files, replace(FACTS, fingerprint="f2"))
    assert (first.version, again.version, other.version) == ("1", "1", "2")
    assert first.stage == "candidate"
    assert first.tags["data_version"] == "d1"
    assert first.metrics == {"mae": 1.5}
    model, loaded = registry.load("FR", "1")
    assert loaded.fingerprint == "f1"
    assert dict(model.to_files()) == files
    assert [version.version for version in registry.versions("FR")] == ["1", "2"]
    assert registry.versions("DE_LU") == []


def test_a_damaged_missing_or_added_file_is_refused_before_it_is_parsed(
    registry: ModelRegistry, files: dict[str, bytes]
) -> None:
    run_id = registry.register("FR", files, FACTS).run_id
    folder = Path(registry.artifact_folder) / run_id / "artifacts" / "model"
    damaged = next(folder.glob("*.npz"))
    content = damaged.read_bytes()
    for spoil in (
        lambda: damaged.write_bytes(content[:-1] + bytes([content[-1] ^ 1])),
        damaged.unlink,
        lambda: (damaged.write_bytes(content), (folder / "extra.json").write_text("{}")),
    ):
        spoil()
        forget_files()
        with pytest.raises(ModelIntegrityError, match="not those that were registered"):
            registry.load("FR", "1")


def test_no_version_and_no_champion_are_said_and_not_guessed(
    registry: ModelRegistry, files: dict[str, bytes]
) -> None:
    assert registry.champion("FR") is None
    with pytest.raises(ModelNotFoundError, match="no champion for 2025-04-01"):
        registry.champion_for("FR", date(2025, 4, 1), "simulated")
    with pytest.raises(ModelNotFoundError, match="no model version 7"):
        registry.load("FR", "7")
    with pytest.raises(ConfigurationError, match="reserved by the registry"):
        registry.register("FR", files, replace(FACTS, tags={"stage": "champion"}))
    with pytest.raises(ConfigurationError, match="unknown bidding zone"):
        registry.versions("XX")


def test_who_serves_a_day_knew_only_its_past_and_other_data_never_stands_in(
    registry: ModelRegistry, files: dict[str, bytes]
) -> None:
    early, late, other = (
        registry.register("FR", files, replace(FACTS, fingerprint=name, serves_from=day, lineage=lineage))
        for name, day, lineage in (
            ("a", date(2025, 3, 2), "files"),
            ("b", date(2025, 6, 1), "files"),
            ("c", date(2025, 5, 1), "simulated"),
        )
    )
    for version in (early, late, other):
        registry.promote("FR", version.version)
    assert registry.champion_for("FR", date(2025, 7, 1), "files").version == late.version
    assert registry.champion_for("FR", date(2025, 5, 31), "files").version == early.version
    assert registry.champion_for("FR", date(2025, 7, 1), "simulated").version == other.version
    with pytest.raises(ModelNotFoundError):
        registry.champion_for("FR", date(2025, 3, 1), "files")


def test_a_replay_of_the_past_moves_no_alias_and_a_rollback_takes_effect_at_once(
    registry: ModelRegistry, files: dict[str, bytes]
) -> None:
    new = registry.register("FR", files, replace(FACTS, fingerprint="new", serves_from=date(2025, 6, 1)))
    old = registry.register("FR", files, replace(FACTS, fingerprint="old", serves_from=date(2024, 6, 1)))
    registry.promote("FR", new.version)
    registry.promote("FR", old.version)
    assert some(registry.champion("FR")).version == new.version
    registry.rollback("FR", old.version)
    assert some(registry.champion("FR")).version == old.version
    assert registry.version("FR", new.version).stage == "withdrawn"
    assert registry.champion_for("FR", date(2025, 7, 1), "simulated").version == old.version


def test_a_challenger_serves_from_the_day_it_was_promoted_and_not_before(
    registry: ModelRegistry, files: dict[str, bytes]
) -> None:
    champion = registry.register("FR", files, FACTS)
    challenger = registry.register("FR", files, replace(FACTS, fingerprint="x", serves_from=date(2025, 4, 1)))
    registry.promote("FR", champion.version)
    registry.promote("FR", challenger.version, serves_from=date(2025, 5, 1))
    assert registry.champion_for("FR", date(2025, 4, 15), "simulated").version == champion.version
    assert registry.champion_for("FR", date(2025, 5, 1), "simulated").version == challenger.version


@pytest.mark.parametrize("kind", ["link", "folder", "fifo", "a link in place of the folder", "many files"])
def test_only_plain_files_are_read_from_the_folder_of_a_version(
    registry: ModelRegistry, files: dict[str, bytes], tmp_path: Path, kind: str
) -> None:
    run_id = registry.register("FR", files, FACTS).run_id
    folder = Path(registry.artifact_folder) / run_id / "artifacts" / "model"
    settings = folder / "settings.json"
    elsewhere = tmp_path / "elsewhere"
    if kind == "a link in place of the folder":
        folder.rename(elsewhere)
        folder.symlink_to(elsewhere)
    elif kind == "many files":
        for at in range(100):
            (folder / f"{at}.json").write_text("{}")
    else:
        settings.rename(elsewhere)
        if kind == "link":
            settings.symlink_to(elsewhere)
        elif kind == "folder":
            settings.mkdir()
        else:
            os.mkfifo(settings)
    forget_files()
    with pytest.raises(ModelIntegrityError, match="Restore the desk from a backup"):
        registry.load("FR", "1")
