"""One run of a benchmark in a process of its own.

It gives the forecasts, their cost, and a place in the cache.

In a process of its own, CPU seconds and peak memory are those of the run alone. Results lie under
`.spotdesk/benchmarks`, named after the code, the settings and the data. So nothing is computed twice, and an
interrupted run continues where it stopped.
"""

import io
import json
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np

from desk.benchmark.job import BenchmarkJob
from resources.files import write_whole
from resources.plugins.members import new_forecaster
from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ConfigurationError, SpotdeskError
from spot.forecast.hourly_forecaster import HourlyForecaster
from spot.forecast.interface import PriceForecast
from spot.forecast.leak_check import leak_check

_SERVED_DAYS = 15
"""Days that are forecast one by one to measure what a served day costs. Chosen by hand: two weeks and a day
hold every day of the week twice.
"""
_LEAK_DAYS = (20, 45)
"""Test days from which on the leak check changes the future. Chosen by hand: two of them, neither at the edge
of what is walked.
"""
_LEAK_SPAN = 60
"""Test days that the leak check walks. Chosen by hand: the later of `_LEAK_DAYS` has two weeks behind it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRun:
    """Forecasts of the test days and their cost. T test days, P periods, Q levels."""

    points: Floats
    quantiles: Floats
    levels: tuple[float, ...]
    first_row: int
    figures: dict[str, Any]
    """CPU seconds and MiB: cpu_s, cpu_fit_s, cpu_walk_forward_s, cpu_served_day_ms, cpu_update_day_ms,
    peak_memory_mib; is_leak_free.
    """


Stage = Callable[[str], None]


def run_cached(job: BenchmarkJob, cache: Path, stage: Stage) -> BenchmarkRun:
    """The run of a job, from the cache if it was done before.

    Raises:
        SpotdeskError: the job failed; the message is the job's own.
    """
    path = cache / f"{job.key()}.npz"
    stored = _load(path)
    if stored is not None and (stored.figures.get("is_leak_free") is not None or not job.checks_leaks):
        return stored
    cache.mkdir(parents=True, exist_ok=True)
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, str(path), sender))
    _start_deaf(process)
    sender.close()
    try:
        problem = _listen(receiver, stage)
    except KeyboardInterrupt:
        process.terminate()
        raise
    finally:
        process.join()
    stored = _load(path) if process.exitcode == 0 else None
    if stored is None:
        raise SpotdeskError(f"benchmark of {job.zone}: {problem}")
    return stored


def _start_deaf(process: SpawnProcess) -> None:
    """Start a process that ignores Ctrl-C, which a terminal sends to both. This process handles it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)


def _listen(receiver: Connection, stage: Stage) -> str:
    """The error of the run, if any; `stage` is called with its stages."""
    problem = "the process of the run ended without a result: run the command again"
    while True:
        try:
            kind, text = receiver.recv()
        except EOFError:
            return problem
        if kind == "stage":
            stage(text)
        else:
            problem = text


def _work(job: BenchmarkJob, path: str, sender: Connection) -> None:
    """The body of the run's own process."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run = _run(job, lambda text: sender.send(("stage", text)))
    except SpotdeskError as error:
        sender.send(("error", f"{type(error).__name__}: {error}"))
        raise SystemExit(1) from error
    _store(run, Path(path))


def _end_with_parent() -> None:
    """End this process with its parent, so that a killed command leaves no run."""
    if parent := parent_process():
        parent.join()
        os._exit(1)


def _run(job: BenchmarkJob, stage: Stage) -> BenchmarkRun:
    panel = job.panel()
    first = (
        int(np.searchsorted(panel.days, np.datetime64(job.first_test_day)))
        if job.first_test_day
        else len(panel) - 728
    )
    if first >= len(panel):
        raise ConfigurationError(f"no day from {job.first_test_day} on: the data ends with {panel.last_day}")
    stage("fit")
    begun = time.process_time()
    model = _fitted(job.settings, panel.first(first))
    fitted = time.process_time()
    stage("walk-forward")
    forecasts, refit_seconds = _walk(model, panel, first, job)
    walked = time.process_time()
    is_leak_free: bool | None = None
    if job.checks_leaks:
        stage("leak check")
        cut = panel.first(min(first + _LEAK_SPAN, len(panel)))
        rows = [first + day for day in _LEAK_DAYS if first + day < len(cut)]
        is_leak_free = leak_check(
            lambda changed: model.walk_forward(changed, first), cut, first_row=first, rows=rows
        ).is_clean
    stage("served days")
    served, updated = _serve(model, panel, first)
    figures: dict[str, Any] = {
        "cpu_s": round(walked - begun, 2),
        "cpu_fit_s": round(fitted - begun + refit_seconds, 2),
        "cpu_walk_forward_s": round(walked - fitted - refit_seconds, 2),
        "cpu_served_day_ms": round(1e3 * served, 2),
        "cpu_update_day_ms": round(1e3 * updated, 2),
        "peak_memory_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "is_leak_free": is_leak_free,
    }
    return _as_run(forecasts, first, panel, figures, tuple(model.settings.levels))


def _fitted(settings: Mapping[str, Any], history: DeliveryPanel) -> HourlyForecaster[Any]:
    return new_forecaster(settings).fit(history)


def _walk(
    model: HourlyForecaster[Any], panel: DeliveryPanel, first: int, job: BenchmarkJob
) -> tuple[list[PriceForecast], float]:
    """Forecasts of all days from `first` on, and the CPU seconds of refits on the way."""
    if not job.refit_days:
        return model.walk_forward(panel, first), 0.0
    forecasts: list[PriceForecast] = []
    seconds = 0.0
    for start in range(first, len(panel), job.refit_days):
        if start > first:
            begun = time.process_time()
            model = _fitted(job.settings, panel.first(start))
            seconds += time.process_time() - begun
        forecasts += model.walk_forward(panel.first(min(start + job.refit_days, len(panel))), start)
    return forecasts, seconds


def _serve(model: HourlyForecaster[Any], panel: DeliveryPanel, first: int) -> tuple[float, float]:
    """Median CPU seconds of forecasting one day and of absorbing one, both through the interface."""
    predicted, updated = [], []
    for row in range(first, min(first + _SERVED_DAYS, len(panel))):
        begun = time.process_time()
        model.predict(panel.known_at_gate(row))
        made = time.process_time()
        model.update(panel.first(row + 1))
        predicted.append(made - begun)
        updated.append(time.process_time() - made)
    return float(np.median(predicted)), float(np.median(updated))


def _as_run(
    forecasts: list[PriceForecast],
    first: int,
    panel: DeliveryPanel,
    figures: dict[str, Any],
    levels: tuple[float, ...],
) -> BenchmarkRun:
    points = np.full((len(forecasts), panel.prices.shape[1]), np.nan)
    quantiles = np.full((*points.shape, len(levels)), np.nan)
    for row, forecast in enumerate(forecasts):
        points[row, : len(forecast.point)], quantiles[row, : len(forecast.point)] = (
            forecast.point,
            forecast.quantiles,
        )
    return BenchmarkRun(points=points, quantiles=quantiles, levels=levels, first_row=first, figures=figures)


def _store(run: BenchmarkRun, path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        points=run.points,
        quantiles=run.quantiles.astype(np.float32),
        levels=np.array(run.levels),
        first_row=np.array(run.first_row),
        figures=np.array(json.dumps(run.figures)),
    )
    write_whole(path, buffer.getvalue())


def _load(path: Path) -> BenchmarkRun | None:
    if not path.is_file():
        return None
    with np.load(path, allow_pickle=False) as stored:
        return BenchmarkRun(
            points=stored["points"],
            quantiles=stored["quantiles"].astype(np.float64),
            levels=tuple(float(level) for level in stored["levels"]),
            first_row=int(stored["first_row"]),
            figures=json.loads(str(stored["figures"])),
        )
