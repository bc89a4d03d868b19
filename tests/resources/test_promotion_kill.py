"""A promotion killed at any point leaves the old or the new champion: whole, loadable, checksum-true."""

import random
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from resources.models.registry import ModelRegistry
from spot.errors import ModelIntegrityError
from tests.support.narrow import some
from tests.support.versions import register_naive

ZONE = "BE"
PROMOTE_FOR_EVER = """
import sys
from resources.models.registry import ModelRegistry
registry = ModelRegistry(tracking_uri=sys.argv[1], artifact_folder=sys.argv[2])
versions = [v.version for v in registry.versions("BE")]
print("ready", flush=True)
while True:
    for version in versions:
        registry.promote("BE", version)
    for version in reversed(versions):
        registry.rollback("BE", version)
"""


@pytest.fixture
def registry(tmp_path: Path) -> ModelRegistry:
    made = ModelRegistry(
        tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}", artifact_folder=str(tmp_path / "models")
    )
    for seed in (1, 2):
        register_naive(made, ZONE, seed)
    made.promote(ZONE, "1")
    return made


@pytest.mark.slow
def test_a_killed_promotion_leaves_one_whole_champion(registry: ModelRegistry, project_root: Path) -> None:
    words = [sys.executable, "-c", PROMOTE_FOR_EVER, registry.tracking_uri, registry.artifact_folder]
    rng = random.Random(5)
    for _ in range(4):
        process = subprocess.Popen(words, cwd=project_root, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        time.sleep(rng.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        champion = registry.champion(ZONE)
        assert champion is not None
        assert champion.version in ("1", "2")
        model, loaded = registry.load(ZONE, "champion")
        assert loaded.version == champion.version
        assert model.to_files() == registry.files(champion)
    assert registry.rollback(ZONE, "1").version == some(registry.champion(ZONE)).version == "1"


class KilledError(BaseException):
    """Stands for SIGKILL between two writes; nothing catches it."""


@pytest.mark.parametrize("moment", range(6))
def test_a_promotion_killed_before_or_after_any_of_its_writes_leaves_one_whole_champion(
    registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    from mlflow import MlflowClient

    registry.set_stage(ZONE, "2", "challenger")
    passed = iter(range(100))

    def die_at(name: str) -> None:
        write = getattr(MlflowClient, name)

        def dying(self: Any, *args: Any, **more: Any) -> Any:
            if next(passed) == moment:
                raise KilledError
            done = write(self, *args, **more)
            if next(passed) == moment:
                raise KilledError
            return done

        patch.setattr(MlflowClient, name, dying)

    with monkeypatch.context() as patch:
        for name in ("set_model_version_tag", "set_registered_model_alias"):
            die_at(name)
        with pytest.raises(KilledError):
            registry.promote(ZONE, "2", serves_from=date(2024, 3, 20))

    champion = registry.champion(ZONE)
    assert champion is not None
    assert champion.version == ("1" if moment < 3 else "2")  # three writes: first day, alias, stage
    for day in (date(2024, 3, 10), date(2024, 3, 20)):
        told = registry.pointer(ZONE).serving(day, "simulated")
        assert told is not None
        assert told.version == registry.champion_for(ZONE, day, "simulated").version
    model, loaded = registry.load(ZONE, "champion")
    assert model.to_files() == registry.files(loaded)
    assert registry.champion_for(ZONE, date(2024, 3, 10), "simulated").version == "1", (
        "the past keeps its champion"
    )
    assert registry.champion_for(ZONE, date(2024, 3, 20), "simulated").version == champion.version

    finished = registry.promote(
        ZONE, "2", serves_from=date(2024, 3, 20 if moment < 3 else 25)
    )  # asked again, some days later
    assert (finished.stage, finished.serves_from) == ("champion", date(2024, 3, 20))
    assert [version.stage for version in registry.shown_versions(ZONE)] == ["served", "champion"]


def test_a_version_whose_file_was_changed_is_not_loaded(registry: ModelRegistry) -> None:
    version = registry.version(ZONE, "1")
    file = next(Path(registry.artifact_folder).rglob("*.npz"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    damaged = [v for v in registry.versions(ZONE) if v.run_id in str(file)]
    assert len(damaged) == 1
    with pytest.raises(ModelIntegrityError):
        registry.load(ZONE, damaged[0].version)
    assert version.zone == ZONE
