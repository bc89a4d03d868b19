"""A hash of the source of a plug-in, so that its versions change when the plug-in changes."""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def source_hash(found: type[Any]) -> str:
    """Sixteen hex digits over every Python file of the top package of a class."""
    return _hash_of_package(found.__module__.partition(".")[0])


@cache
def _hash_of_package(name: str) -> str:
    spec = find_spec(name)
    digest = hashlib.sha256(name.encode())
    if spec is not None and spec.submodule_search_locations:
        for folder in map(Path, spec.submodule_search_locations):
            for file in sorted(folder.rglob("*.py")):
                digest.update(file.relative_to(folder).as_posix().encode())
                digest.update(file.read_bytes())
    elif spec is not None and spec.origin is not None:
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:16]
