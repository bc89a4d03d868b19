"""What importing the environment settles for the whole process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_GROUPED = """
import sys
import polars as pl
{first}
frame = pl.DataFrame({{"day": [i // 100 for i in range(4000)], "value": [1.0] * 4000}})
frame.group_by("day").agg(pl.col("value").mean())
"""


@pytest.mark.parametrize(
    ("first", "is_whole"), [("import resources.settings.environment", True), ("", False)]
)
def test_sums_of_groups_do_not_depend_on_the_order_in_which_threads_finish(
    project_root: Path, first: str, is_whole: bool
):
    """Polars names the way it took; the second case shows that it would take another by itself."""
    variables = {name: value for name, value in os.environ.items() if name != "POLARS_NO_PARTITION"}
    run = subprocess.run(
        [sys.executable, "-c", _GROUPED.format(first=first)],
        cwd=project_root,
        env={**variables, "POLARS_VERBOSE": "1", "POLARS_MAX_THREADS": "2"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ("running default HASH AGGREGATION" in run.stderr) == is_whole
