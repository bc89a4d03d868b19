"""Are shifts found, quiet markets left alone, and broken sensors told from drift?

`python -m benchmarks.lifecycle.drift_detection [--json]`.

Simulated markets with known truth, judged by the function that runs every day
(`spot.monitoring.watch.monitor_inputs`), references fitted anew every week. Per seed: a quiet year judged
every day; `gas_shock` and `solar_boom` on a random day, judged daily; `sensor_fault` judged on each of its
days. Retrain requests are those of `decide_retrains`, as the sensors make them.
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import numpy as np
import polars as pl
import yaml

from spot.features.matrix import build_features
from spot.lifecycle.retraining import RetrainCause, RetrainRequest, decide_retrains, mark
from spot.market.delivery import days_between
from spot.monitoring.data_quality import without_faulty, without_implausible_days
from spot.monitoring.settings import MonitoringSettings
from spot.monitoring.watch import FeatureWatch, FittedWatch, fit_watch, judge_quality, monitor_inputs
from spot.simulation.market import simulate
from spot.simulation.scenarios import Scenario

CONF = Path(__file__).resolve().parents[2] / "resources/home/templates/conf" / "monitoring.yaml"
FIRST, YEAR = date(2021, 1, 1), date(2024, 1, 1)
SHIFTS = ("gas_shock", "solar_boom")
SCENARIOS = (*SHIFTS, "sensor_fault", "quiet")
WITHIN_DAYS, FAULT_DAYS, REFIT_DAYS, HISTORY_DAYS = 14, 12, 7, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The result of one scenario of one seed."""

    scenario: str
    zone: str
    seed: int
    start: str
    days_to_alert: int | None
    n_alarms: int
    """Retrain requests; in a quiet year each is a false alarm."""
    n_quarantined_days: int
    reasons: tuple[str, ...]


def settings() -> MonitoringSettings:
    return MonitoringSettings.model_validate(yaml.safe_load(CONF.read_text(encoding="utf-8")))


def market_features(zone: str, seed: int, last: date, scenarios: list[Scenario]) -> pl.DataFrame:
    tables = simulate(zone, FIRST - timedelta(days=HISTORY_DAYS), last, seed=seed, scenarios=scenarios).tables
    return build_features(tables, zone=zone, days=days_between(FIRST, last))


def judge_days(features: pl.DataFrame, days: list[date], limits: MonitoringSettings) -> list[FeatureWatch]:
    """The verdict of each day, on the data available by then."""
    verdicts: list[FeatureWatch] = []
    fitted: FittedWatch | None = None
    for number, day in enumerate(days):
        known = features.filter(pl.col("delivery_day") <= day)
        if number % REFIT_DAYS == 0:
            quality = judge_quality(known, last_day=day, settings=limits)
            fitted = fit_watch(
                without_implausible_days(without_faulty(known, quality.faulty)), last_day=day, settings=limits
            )
        recent = known.filter(pl.col("delivery_day") > day - timedelta(days=120))
        verdicts.append(monitor_inputs(recent, last_day=day, settings=limits, fitted=fitted))
    return verdicts


def requests_of(
    zone: str, days: list[date], verdicts: list[FeatureWatch], limits: MonitoringSettings
) -> list[RetrainRequest]:
    """Every retrain that the policy would have made from these verdicts."""
    history: list[RetrainRequest] = []
    for day, watch in zip(days, verdicts, strict=True):
        now = datetime(day.year, day.month, day.day, 13, tzinfo=UTC)
        cause = RetrainCause(
            zone=zone, kind="drift", detail="; ".join(watch.drift.reasons), observed_at_utc=now
        )
        bad = {zone} if watch.quality.suppresses_retraining else set()
        decision = decide_retrains(
            history,
            [cause] if watch.drift.status == "alert" else [],
            now=now,
            settings=limits.retraining,
            zones_with_bad_data=bad,
        )
        history += [mark(request, "succeeded", now=now) for request in decision.launch]
    return history


def one_scenario(task: tuple[str, str, int]) -> Found:
    """One seed of one scenario."""
    scenario, zone, seed = task
    warnings.simplefilter("ignore")
    limits = settings()
    start = YEAR + timedelta(days=int(np.random.default_rng([seed, 7]).integers(0, 350)))
    if scenario == "quiet":
        start, n_days, regimes = YEAR, 366, []
    else:
        n_days = WITHIN_DAYS if scenario in SHIFTS else FAULT_DAYS
        regimes = [Scenario(scenario, start)]  # type: ignore[arg-type]
    days = list(days_between(start, start + timedelta(days=n_days - 1)))
    features = market_features(zone, seed, days[-1], regimes)
    verdicts = judge_days(features, days, limits)
    requests = requests_of(zone, days, verdicts, limits)
    alert = next((number for number, watch in enumerate(verdicts) if watch.asks_for_retrain), None)
    return Found(
        scenario=scenario,
        zone=zone,
        seed=seed,
        start=str(start),
        days_to_alert=None if alert is None else alert + 1,
        n_alarms=len(requests),
        n_quarantined_days=sum(watch.quality.faulty.height > 0 for watch in verdicts),
        reasons=tuple(request.detail for request in requests),
    )


def summary(found: list[Found], n_seeds: int, seconds: float) -> dict[str, Any]:
    """The figures of the specification."""
    by = {name: [f for f in found if f.scenario == name] for name in ("quiet", *SHIFTS, "sensor_fault")}
    result: dict[str, Any] = {"n_seeds": n_seeds}
    for name in SHIFTS:
        delays = [f.days_to_alert for f in by[name] if f.days_to_alert is not None]
        result[name] = {
            "found_within_14_days": len(delays),
            "median_days": float(np.median(delays)) if delays else None,
        }
    alarms = [f.n_alarms for f in by["quiet"]]
    result["quiet"] = {
        "zone_years": len(alarms),
        "false_alarms": sum(alarms),
        "false_alarms_per_zone_year": float(np.mean(alarms)) if alarms else None,
        "most_in_one_zone_year": max(alarms, default=0),
    }
    result["sensor_fault"] = {
        "retrains": sum(f.n_alarms for f in by["sensor_fault"]),
        "seeds_with_quarantine": sum(f.n_quarantined_days > 0 for f in by["sensor_fault"]),
    }
    enough = np.ceil(0.95 * n_seeds)
    kept = [result[name]["found_within_14_days"] >= enough for name in SHIFTS if by[name]]
    kept += [float(np.mean(alarms)) <= 1.0] if alarms else []
    kept += [result["sensor_fault"] == {"retrains": 0, "seeds_with_quarantine": len(by["sensor_fault"])}]
    result["passed"] = bool(found) and all(kept)
    result["seconds"] = round(seconds, 1)
    result["details"] = [asdict(f) for f in found]
    return result


def show(result: dict[str, Any]) -> None:
    for name in SHIFTS:
        part = result[name]
        print(
            f"{name:13} found within 14 days in {part['found_within_14_days']} of {result['n_seeds']} (19 of"
            f" 20 asked), median {part['median_days']} days"
        )
    quiet = result["quiet"]
    print(
        f"quiet market  {quiet['false_alarms']} false alarms in {quiet['zone_years']} zone-years,"
        f" {quiet['false_alarms_per_zone_year'] or 0.0:.2f} each (1 allowed), most in one"
        f" {quiet['most_in_one_zone_year']}"
    )
    fault = result["sensor_fault"]
    print(
        f"sensor_fault  quarantine in {fault['seeds_with_quarantine']} of {result['n_seeds']},"
        f" {fault['retrains']} retrains (0 allowed)"
    )
    print(f"{result['seconds']} s; simulated markets: {'passed' if result['passed'] else 'FAILED'}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument(
        "--scenarios",
        nargs="+",
        choices=SCENARIOS,
        default=list(SCENARIOS),
        help="a part of them; the verdict then counts that part",
    )
    parser.add_argument("--zones", nargs="+", default=["DE_LU", "BE"], help="seeds alternate between them")
    words = parser.parse_args()
    started = time.perf_counter()
    seeds = range(words.first_seed, words.first_seed + words.seeds)
    tasks = [(name, words.zones[seed % len(words.zones)], seed) for name in words.scenarios for seed in seeds]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = []
        for done in pool.imap(one_scenario, tasks, chunksize=1):
            found.append(done)
            print(f"\r{len(found)} of {len(tasks)}", end="", file=sys.stderr, flush=True)
    result = summary(found, words.seeds, time.perf_counter() - started)
    if words.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
