"""A run that waits for a slot in a pool says so: for which pool, and whose run holds it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dagster import DagsterInstance
from dagster._core.storage.tags import PARTITION_NAME_TAG

from resources.instance.in_process import IN_PROCESS_TAG, close_dead_runs

_FIRST_SECONDS, _NEXT_SECONDS = 2.0, 30.0
"""When a wait is told first, and how often again. Chosen by hand: a person at the terminal soon knows why
nothing moves, and is not flooded.
"""


@contextmanager
def waits_are_told(
    instance: DagsterInstance,
    own: str,
    say: Callable[[str], None],
    *,
    first_seconds: float = _FIRST_SECONDS,
    next_seconds: float = _NEXT_SECONDS,
) -> Iterator[None]:
    """While the body runs, `say` for what the runs of the process `own` wait, and close dead holders.

    `own` is the process's value of `IN_PROCESS_TAG`. A wait is told once it lasts `first_seconds`, and again
    each `next_seconds`.
    """
    if instance.is_ephemeral or not instance.event_log_storage.supports_global_concurrency_limits:
        yield
        return
    is_over = threading.Event()
    watch = threading.Thread(
        target=_watch, args=(instance, own, say, is_over, first_seconds, next_seconds), daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        is_over.set()
        watch.join()


def _watch(
    instance: DagsterInstance,
    own: str,
    say: Callable[[str], None],
    is_over: threading.Event,
    first_seconds: float,
    next_seconds: float,
) -> None:
    pause = first_seconds
    while not is_over.wait(pause):
        lines = waits_of(instance, own)
        if lines and close_dead_runs(instance):
            lines = waits_of(instance, own)
        for line in lines:
            say(line)
        pause = next_seconds if lines else first_seconds


def waits_of(instance: DagsterInstance, own: str) -> list[str]:
    """One line per step of the process's runs that waits for a slot."""
    storage, lines = instance.event_log_storage, []
    for pool in sorted(storage.get_concurrency_keys()):
        info = storage.get_concurrency_info(pool)
        for step in info.pending_steps:
            if step.assigned_timestamp is None and _is_of(instance, step.run_id, own):
                holders = ", ".join(sorted(_holder(instance, run_id) for run_id in info.active_run_ids))
                held = f"held by {holders}" if holders else "about to be given"
                lines.append(
                    f"{step.step_key} waits for a slot of the pool {pool} ({info.slot_count}): {held}"
                )
    return lines


def _is_of(instance: DagsterInstance, run_id: str, own: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.tags.get(IN_PROCESS_TAG) == own


def _holder(instance: DagsterInstance, run_id: str) -> str:
    run = instance.get_run_by_id(run_id)
    if run is None:
        return f"the unknown run {run_id}"
    of = run.tags.get(PARTITION_NAME_TAG, "everything")
    mark = run.tags.get(IN_PROCESS_TAG)
    whose = "the daemon" if mark is None else f"a command on {mark.partition(' ')[0]}"
    return f"{run.job_name} of {of}, run {run_id[:8]} of {whose}"
