"""Two people sign a digest before it reaches production."""

import shutil
import subprocess
from pathlib import Path

import pytest

DIGEST, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64


class Release:
    """Two people with keys, and the script."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.folder, self.script = folder, script
        lines = []
        for name in ("ann", "bob"):
            key = folder / name
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
            lines.append(f"{name} {key.with_suffix('.pub').read_text()}")
        (folder / "signers").write_text("".join(lines))

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """One call of the script."""
        variables = {
            "PATH": "/usr/bin:/bin",
            "SIGN_OFFS": str(self.folder / "offs"),
            "SIGNERS": str(self.folder / "signers"),
        }
        return subprocess.run(
            [str(self.script), *words], env=variables, capture_output=True, text=True, check=False, timeout=30
        )

    def sign(self, name: str, key: str, digest: str = DIGEST) -> None:
        """A signature of a person with a key."""
        done = self.run("sign", f"desk/spotdesk@{digest}", name, str(self.folder / key))
        assert done.returncode == 0, done.stderr

    def check(self, digest: str = DIGEST) -> int:
        """Exit code of the gate."""
        return self.run("check", f"desk/spotdesk@{digest}").returncode


@pytest.fixture
def release(tmp_path: Path, project_root: Path) -> Release:
    assert shutil.which("ssh-keygen"), "install openssh-client"
    return Release(tmp_path, project_root / "deploy/pipeline/sign_offs.sh")


def test_two_people_open_the_gate_and_one_does_not(release: Release) -> None:
    assert release.check() == 1
    release.sign("ann", "ann")
    assert release.check() == 1
    release.sign("bob", "bob")
    assert release.check() == 0


def test_a_signature_holds_for_one_digest(release: Release) -> None:
    release.sign("ann", "ann")
    release.sign("bob", "bob", OTHER)
    assert release.check() == 1


def test_a_signature_with_the_key_of_another_does_not_count(release: Release) -> None:
    release.sign("ann", "ann")
    release.sign("bob", "ann")
    assert release.check() == 1


def test_one_key_under_two_names_is_one_person(release: Release) -> None:
    public = (release.folder / "ann.pub").read_text()
    (release.folder / "signers").write_text(f"ann {public}zoe {public}")
    release.sign("ann", "ann")
    release.sign("zoe", "ann")
    assert release.check() == 1


def test_a_name_of_an_image_without_digest_is_refused(release: Release) -> None:
    done = release.run("check", "desk/spotdesk:latest")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
