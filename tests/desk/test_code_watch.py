"""Code that does not load is loaded again without anybody's doing, and people are told the cause once."""

import gc
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import PythonFileTarget

from desk.guard.code_watch import CodeWatch
from resources.home.daemon_state import read_code_problem

WHOLE = "import dagster\ndefs = dagster.Definitions()\n"
BROKEN = "import a_module_that_is_missing\n" + WHOLE


_LONGEST_END = 70
"""Seconds. A code server waits a minute for the calls that it still answers."""


class Told(list[tuple[str, str]]):
    """What people were told, with its severity."""

    def __call__(self, message: str, severity: str) -> None:
        self.append((severity, message))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A file of definitions that does not load."""
    file = tmp_path / "code.py"
    file.write_text(BROKEN, encoding="utf-8")
    return file


@pytest.fixture
def workspace(tmp_path: Path, code: Path) -> Iterator[WorkspaceProcessContext]:
    """The real code server of Dagster with the file."""
    target = PythonFileTarget(
        str(code), attribute=None, working_directory=str(tmp_path), location_name="desk"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            DagsterInstance.local_temp(str(tmp_path)) as instance,
            WorkspaceProcessContext(instance, target) as made,
        ):
            yield made
        for process in [one for one in gc.get_objects() if isinstance(one, subprocess.Popen)]:
            process.wait(_LONGEST_END)  # Dagster ends its servers and does not wait for them


def test_broken_code_is_told_once_and_loaded_again_when_it_is_mended(
    workspace: WorkspaceProcessContext, tmp_path: Path, code: Path
) -> None:
    told = Told()
    watch = CodeWatch(workspace, tmp_path, told)
    watch.look()
    watch.look()
    ((severity, message),) = told
    cause = "ModuleNotFoundError: No module named 'a_module_that_is_missing'"
    assert severity == "critical"
    assert message.endswith(cause)
    problem = read_code_problem(tmp_path)
    assert problem is not None
    assert problem.cause == cause
    code.write_text(WHOLE, encoding="utf-8")
    watch.look()
    assert workspace.has_code_location("desk")
    assert [severity for severity, _ in told] == ["critical", "info"]
    assert read_code_problem(tmp_path) is None
    watch.look()
    assert len(told) == 2
