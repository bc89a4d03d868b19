"""How much room each part of a desk takes on its disk."""

import os
from collections import Counter
from pathlib import Path

_BODIES = ("lake", "captured_bodies")
_PARTS = {
    "lake": "tables",
    "dagster": "runs and events",
    "mlflow.db": "model registry",
    "models": "model files",
    "analyst.duckdb": "analyst database",
    ".analyst.duckdb.versions": "analyst database",
    "studies": "studies",
    "demo": "demo",
}


def home_sizes(home: Path) -> dict[str, int]:
    """Part of the desk to its bytes, the largest first; without what lies elsewhere, such as a lake on S3."""
    sizes: Counter[str] = Counter()
    for place, _, files in os.walk(home):
        part = _part(Path(place).relative_to(home).parts)
        for name in files:
            sizes[part or _PARTS.get(_database(name), "other")] += _bytes_of(os.path.join(place, name))  # noqa: PTH118 - as quick as a walk of many files needs
    return dict(sizes.most_common())


def in_words(sizes: dict[str, int], *, n_parts: int = 6) -> str:
    """The sizes in a line."""
    parts = [f"{name} {_megabytes(n)}" for name, n in list(sizes.items())[:n_parts]]
    return f"{_megabytes(sum(sizes.values()))}: {', '.join(parts)}" if parts else "nothing"


def _part(folders: tuple[str, ...]) -> str:
    """The part that a folder belongs to; empty for the files of the home itself."""
    if folders[:2] == _BODIES:
        return "captured answers"
    return _PARTS.get(folders[0], "other") if folders else ""


def _database(name: str) -> str:
    return name.removesuffix("-wal").removesuffix("-shm")


def _bytes_of(path: str) -> int:
    """Size of a file; 0 where it has gone meanwhile."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _megabytes(n_bytes: int) -> str:
    return f"{n_bytes / 1e6:,.0f} MB"
