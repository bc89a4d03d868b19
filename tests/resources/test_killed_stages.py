"""Killed at any instant and given again, a stage of the desk loses, doubles and leaves nothing.

The whole study, with all stages and twenty kills each, is `python -m benchmarks.faults.kill_matrix`.
"""

from typing import Any

import pytest

from benchmarks.faults.kill_matrix import measure
from benchmarks.planted.killed_stages import STAGES

QUICK = ("ingest", "publish", "compact")


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage.name in QUICK], ids=QUICK)
def test_a_stage_that_is_killed_and_given_again_is_as_if_nobody_had_killed_it(stage: Any) -> None:
    found = measure(stage, n_kills=1, seed=3)
    assert found["wrong"] == {}
