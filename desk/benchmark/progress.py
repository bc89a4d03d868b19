"""The progress of a benchmark, on the terminal."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from desk.benchmark.run import Stage
from desk.screen.console import err


class Steps:
    """A progress bar over runs that shows the stage of the current one."""

    def __init__(self, bar: Progress, total: int) -> None:
        self._bar, self._task, self._begun, self._total = bar, bar.add_task("", total=total), -1, total

    def __call__(self, label: str) -> Stage:
        """Begin the stage `label`; returns a function that reports its progress."""
        self._begun += 1
        self._bar.update(self._task, completed=self._begun, description=label)
        if not err.is_terminal:
            err.print(f"{self._begun + 1} of {self._total}: {label}", highlight=False)
        return lambda stage: self._bar.update(self._task, description=f"{label}: {stage}")


@contextmanager
def progress(total: int) -> Iterator[Steps]:
    """A bar of `total` stages on the terminal."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    ) as bar:
        try:
            yield Steps(bar, total)
        except KeyboardInterrupt:
            err.print(
                "interrupted; finished runs are kept, and the same command (without --fresh) continues with"
                " the rest"
            )
            raise
