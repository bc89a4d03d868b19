"""The code of a commit in a folder of its own, and the settings that each tree ships."""

import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from resources.files import write_whole
from resources.home.find import PROJECT_ROOT
from resources.settings.yaml_file import read_yaml
from spot.errors import ConfigurationError

_TEMPLATES = "resources/home/templates/conf"


def commit_of(ref: str) -> str:
    """The whole name of a commit of this checkout.

    Raises:
        ConfigurationError: there is none, or this is no checkout.
    """
    done = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ConfigurationError(
            f"--against {ref}: neither a file nor a commit of the checkout in {PROJECT_ROOT}; a shallow clone"
            " lacks older commits (git fetch --unshallow)"
        )
    return done.stdout.strip()


def tree_of(commit: str, cache: Path) -> Path:
    """The files of a commit, below `cache`; they are written once.

    Raises:
        ConfigurationError: git cannot give them.
    """
    folder = cache / "trees" / commit
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        packed, files = Path(scratch) / "tree.tar", Path(scratch) / "tree"
        done = subprocess.run(
            ["git", "archive", "--format=tar", f"--output={packed}", commit],
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ConfigurationError(f"commit {commit}: {done.stderr.strip()}")
        with tarfile.open(packed) as archive:
            archive.extractall(files, filter="data")
        try:
            files.rename(folder)
        except OSError:  # another process was faster
            if not folder.is_dir():
                raise
    return folder


def settings_of_tree(tree: Path, zones: Sequence[str], folder: Path) -> Path:
    """The settings that `tree` gives a new desk, with these zones, each on a market of its own.

    Raises:
        ConfigurationError: the tree has no settings.
    """
    source = tree / _TEMPLATES
    files = sorted(source.rglob("*.yaml"))
    if not files:
        raise ConfigurationError(f"{source} has no settings: is this a commit of Spotdesk?")
    for path in files:
        content = path.read_bytes()
        if path.name == "zones.yaml":
            document = read_yaml(path).content
            document["zones"] = {zone: {"seed": number + 1} for number, zone in enumerate(zones)}
            content = yaml.safe_dump(document, sort_keys=False).encode()
        target = folder / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, content)
    return folder
