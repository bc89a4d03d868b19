"""Every zone of the recorded market data through judgement: what is refused that is true, and what is found.

    python -m benchmarks.faults.zone_truth [--zone NAME] [--faults N]

Exit 1 where a figure is missed. A refused day of a zone counts unless the file lacks periods of it, or
`planted/known_faulty_days.csv` lists it with the reason. Faults of unit, sign and scale are planted into days
of every series that are accepted as they are.
"""

import argparse
import csv
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl

from spot.market.delivery import n_periods
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.parsed import value_column
from tests.support.recorded_history import clean_history

ROOT = Path(__file__).resolve().parents[2]
KNOWN = Path(__file__).resolve().parents[1] / "planted" / "known_faulty_days.csv"
MOST_REFUSED_PERCENT = 0.2
PAST_DAYS = 35
_UNIT = {"a thousandfold": 1000.0, "a thousandth": 0.001}
_SCALE = {"three times": 3.0, "a third": 1.0 / 3.0}
FAULTS: dict[str, dict[str, float]] = {
    "price": {"opposite sign": -1.0, **_UNIT},
    "load": {"opposite sign": -1.0, **_UNIT, **_SCALE},
    "generation": {"opposite sign": -1.0, **_UNIT},
}
"""Kind of series to its faults. A price or a wind of three times another day's is an ordinary market, so
those need the unit of the document or a second source.
"""


def kind_of(table: str) -> str:
    """Which faults of `FAULTS` are planted into the table."""
    if "price" in table:
        return "price"
    return "load" if "load" in table else "generation"


def known_faulty() -> set[tuple[str, str]]:
    """Series and day of the list of days that are known to be faulty."""
    with KNOWN.open(encoding="utf-8", newline="") as lines:
        return {(row["series"], row["day"]) for row in csv.DictReader(lines)}


def days_in_part(rows: pl.DataFrame) -> set[str]:
    """Days of which the file lacks periods, by the local calendar alone."""
    counted = rows.group_by("zone", "delivery_day", "resolution_minutes").agg(
        n=pl.col("delivery_start_utc").n_unique()
    )
    return {f"{day}" for zone, day, minutes, n in counted.iter_rows() if n < n_periods(zone, day, minutes)}


def refused_days(name: str, table: str, rows: pl.DataFrame) -> Iterator[tuple[str, str]]:
    """Refused days of a recorded series that are whole and not known to be faulty, with the reason."""
    known, in_part = known_faulty(), days_in_part(rows)
    refused = assess_plausibility(table, rows).quarantined
    by_day = refused.group_by("delivery_day").agg(pl.col("reason").first()).sort("delivery_day")
    for day, reason in by_day.iter_rows():
        if (name, f"{day}") not in known and f"{day}" not in in_part:
            yield f"{day}", reason


def missed_faults(table: str, rows: pl.DataFrame, n_faults: int, rng: random.Random) -> Counter[str]:
    """Planted faults that are accepted, by kind; `tried` counts all."""
    days = rows["delivery_day"].unique().sort().to_list()
    column, found = value_column(table), Counter[str]()
    for name, factor in FAULTS[kind_of(table)].items():
        for day in rng.sample(days[PAST_DAYS:], min(n_faults, max(0, len(days) - PAST_DAYS))):
            past = rows.filter(
                pl.col("delivery_day").is_between(day - timedelta(PAST_DAYS), day - timedelta(1))
            )
            today = rows.filter(pl.col("delivery_day") == day)
            if (
                today[column].abs().max() == 0.0
                or assess_plausibility(table, today, past).accepted.is_empty()
            ):
                continue
            wrong = assess_plausibility(table, today.with_columns(pl.col(column) * factor), past)
            found["tried"] += 1
            found[name] += int(wrong.accepted.height > 0)
    return found


def main() -> int:
    """Print refused days by zone and missed faults; 1 where one is more than allowed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--zone", default="", help="only series whose name holds this")
    parser.add_argument("--faults", type=int, default=5, help="planted faults of each kind in each series")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("SPOTDESK_MARKET_DATA", ROOT.parent / "shared" / "data")),
    )
    arguments = parser.parse_args()
    rng = random.Random(20261130)  # noqa: S311 - a benchmark that can be repeated
    n_days, n_in_part, n_refused, missed = (Counter[str]() for _ in range(4))
    for name, table, rows, _ in clean_history(arguments.data):
        if arguments.zone not in name:
            continue
        zone = rows["zone"][0]
        refused = list(refused_days(name, table, rows))
        n_days[zone] += rows["delivery_day"].n_unique()
        n_in_part[zone] += len(days_in_part(rows))
        n_refused[zone] += len(refused)
        faults = missed_faults(table, rows, arguments.faults, rng)
        missed += faults
        misses = {kind: n for kind, n in faults.items() if kind != "tried" and n}
        print(f"{name:<28} {len(refused):>4} days refused  {faults['tried']:>4} faults, missed {misses or 0}")
        for day, reason in refused:
            print(f"    {day}: {reason}", flush=True)
    shares = {zone: 100.0 * n_refused[zone] / (n - n_in_part[zone]) for zone, n in n_days.items()}
    for zone, share in sorted(shares.items()):
        n_whole = n_days[zone] - n_in_part[zone]
        print(f"{zone:<8} {n_refused[zone]:>4} of {n_whole:>6} whole days refused: {share:.3f} %", end="")
        print(f"   {n_in_part[zone]} days in part")
    n_missed = missed.total() - missed["tried"]
    print(f"faults missed: {n_missed} of {missed['tried']}")
    return int(n_missed > 0 or any(share > MOST_REFUSED_PERCENT for share in shares.values()))


if __name__ == "__main__":
    sys.exit(main())
