"""A version is carried to another registry under its checksum, with its evidence; a pinned one is kept."""

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from desk.main import app
from desk.models.carry import export, import_
from desk.models.champion import rollback
from desk.models.pin import pin, unpin
from resources.home.make import make_home
from resources.models.carried import sum_of
from resources.models.model_files import forget_files
from resources.models.registry import ModelRegistry
from resources.settings.environment import read_environment
from resources.wiring import make_registry
from spot.errors import ConfigurationError, ModelIntegrityError
from spot.lifecycle.promotion import PromotionVerdict, held_by_pin
from tests.support.narrow import some
from tests.support.versions import naive_model_files, register_naive

ZONE = "DE_LU"
EVALUATION = json.dumps({"candidate": [3.0], "champion": [4.0]})
_ZONES = "zones:\n  {zone}: {{source: simulated}}\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two desks: `here` has two versions, the first one serves; `there` has none."""
    folder = tmp_path_factory.mktemp("carried")
    for name in ("here", "there"):
        make_home(folder / name, settings={"zones.yaml": _ZONES.format(zone=ZONE)})
    registry = make_registry(read_environment(folder / "here"))
    for seed in (1, 2):
        register_naive(registry, ZONE, seed)
    registry.promote(ZONE, "1")
    registry.set_tag(ZONE, "2", "evaluation", EVALUATION)
    return folder


@pytest.fixture
def at(made: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModelRegistry]:
    """Lets the commands work on one of the two desks; the registry of it."""
    for name in ("SPOTDESK_LAKE_URI", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)

    def work_at(name: str) -> ModelRegistry:
        monkeypatch.setenv("SPOTDESK_HOME", str(made / name))
        return make_registry(read_environment())

    return work_at


@pytest.fixture
def carried(at: Callable[[str], ModelRegistry], tmp_path: Path) -> Path:
    """Version 2 of `here` in a file."""
    at("here")
    file = tmp_path / "version.tar"
    export(zone=ZONE, version="2", file=file)
    return file


def test_a_version_comes_over_whole_once_and_does_not_serve(
    at: Callable[[str], ModelRegistry], carried: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    export(zone=ZONE, version="2", file=tmp_path / "again.tar")
    assert (tmp_path / "again.tar").read_bytes() == carried.read_bytes(), "the same version, the same bytes"
    sha256 = sum_of(carried.read_bytes())
    assert sha256 in capsys.readouterr().out.replace("\n", "")
    with pytest.raises(ConfigurationError, match="exists"):
        export(zone=ZONE, version="2", file=carried)
    original = at("here").version(ZONE, "2")
    registry = at("there")
    for is_new in (True, False):
        import_(carried, sha256=sha256, by="Ann", shadow=True, as_json=True)
        told = json.loads(capsys.readouterr().out)
        assert told == {"zone": ZONE, "version": "1", "stage": "challenger", "is_new": is_new}
    (version,) = registry.versions(ZONE)
    assert registry.champion(ZONE) is None
    assert registry.files(version) == naive_model_files(ZONE, 2)
    assert (version.fingerprint, version.settings, version.serves_from) == (
        original.fingerprint,
        original.settings,
        original.serves_from,
    )
    assert "evaluation" not in version.tags, "it was made beside another champion"
    assert version.tags["evaluation_elsewhere"] == EVALUATION
    origin = json.loads(version.tags["carried"])
    assert (origin["version"], origin["sha256"]) == ("2", sha256)
    assert origin["by"].startswith("Ann")


def _without_a_byte(content: bytes) -> bytes:
    return content[:-1]


def _with_a_flipped_bit(content: bytes) -> bytes:
    return content[:700] + bytes([content[700] ^ 1]) + content[701:]


@pytest.mark.parametrize("spoil", [_without_a_byte, _with_a_flipped_bit, lambda _: b""])
def test_a_damaged_file_is_refused_by_its_sum(
    at: Callable[[str], ModelRegistry], carried: Path, spoil: Callable[[bytes], bytes]
) -> None:
    sha256 = sum_of(carried.read_bytes())
    carried.write_bytes(spoil(carried.read_bytes()))
    before = at("there").versions(ZONE)
    with pytest.raises(ModelIntegrityError, match="damaged, or it is another file"):
        import_(carried, sha256=sha256, by="Ann")
    assert at("there").versions(ZONE) == before


def _archive(members: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return held.getvalue()


def _changed(file: Path, **changes: Any) -> bytes:
    """The file with another manifest, as somebody makes it who knows the format."""
    with tarfile.open(file) as archive:
        members = {one.name: some(archive.extractfile(one)).read() for one in archive}
    manifest = {**json.loads(members["manifest.json"]), **changes}
    return _archive({**members, "manifest.json": json.dumps(manifest).encode()})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"zone": "FR"}, "no zone of this desk"),
        ({"lineage": "energy_charts"}, "could not serve here"),
        ({"format": 2}, "format 2"),
        ({"family": "weather"}, "a model of 'weather'"),
        ({"checksums": {}}, "not those that were registered"),
        ({"trained_from": "yesterday"}, "manifest lacks something"),
        ({"tags": None}, "manifest lacks something"),
        ({"fingerprint": "f1"}, None),
    ],
)
def test_what_the_desk_cannot_use_is_refused_though_its_sum_is_right(
    at: Callable[[str], ModelRegistry], carried: Path, changes: dict[str, Any], said: str | None
) -> None:
    carried.write_bytes(_changed(carried, **changes))
    sha256 = sum_of(carried.read_bytes())
    at("here")  # which has a version of fingerprint f1 with other files
    with pytest.raises((ConfigurationError, ModelIntegrityError), match=said or "other files"):
        import_(carried, sha256=sha256, by="Ann")


@pytest.mark.parametrize(
    "content",
    [
        b"no archive at all",
        _archive({}),
        _archive({"manifest.json": b"{}"}),
        _archive({"manifest.json": b"[" * 5000}),
        _archive({"../outside": b"x"}),
        _archive({"model/inner/file": b"x"}),
    ],
)
def test_a_foreign_file_is_refused_in_one_line(
    at: Callable[[str], ModelRegistry], tmp_path: Path, content: bytes
) -> None:
    at("there")
    file = tmp_path / "foreign"
    file.write_bytes(content)
    with pytest.raises(ModelIntegrityError, match="the file holds"):
        import_(file, sha256=sum_of(content), by="Ann")
    with pytest.raises(ConfigurationError, match="cannot be read"):
        import_(tmp_path / "missing", sha256="0", by="Ann")


def test_a_pinned_version_is_not_replaced_until_a_person_releases_it(
    at: Callable[[str], ModelRegistry],
) -> None:
    registry = at("here")
    pin(zone=ZONE, by="Ann", reason="the audit of May")
    assert "the audit of May" in some(registry.champion(ZONE)).pinned
    with pytest.raises(ConfigurationError, match="pinned already"):
        pin(zone=ZONE, by="Ann", reason="again")
    for replace in (
        lambda: registry.promote(ZONE, "2"),
        lambda: rollback(zone=ZONE, to="2", by="Ann", reason="worse"),
    ):
        with pytest.raises(ConfigurationError, match="spotdesk models unpin"):
            replace()
    assert some(registry.champion(ZONE)).version == "1"
    assert registry.promote(ZONE, "1").version == "1", "a promotion that was killed may be finished"
    unpin(zone=ZONE, by="Ben", reason="the audit is over")
    with pytest.raises(ConfigurationError, match="is not pinned"):
        unpin(zone=ZONE, by="Ben", reason="again")
    registry.promote(ZONE, "2")
    assert some(registry.champion(ZONE)).version == "2"
    registry.rollback(ZONE, "1")


def test_the_policy_waits_beside_a_pinned_version() -> None:
    verdict = PromotionVerdict(action="promote", reasons=("better in error",), n_days=28)
    held = held_by_pin(verdict, "by Ann on 2025-05-01: the audit of May")
    assert held.action == "await_sign_off"
    assert held.reasons == (
        "better in error",
        "the serving version is pinned (by Ann on 2025-05-01: the audit of May)",
    )
    assert held_by_pin(verdict, "") == verdict
    rejected = PromotionVerdict(action="reject", reasons=("worse",))
    assert held_by_pin(rejected, "by Ann") == rejected


def test_the_list_is_still_what_the_command_shows_without_a_sub_command(
    at: Callable[[str], ModelRegistry],
) -> None:
    at("here")
    said = CliRunner().invoke(app, ["models", "--zone", ZONE, "--json"])
    assert said.exit_code == 0, said.output
    assert {row["version"] for row in json.loads(said.output)} >= {"1", "2"}
    assert CliRunner().invoke(app, ["models", "list", "--zone", ZONE]).exit_code == 0


def test_a_deployment_learns_which_serving_version_cannot_be_read(made: Path, tmp_path: Path) -> None:
    home = shutil.copytree(made / "here", tmp_path / "copy")
    ask = ["--home", str(home), "models", "verify"]
    assert CliRunner().invoke(app, ask).exit_code == 0
    for file in (home / "models").rglob("*.json"):
        if file.parent.name == "model":
            file.write_bytes(b"{}")
    forget_files()  # a deployment asks in a process of its own
    said = CliRunner().invoke(app, [*ask, "--json"])
    assert said.exit_code == 1
    (found,) = json.loads(said.output)
    assert (found["zone"], found["version"]) == (ZONE, "1")
    assert "not those that were registered" in found["problem"]
