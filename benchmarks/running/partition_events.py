"""What it costs to show every day with rows as materialised: its share of the runs that make the rows.

    .venv/bin/python -m benchmarks.running.partition_events [--days N] [--json]

One zone on the simulated market, with Dagster's events in SQLite as in a desk. Three kinds of runs: a load of
raw data and features over `--days` days, a block of 28 days forecast to judged, and the run before a gate.
The share is CPU time within the same run: recording the days, and the event of the hook that takes days back.
Aim: at most 15 % of each. Beside it, what one event costs here and in Dagster's own way. Exit 1 where the aim
is missed.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from dagster import AssetKey, DagsterInstance, EventLogEntry

from desk.in_process import ChainRequest, ChainRunner, run_chain
from resources.instance.partition_events import Origin, forget, record
from resources.instance.prepare import prepare_dagster_home
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from spot.market.gates import gate_closure_utc
from trading_assets.frame import materialised_days
from trading_assets.partitions import partition_key

ZONE = "DE_LU"
BLOCK = (date(2025, 9, 1), date(2025, 9, 28))
AIM_FRAC = 0.15


class Meter:
    """CPU seconds spent in some functions."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(
        self, work: Callable[..., Any], counts: Callable[..., bool] = lambda *_: True
    ) -> Callable[..., Any]:
        """The function, with its calls counted where `counts` says so."""

        def measured(*given: Any, **named: Any) -> Any:
            started = time.process_time()
            try:
                return work(*given, **named)
            finally:
                if counts(*given):
                    self.seconds += time.process_time() - started

        return measured


def _is_of_a_hook(event: EventLogEntry) -> bool:
    return event.dagster_event is not None and event.dagster_event.event_type_value.startswith("HOOK")


@contextmanager
def metered(instance: DagsterInstance) -> Iterator[Meter]:
    """Measure the cost of recording days inside the block."""
    meter, storage = Meter(), instance.event_log_storage
    with (
        patch.object(materialised_days, "record_days", meter.around(materialised_days.record_days)),
        patch.object(materialised_days, "forget", meter.around(forget)),
        patch.object(storage, "store_event", meter.around(storage.store_event, _is_of_a_hook)),
    ):
        yield meter


def measure(n_days: int, home: Path) -> list[dict[str, Any]]:
    """One row per kind of run: CPU seconds in all and of recording."""
    environment = read_environment(home)
    prepare_dagster_home(environment)
    desk = desk_resource(environment, model="fast", training_days=365, strategies=("settlement_spread",))
    first, last = BLOCK
    tomorrow = last + timedelta(days=1)
    with DagsterInstance.get() as instance:
        runner = ChainRunner(environment, desk, instance)
        request = ChainRequest(zones=(ZONE,), first_day=first, last_day=first, retrains_on_drift=False)
        rows = [
            _row("load", n_days, instance, lambda: runner.run(
                "history_loaded", partition_key(ZONE, last), first_day=last - timedelta(days=n_days - 1))),
        ]  # fmt: skip
        run_chain(request, environment=environment, desk=desk, instance=instance)  # trains a model
        block_known = gate_closure_utc(ZONE, tomorrow)
        rows.append(_row("block", 28, instance, lambda: runner.run(
            "history_traded", partition_key(ZONE, last), now=block_known, first_day=first)))  # fmt: skip
        before_gate = block_known - timedelta(minutes=45)
        rows.append(_row("gate", 1, instance, lambda: runner.run(
            "signals_ready", partition_key(ZONE, tomorrow), now=before_gate)))  # fmt: skip
        return [*rows, *_events(instance)]


def _row(kind: str, n_days: int, instance: DagsterInstance, run: Callable[[], None]) -> dict[str, Any]:
    with metered(instance) as meter:
        started = time.process_time()
        run()
        seconds = time.process_time() - started
    return {
        "run": kind,
        "days": n_days,
        "cpu_seconds": round(seconds, 2),
        "recording_cpu_seconds": round(meter.seconds, 2),
        "share_frac": round(meter.seconds / seconds, 3),
    }


def _events(instance: DagsterInstance, n: int = 200) -> list[dict[str, Any]]:
    """CPU milliseconds per event, recorded together and in Dagster's own way."""
    keys = {partition_key(ZONE, date(2000, 1, 1) + timedelta(days=day)): 24 for day in range(n)}
    started = time.process_time()
    record(instance, AssetKey("measured"), keys, Origin())
    together = time.process_time() - started
    entry = instance.get_latest_materialization_event(AssetKey("measured"))
    started = time.process_time()
    for _ in keys:
        instance.event_log_storage.store_event(entry)  # type: ignore[arg-type]
    alone = time.process_time() - started
    return [
        {"run": name, "ms_per_event": round(1000 * seconds / n, 2)}
        for name, seconds in (("events together", together), ("events one by one", alone))
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=1000, help="days of the load")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(given.days, Path(folder))
    shares = [row["share_frac"] for row in rows if "share_frac" in row]
    if given.json:
        print(json.dumps(rows))
    else:
        print("| run | days | CPU, s | recording, CPU s | share | aim |\n|---|---|---|---|---|---|")
        for row in (row for row in rows if "share_frac" in row):
            print(f"| {row['run']} | {row['days']} | {row['cpu_seconds']} | {row['recording_cpu_seconds']} |"
                  f" {row['share_frac']:.1%} | {AIM_FRAC:.0%} |")  # fmt: skip
        for row in (row for row in rows if "ms_per_event" in row):
            print(f"{row['run']}: {row['ms_per_event']} ms of CPU each")
    return 0 if max(shares) <= AIM_FRAC else 1


if __name__ == "__main__":
    sys.exit(main())
