"""Pages that read well: no file and no folder grows past what a reader takes in.

Unless its reason stands here.
"""

import subprocess
from collections import Counter
from pathlib import Path

import pytest

MAX_LINES = 300
MAX_FILES = 16
"""About fifteen, and `__init__.py`."""
LONG_FILES = {
    "benchmarks/promotion.py": "one study from its worlds to its verdict",
    "benchmarks/provider_faults.py": "one suite of faults, a figure each",
    "benchmarks/planted/provider_mutations.py": "one mutation after another",
    "benchmarks/planted/us_mutations.py": "one mutation after another",
    "desk/models/versions.py": "four commands on one table of versions",
    "desk/setup/init.py": "one conversation, from the question to the file",
    "desk/trading/run.py": "the command with the most options, and what each refuses",
    "desk/trading/signals.py": "one page: the table, the reasons, the bars",
    "resources/home/upgrade.py": "one step of an upgrade after another",
    "resources/lake/delta_table.py": "one table's commits, reads and schema",
    "resources/lake/lake.py": "the one door to all tables",
    "resources/market/live_market.py": "one fetch from request to judged rows",
    "resources/providers/http.py": "one client with its bounds",
    "resources/settings/environment.py": "every variable of the environment in one place",
    "spot/forecast/engine/forecaster.py": "one forecaster",
    "spot/forecast/gp/bank.py": "one bank: fit, forecast, absorb, explain",
    "spot/forecast/hourly_forecaster.py": "the interface that all members share, and its walk",
    "spot/lifecycle/promotion.py": "one policy with its tests of significance",
    "spot/sources/providers/entsoe.py": "one document format",
    "trading_assets/declared.py": "one declaration of an asset and what follows from it",
}
"""Source files above `MAX_LINES`, and why each is one page all the same."""
FULL_FOLDERS = {
    "benchmarks": "one command a file, listed in its README",
    "spot/contracts": "one schema a file, all of one kind",
}
"""Folders above `MAX_FILES`, and why they need no rooms."""


@pytest.fixture(scope="module")
def source_files(project_root: Path) -> list[Path]:
    words = ["git", "ls-files", "-z", "--", "*.py", ":!tests"]
    listed = subprocess.run(words, cwd=project_root, capture_output=True, text=True, check=True).stdout
    return [project_root / name for name in listed.split("\0") if name and (project_root / name).is_file()]


def test_a_long_file_has_its_reason(source_files: list[Path], project_root: Path) -> None:
    lengths = {
        file.relative_to(project_root).as_posix(): len(file.read_text(encoding="utf-8").splitlines())
        for file in source_files
    }
    long = {name: n for name, n in lengths.items() if n > MAX_LINES}
    assert not set(long) - set(LONG_FILES), "split the file, or say in LONG_FILES why it is one page"
    assert all((project_root / name).is_file() for name in LONG_FILES if name in lengths)


def test_a_folder_holds_about_fifteen_files(source_files: list[Path], project_root: Path) -> None:
    counts = Counter(file.parent.relative_to(project_root).as_posix() for file in source_files)
    crowded = {name: n for name, n in counts.items() if n > MAX_FILES}
    assert crowded.keys() <= set(FULL_FOLDERS), f"give these folders rooms: {crowded}"
