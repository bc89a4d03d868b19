"""A battery's value at risk and chance of a gain, held against what its plan earned.

    python -m benchmarks.money.battery_risk [--zone Z ...] [--data FOLDER] [--keep FOLDER] [--json]

A battery of 1 MW and 2 MWh in 13 zones, days of 24 hours of 2024, forecasts of `fast` with inputs known at
the gate. The plan is that of the strategy `storage`; its money on 500 joint paths of the day, less fees and
wear, gives the 5 % quantile and the chance of a gain that `spotdesk signals` shows. `passed` is the share of
days that were worse than that quantile, `kupiec_p` says whether that share fits 5 %, `christoffersen_p`
whether such days come apart. Exit code 1 where the share of all zones together is not from 4 to 6 %, or a
test rejects a zone at 5 % after Holm.
"""

import sys
from typing import Any

import numpy as np
import typer
from scipy.special import chdtrc, xlogy

from benchmarks.forecasts.scenarios import JUDGED_FROM, ZoneYear, zone_year
from benchmarks.money.block_groups import battery_plan, money
from benchmarks.money.trading import DATA, DataOption, KeepOption, ZoneOption, named_zones
from desk.screen.console import JsonFlag, emit
from spot.arrays import Bools
from spot.forecast.joint.day_paths import day_paths
from spot.strategy.proposals.storage import Storage

LEVEL = 0.05
AIMED_SHARE = (0.04, 0.06)
SIGNIFICANT = 0.05
app = typer.Typer(help=__doc__)


def day_row(year: ZoneYear, row: int, battery: Storage) -> tuple[float, float, float, float]:
    """Of one day: realised money, the 5 % quantile, the mean (EUR), and the stated chance of a gain."""
    one, day = year.at(row), year.days[row]
    plan = battery_plan(one.quantiles, 1.0, day, battery)
    costs = -money(plan, 0.0, 1.0, day, battery)
    made = -(day_paths(one.quantiles, one.past) @ plan) - costs
    real = float(-(plan @ year.prices[row])) - costs
    return real, float(np.quantile(made, LEVEL)), float(made.mean()), float((made > 0).mean())


def kupiec_p(passed: Bools) -> float:
    """Chance of a share this far from 5 % if each day passes with 5 % (Kupiec 1995), passed (D,)."""
    n, k = len(passed), int(passed.sum())
    alike = xlogy(k, LEVEL) + xlogy(n - k, 1 - LEVEL)
    own = xlogy(k, k / n) + xlogy(n - k, 1 - k / n)
    return float(chdtrc(1, 2 * (own - alike)))


def christoffersen_p(passed: Bools) -> float:
    """Chance of such clusters if passed days (D,) do not depend on the day before (Christoffersen 1998)."""
    before, after = passed[:-1], passed[1:]
    counts = np.array([[np.sum((before == i) & (after == j)) for j in (False, True)] for i in (False, True)])
    from_each, to_each = counts.sum(axis=1, keepdims=True), counts.sum(axis=0)
    own = xlogy(counts, counts / np.maximum(from_each, 1)).sum()
    alike = xlogy(to_each, to_each / counts.sum()).sum()
    return float(chdtrc(1, max(0.0, 2 * (own - alike))))


def zone_row(zone: str, year: ZoneYear, battery: Storage) -> dict[str, Any]:
    """The figures of one zone over its days with a plan."""
    judged = [row for row, day in enumerate(year.days) if day >= JUDGED_FROM]
    made = np.array([day_row(year, row, battery) for row in judged])
    made = made[(made[:, 0] != 0.0) | (made[:, 2] != 0.0)]
    real, quantile, expected, chance = made.T
    passed = real < quantile
    centred = expected - expected.mean()
    return {
        "zone": zone,
        "days_with_a_plan": len(made),
        "passed": float(passed.mean()),
        "kupiec_p": kupiec_p(passed),
        "christoffersen_p": christoffersen_p(passed),
        "days_shown_as_0": float((quantile >= 0).mean()),
        "chance_of_gain": float(chance.mean()),
        "gained": float((real > 0).mean()),
        "expected_eur_per_day": float(expected.mean()),
        "realised_eur_per_day": float(real.mean()),
        "slope": float(centred @ real / (centred @ centred)),
    }


def rejected_by_holm(rows: list[dict[str, Any]]) -> list[str]:
    """Tests that reject at 5 % although all of them are looked at (Holm 1979), by zone and name."""
    tests = sorted(
        (row[name], f"{row['zone']} {name}") for row in rows for name in ("kupiec_p", "christoffersen_p")
    )
    found = []
    for place, (p_value, name) in enumerate(tests):
        if p_value > SIGNIFICANT / (len(tests) - place):
            break
        found.append(name)
    return found


@app.command()
def main(
    data: DataOption = DATA,
    zone: ZoneOption = None,
    keep: KeepOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Value at risk and chance of a gain against realised money, per zone.

    Exit code 1 where an aim is missed. Exit code 2 where no zone is left.
    """
    names = named_zones(zone)
    rows = [zone_row(name, zone_year(data, name, keep), Storage()) for name in names]
    pooled = float(np.average([r["passed"] for r in rows], weights=[r["days_with_a_plan"] for r in rows]))
    shown = [{name: round(v, 4) if isinstance(v, float) else v for name, v in r.items()} for r in rows]
    emit(shown, as_json=as_json, title="risk of a battery")
    rejected = rejected_by_holm(rows)
    print(
        f"passed, all zones: {pooled:.4f}; rejected after Holm: {', '.join(rejected) or 'none'}",
        file=sys.stderr,
    )
    if rejected or not AIMED_SHARE[0] <= pooled <= AIMED_SHARE[1]:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
