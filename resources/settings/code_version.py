"""Which code made a model or a table.

It is a hash over the sources that it depends on, so an edit elsewhere changes nothing.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from resources.home.find import PROJECT_ROOT
from resources.plugins.members import MEMBERS
from spot.errors import ConfigurationError

_ROOMS = (
    "spot/forecast",
    "spot/features",
    "spot/contracts/panel.py",
    "spot/contracts/feature_tables.py",
    "spot/contracts/vintages.py",
    "spot/market",
)
_SPREAD_ROOMS = (
    "spot/strategy/spread/model.py",
    "spot/strategy/spread/inputs.py",
    "spot/strategy/spread/sources.py",
    "spot/risk/outcomes.py",
    "spot/contracts/vintages.py",
    "spot/forecast/trees",
    "spot/features",
    "spot/market",
)
_WORK = (
    "spot",
    "workflows",
    "trading_assets",
    "resources.analysts",
    "resources.lake.zone_tables",
    "resources.market",
    "resources.plugins",
    "resources.providers",
    "resources.settings.strategies",
    "resources.trading.outbox",
)
"""Folders that decide the rows of an asset. Tables, registry, settings and pictures carry rows and change
none.
"""
_FRAME = (
    "trading_assets.catalogue",
    "trading_assets.jobs",
    "trading_assets.frame.declared",
    "trading_assets.partitions",
)
"""Modules that declare and run assets, which changes no row either."""
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^\n]*)|import[ \t]+([\w.]+))", re.MULTILINE
)


@cache
def lock_hash() -> str | None:
    """SHA-256 of `requirements.lock`, which lists the versions of all libraries.

    None where the file does not exist.
    """
    lock = PROJECT_ROOT / "requirements.lock"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None


def recorded_lock_hash(tags: Mapping[str, str]) -> str | None:
    """The `lock_hash` that a version was registered with; None where there was none.

    Older tags have the text `none` then.
    """
    found = tags.get("lock_hash")
    return None if found == "none" else found


def model_code_version(settings: Mapping[str, Any]) -> str:
    """Sixteen hex digits over the sources of features, forecasters and market rules.

    `settings` name the member by their `kind`. If it is from a plug-in, the plug-in's own source counts too.
    A plug-in that is no longer installed or cannot be used counts as missing, since the model cannot be made
    with it again.
    """
    own, kind = _hash_of(_ROOMS), str(settings.get("kind"))
    try:
        plugin = MEMBERS.source_hash(kind)
    except (KeyError, ConfigurationError):
        plugin = f"{kind} is not there"
    return hashlib.sha256(f"{own}|{plugin}".encode()).hexdigest()[:16] if plugin else own


def spread_code_version() -> str:
    """The same for models of the spread."""
    return _hash_of(_SPREAD_ROOMS)


def sources_version(module: str, root: Path = PROJECT_ROOT) -> str:
    """Sixteen hex digits over the source of a module and of the project's modules that it depends on.

    Imports are followed from file to file, those inside functions too.
    """
    digest = hashlib.sha256()
    for name in sorted(_closure(module, root)):
        digest.update(name.encode())
        digest.update(_source(name, root).encode())
    return digest.hexdigest()[:16]


@cache
def _closure(module: str, root: Path) -> frozenset[str]:
    found, waiting = {module}, [module]
    while waiting:
        new = _imports(waiting.pop(), root) - found
        found |= new
        waiting += new
    return frozenset(found)


@cache
def _imports(module: str, root: Path) -> frozenset[str]:
    """Modules of the project that decide on rows and that the source of `module` imports."""
    named = (name for found in _IMPORT.finditer(_source(module, root)) for name in _named(*found.groups()))
    return frozenset(
        name for name in named if name.startswith(_WORK) and name not in _FRAME and _source(name, root)
    )


def _named(package: str | None, names: str | None, module: str | None) -> Iterator[str]:
    """Every module that an import statement may mean: `from a import b` is a.b, or a name in a."""
    if module:
        yield module
    if package:
        yield package
        yield from (f"{package}.{name}" for name in re.findall(r"\w+", names or ""))


@cache
def _source(module: str, root: Path) -> str:
    """The text of a module; empty where there is no such file."""
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@cache
def _hash_of(rooms: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for room in rooms:
        path = PROJECT_ROOT / room
        for file in sorted(
            [path] if path.is_file() else (file for file in path.rglob("*") if file.suffix in (".py", ".csv"))
        ):
            digest.update(file.relative_to(PROJECT_ROOT).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
