"""Each module of `trading_assets` defines assets, with their checks beside them and short functions."""

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from dagster import (
    AssetChecksDefinition,
    AssetKey,
    AssetsDefinition,
    load_asset_checks_from_modules,
    load_assets_from_modules,
)

from trading_assets.catalogue import ASSETS, CHECKS

ROOT = Path(__file__).parents[2]
WITHOUT_ASSETS = {
    "trading_assets.partitions": "zones and days, of the whole graph and of a run",
    "trading_assets.jobs": "selections of assets",
    "trading_assets.checks": "from a verdict to the result of a check",
    "trading_assets.catalogue": "the list of all assets and checks, and those that a desk has",
}
"""Module to what it holds; the room `frame` holds what every asset is made with."""
MOST_LINES = 15
FILES = [path for path in sorted((ROOT / "trading_assets").rglob("*.py")) if path.name != "__init__.py"]
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in FILES}
WITH_ASSETS = [
    name for name in MODULES if name not in WITHOUT_ASSETS and not name.startswith("trading_assets.frame.")
]


def assets_in(module: ModuleType) -> list[AssetsDefinition]:
    return [one for one in load_assets_from_modules([module]) if isinstance(one, AssetsDefinition)]


def declared_functions(path: Path) -> Iterator[tuple[str, int]]:
    """Functions that a `declared_...` decorator makes assets or checks of, with the lines of their bodies."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef):
            continue
        names = [ast.unparse(one).partition("(")[0] for one in node.decorator_list]
        if any(name.startswith("declared_") for name in names):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            first, last = body[0].lineno, body[-1].end_lineno
            assert last is not None
            yield node.name, last - first + 1


def test_modules_without_assets_are_there() -> None:
    assert WITHOUT_ASSETS.keys() <= MODULES.keys()


@pytest.mark.parametrize("name", WITH_ASSETS)
def test_a_module_defines_assets_and_the_checks_of_these_alone(name: str) -> None:
    module = import_module(name)
    found = assets_in(module)
    assert found, f"{name} defines no asset: move it, or say in WITHOUT_ASSETS what it holds"
    own: set[AssetKey] = {key for one in found for key in one.keys}
    judged = {
        key.asset_key
        for one in load_asset_checks_from_modules([module])
        if isinstance(one, AssetChecksDefinition)
        for key in one.check_keys
    }
    assert judged <= own, f"{name}: a check stands beside the asset that it judges"


def test_the_catalogue_has_every_asset_and_check_of_these_modules() -> None:
    modules = [import_module(name) for name in WITH_ASSETS]
    found = {key for module in modules for one in assets_in(module) for key in one.keys}
    assert found == {key for one in ASSETS for key in one.keys}
    checks = {key for one in load_asset_checks_from_modules(modules) for key in one.check_keys}
    assert checks == {key for one in CHECKS for key in one.check_keys}


def test_bodies_of_assets_and_checks_are_short() -> None:
    lines = {
        f"{name}: {function}": n for name, path in MODULES.items() for function, n in declared_functions(path)
    }
    assert len(lines) > 30
    assert {function: n for function, n in lines.items() if n > MOST_LINES} == {}
