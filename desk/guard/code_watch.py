"""The code that UI and daemon work with is loaded again while it does not load, and people are told.

Dagster loads code once. If an import is broken at that moment, no schedule and no sensor runs from then on,
also after it was mended. A thread of the server looks at the code; while it does not load, it tries again.
"""

import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path

from dagster._core.workspace.context import WorkspaceProcessContext
from dagster_shared.error import SerializableErrorInfo

from resources.home.daemon_state import CodeProblem, keep_code_problem, read_code_problem
from resources.wall_clock import utc_now
from spot.contracts.words import Severity

_LOG = logging.getLogger("spotdesk.code")
_SECONDS_BETWEEN_LOOKS = 20.0
"""Chosen by hand: code that loads again is found within half a minute, and a look costs next to nothing."""
_ERROR_LINE = re.compile(r"^(?:[\w.]*\.)?(?!Dagster)\w*(?:Error|Exception|Exit): .+$", re.MULTILINE)
_LONGEST = 500
"""Characters of a cause in an alert. Chosen by hand: an error with its place; the log has the rest."""

Tell = Callable[[str, Severity], None]


class CodeWatch:
    """One look after the other at the code of a workspace."""

    def __init__(self, workspace: WorkspaceProcessContext, dagster_home: Path, tell: Tell) -> None:
        self._workspace, self._home, self._tell = workspace, dagster_home, tell

    def run(self, is_over: threading.Event) -> None:
        """Look until it is over."""
        while not is_over.is_set():
            try:
                self.look()
            except Exception:  # noqa: BLE001 - whatever goes wrong with one look, the next one is made
                _LOG.exception("checking the code failed")
            is_over.wait(_SECONDS_BETWEEN_LOOKS)

    def look(self) -> None:
        """Load again what does not load; tell when that did not help, what the new cause is, when it ends."""
        cause = self._cause()
        if cause:
            for name in self._workspace.code_location_names:
                self._workspace.reload_code_location(name)
            cause = self._cause()
        if cause:
            self._tell_problem(cause)
        elif (known := read_code_problem(self._home)) is not None:
            keep_code_problem(self._home, None)
            self._tell(
                f"the code loads again; it had not loaded since {known.since_utc:%Y-%m-%d %H:%M:%S} UTC"
                f" ({known.cause}). Schedules that were missed are made up for, lost runs start again",
                "info",
            )

    def _tell_problem(self, cause: str) -> None:
        known = read_code_problem(self._home)
        if known is not None and known.cause == cause:
            return
        since = utc_now() if known is None else known.since_utc
        keep_code_problem(self._home, CodeProblem(since, cause))
        self._tell(
            f"the code does not load, no schedule and no sensor runs (since {since:%Y-%m-%d %H:%M:%S} UTC):"
            f" {cause}",
            "critical",
        )

    def _cause(self) -> str:
        """The first cause in a line; empty where all code loads."""
        entries = self._workspace.get_current_workspace().code_location_entries.values()
        errors = [entry.load_error for entry in entries if entry.load_error is not None]
        return cause_of(errors[0]) if errors else ""


def cause_of(error: SerializableErrorInfo) -> str:
    """The error of the code itself, without what Dagster wraps around it."""
    text = error.to_string()
    if "UserCodeUnreachableError" in text:
        return "the server of the code does not answer"
    lines = _ERROR_LINE.findall(text)
    said = lines[-1] if lines else error.message
    return " ".join(said.split())[:_LONGEST]
