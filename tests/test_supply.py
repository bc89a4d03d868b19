"""What Spotdesk is made of: every package is pinned, licensed and needed."""

import ast
import json
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from supply.licences import refusal
from supply.lock import Locked, locked
from supply.sbom import bill_of_materials
from supply.sbom import main as write_bill

PRODUCT = ("spot", "resources", "workflows", "trading_assets", "sensors", "spotdesk", "desk")
NOT_IMPORTED = {
    "dagster-postgres": "named in settings of a deployment: Dagster's records in Postgres",
    "pandas": "of nannyml; one version for it and mlflow",
    "scikit-learn": "of nannyml and mlflow; one version for them and our tests",
    "setuptools": "nannyml and mlflow need it and do not say so",
    "statsmodels": "nannyml imports it without declaring it",
    "tzdata": "zoneinfo where the system has no time zones",
    "xgboost-cpu": "of flaml, below nannyml, in place of xgboost",
}
"""Declared packages that no file of the product imports, and why they are declared."""


def licensed(monkeypatch: pytest.MonkeyPatch, licence: str | None) -> str:
    """The verdict on a package with this licence."""
    monkeypatch.setattr(Locked, "licence", property(lambda _: licence))
    return refusal(Locked("made-up", "1.0", "", ()))


def test_every_pin_has_its_hashes_and_a_licence_that_is_accepted() -> None:
    packages = locked()
    assert len(packages) > 100
    assert [package.name for package in packages if not package.sha256] == []
    assert [why for package in packages if (why := refusal(package))] == []


@pytest.mark.parametrize(
    "licence",
    ["GPL-3.0-only", "AGPL-3.0", "LGPL-2.1", "GNU General Public License", "EUPL-1.2", "", "Secret"],
)
def test_copyleft_and_unknown_licences_are_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, licence: str
) -> None:
    assert licensed(monkeypatch, licence).startswith("made-up 1.0: ")


@pytest.mark.parametrize("licence", ["MIT", "Apache-2.0 AND MIT", "MPL-2.0", "BSD", "PSF-2.0", None])
def test_permissive_licences_the_mpl_and_absent_packages_are_accepted(
    monkeypatch: pytest.MonkeyPatch, licence: str | None
) -> None:
    assert licensed(monkeypatch, licence) == ""


def test_a_line_of_the_lock_that_is_no_pin_is_named(tmp_path: Path) -> None:
    path = tmp_path / "requirements.lock"
    path.write_text(
        "# head\npolars==2.1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:" + "a" * 64 + "\n"
    )
    assert locked(path) == [Locked("polars", "2.1.0", "sys_platform == 'win32'", ("a" * 64,))]
    path.write_text("polars>=2\n")
    with pytest.raises(ValueError, match="line 1 is no pin"):
        locked(path)


def test_the_bill_of_materials_lists_the_lock_and_is_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name for name in ("one.json", "two.json")]
    for file in files:
        monkeypatch.setattr(sys, "argv", ["sbom", str(file)])
        write_bill()
    assert files[0].read_bytes() == files[1].read_bytes()
    document = json.loads(files[0].read_text())
    assert document == bill_of_materials()
    assert (document["bomFormat"], document["specVersion"]) == ("CycloneDX", "1.6")
    listed = {(one["name"], one["version"]) for one in document["components"]}
    assert listed == {(package.name, package.version) for package in locked()}
    references = [one["bom-ref"] for one in document["components"]]
    assert len(set(references)) == len(references)
    assert set(document["dependencies"][0]["dependsOn"]) == set(references)
    assert all(one["hashes"] for one in document["components"])


def test_every_declared_package_is_imported_or_says_why_not(project_root: Path) -> None:
    declared = _declared(project_root)
    imported = _imported(project_root)
    assert declared - imported == NOT_IMPORTED.keys()


def _declared(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {_normal(re.split(r"[\[<>=~! ;]", one)[0]) for one in project["dependencies"]}


def _imported(root: Path) -> set[str]:
    """Packages that a file of the product imports, anywhere in it."""
    packages = packages_distributions()
    files = [root / "definitions.py", *(path for name in PRODUCT for path in (root / name).rglob("*.py"))]
    names = {name for path in files for name in _names(ast.parse(path.read_text(encoding="utf-8")))}
    return {_normal(one) for name in names for one in packages.get(name, [name])}


def _names(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")
