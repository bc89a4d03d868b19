"""Random sequences of events on a desk: how many breaches are published. The answer must be 0.

    python -m benchmarks.safety.random_desks [--sequences 100000] [--steps 5] [--seed 1] [--json]

Each sequence begins with a fresh desk of two zones and two strategies, and draws proposals (sound, a
thousandfold, NaN, infinite), limits that move or vanish, trading states, model and data that age, and new
days. After every publication an independent judge recomputes all limits from what left the desk
(`tests/support/random_desk.py`). Exit code 1 where it finds a breach.
"""

import argparse
import json
import sys
import time
from collections import Counter

import numpy as np

from spot.contracts.words import LIMIT_ACTIONS
from spot.risk.exposure import Conditions
from spot.risk.state import TradingState
from tests.support.random_desk import N_UNITS, STRATEGIES, ZONES, RandomDesk, generous_limits


def run_sequence(random: np.random.Generator, steps: int) -> tuple[RandomDesk, list[str]]:
    """One desk through its events, and every breach found."""
    desk = RandomDesk(limits=generous_limits(float(random.choice([0.2, 1.0, 5.0]))))
    found: list[str] = []
    for _ in range(steps):
        _maybe_disturb(desk, random)
        exposure = random.normal(0, random.choice([5.0, 30.0, 30_000.0]), N_UNITS).round(1)
        if random.random() < 0.05:
            exposure[random.integers(N_UNITS)] = random.choice([np.nan, np.inf, -np.inf, 1e300])
        price = float(random.uniform(-500, 4000))
        limit_price = float(
            random.choice([price + random.normal(0, 300), np.inf, -np.inf, np.nan], p=[0.6, 0.19, 0.19, 0.02])
        )
        found += desk.propose(
            str(random.choice(ZONES)),
            str(random.choice(STRATEGIES)),
            exposure,
            price=price,
            limit_price=limit_price,
            keeps_shape=random.random() < 0.5,
        )
    return desk, found


def _maybe_disturb(desk: RandomDesk, random: np.random.Generator) -> None:
    """With some chance one thing changes: a limit, a state, the age of model and data, or the day."""
    event = random.choice(["none", "limit", "state", "conditions", "day"], p=[0.6, 0.15, 0.07, 0.08, 0.1])
    if event == "limit":
        keys = list(desk.limits)
        value = [None, float("nan"), float(random.uniform(0, 300)), 0.0][
            random.choice(4, p=[0.1, 0.1, 0.7, 0.1])
        ]
        desk.limits[keys[random.integers(len(keys))]] = (
            value,
            LIMIT_ACTIONS[int(random.integers(len(LIMIT_ACTIONS)))],
        )
    elif event == "state":
        desk.states[str(random.choice(["desk", *ZONES]))] = TradingState(
            str(random.choice(["ACTIVE", "REDUCING", "HALTED"]))
        )
    elif event == "conditions":
        age = [None, float(random.uniform(0, 60)), float("nan")][random.choice(3, p=[0.1, 0.8, 0.1])]
        desk.conditions = Conditions(
            model_age_days=age,
            data_age_hours=float(random.uniform(0, 48)),
            drift_status=str(random.choice(["ok", "alert", "?"])),
        )
    elif event == "day":
        desk.new_day(float(random.normal(0, 400)))


def main() -> int:
    """Print the table; 1 where anything was published above a limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sequences", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    random, started, n_published = np.random.default_rng(arguments.seed), time.process_time(), 0
    breaches: Counter[str] = Counter()
    for i in range(arguments.sequences):
        desk, found = run_sequence(random, arguments.steps)
        n_published += desk.n_published
        breaches.update(found)
        if not arguments.json and (i + 1) % max(1, arguments.sequences // 20) == 0:
            print(
                f"\r{i + 1} sequences, {sum(breaches.values())} breaches", end="", file=sys.stderr, flush=True
            )
    result = {
        "sequences": arguments.sequences,
        "steps": arguments.sequences * arguments.steps,
        "published": n_published,
        "breaches": sum(breaches.values()),
        "kinds_of_breach": dict(breaches.most_common(10)),
        "cpu_s": round(time.process_time() - started, 1),
    }
    print(
        json.dumps(result, indent=2)
        if arguments.json
        else "\n" + "\n".join(f"{name:18} {value}" for name, value in result.items())
    )
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
