"""One zone-day from new data to signals, in one process.

The run `signals_ready` that a schedule starts before the gate.

    .venv/bin/python -m benchmarks.running.zone_day [--days N] [--model PROFILE] [--json]

Aim: under 2 s per zone-day, of which under 0.2 s outside Dagster. "Outside Dagster" is the same work called
without a graph: features, forecast and signals from tables in the lake. A model is trained first; the first
day is a warm-up and is not counted. Exit 1 where an aim is missed.
"""

import argparse
import json
import logging
import statistics
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

from dagster import DagsterInstance

from desk.in_process import ChainRequest, ChainRunner, run_chain
from resources.lake.zone_tables import read_raw_tables
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from spot.features.matrix import HISTORY_DAYS, build_features
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.walk.signals import walk_signals
from trading_assets.partitions import partition_key
from workflows.decisions.inputs import book_before, walk_inputs
from workflows.forecasting.forecast_days import champion_forecasts

ZONE = "DE_LU"
FIRST = date(2025, 9, 10)
AIM_SECONDS, AIM_OUTSIDE_SECONDS = 2.0, 0.2


def outside_dagster(runner: ChainRunner, day: date) -> float:
    """Seconds for features, forecast and signals of one day without any graph."""
    settings, started = runner.desk.zone(ZONE), time.perf_counter()
    span = ZoneDays(ZONE, day, day)
    raw = read_raw_tables(
        runner.lake, ZONE, settings, first_day=day - timedelta(days=HISTORY_DAYS), last_day=day
    )
    build_features(raw, zone=ZONE, days=[day])
    champion_forecasts(span, runner.lake, runner.desk, runner.registry)
    now = gate_closure_utc(ZONE, day) - timedelta(minutes=45)
    inputs = walk_inputs(
        span, runner.lake, runner.desk, runner.registry, runner.environment.trading_state, now
    )
    walk_signals(inputs, [day], book_before(span, runner.lake))
    return time.perf_counter() - started


def measure(n_days: int, model: str, home: Path, instance: DagsterInstance) -> list[dict[str, float]]:
    """Seconds per day, with and without Dagster."""
    environment = read_environment(home)
    desk = desk_resource(environment, model=model, training_days=365, strategies=("settlement_spread",))
    request = ChainRequest(
        zones=(ZONE,),
        first_day=FIRST - timedelta(days=28),
        last_day=FIRST - timedelta(days=1),
        retrains_on_drift=False,
    )
    run_chain(request, environment=environment, desk=desk, instance=instance)
    runner = ChainRunner(environment, desk, instance)
    rows = []
    for i in range(n_days + 1):
        day = FIRST + timedelta(days=i)
        started, cpu = time.perf_counter(), time.process_time()
        runner.run(
            "signals_ready", partition_key(ZONE, day), now=gate_closure_utc(ZONE, day) - timedelta(minutes=45)
        )
        row = {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu}
        cpu = time.process_time()
        rows.append(
            {
                **row,
                "outside_seconds": outside_dagster(runner, day),
                "outside_cpu_seconds": time.process_time() - cpu,
            }
        )
        runner.run(
            "auction_results_loaded",
            partition_key(ZONE, day),
            now=gate_closure_utc(ZONE, day) + timedelta(hours=2),
        )
    return rows[1:]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=5, help="days to measure")
    parser.add_argument("--model", default="fast", help="profile in conf/models")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder, DagsterInstance.ephemeral() as instance:
        rows = measure(given.days, given.model, Path(folder), instance)
    result = {name: round(statistics.median(row[name] for row in rows), 3) for name in rows[0]}
    result |= {"days": len(rows), "aim_seconds": AIM_SECONDS, "aim_outside_seconds": AIM_OUTSIDE_SECONDS}
    if given.json:
        print(json.dumps(result))
    else:
        print("| median of zone-days | seconds | aim |\n|---|---|---|")
        print(f"| new data to signals, one run of the graph | {result['seconds']:.2f} | {AIM_SECONDS} |")
        print(f"| the same, CPU | {result['cpu_seconds']:.2f} | |")
        print(
            f"| features, forecast and signals without the graph | {result['outside_seconds']:.2f} |"
            f" {AIM_OUTSIDE_SECONDS} |"
        )
        print(f"| the same, CPU | {result['outside_cpu_seconds']:.2f} | |")
    return 0 if result["seconds"] <= AIM_SECONDS and result["outside_seconds"] <= AIM_OUTSIDE_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
