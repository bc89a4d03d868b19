"""What must hold of a release whatever its figures: limits, no look-ahead, champions that load, its speed."""

import json
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import bdtrc

from desk.validation.replay import Record, Replay, ReplayError, Side, ask, serving
from spot.backtest.release import Finding

ROUNDS = 9
SLOWER = 1.5
"""A stage is slower from this many times the CPU time on. A loaded machine adds far less."""
_NOTICED_SECONDS = 0.02
"""CPU seconds. Chosen by hand: a smaller difference is noise of the machine, whatever its ratio."""
_LEVEL = 0.02
"""Level of the one-sided sign test: at least 8 of the 9 rounds are slower."""
_SIZE_LIMITS = ("max_mw_per_mtu", "max_mwh_per_day")


def hard_findings(record: Record, base: Replay, candidate: Replay, side: Side) -> list[Finding]:
    """Findings of the candidate's own process, and on limits.

    Raises:
        ReplayError: the process ended with an error.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settle = str(base.unpack(folder))
        facts = ask(side, record.job(side, job="checks", settle=settle), folder)
    found = [Finding(check="replay", text=f"{zone}: {why}") for zone, why in candidate.problems.items()]
    found += [Finding(check="look-ahead", text=text) for text in facts["leaks"]]
    found += [Finding(check="champions", text=text) for text in facts["champions"]]
    found += [
        Finding(
            check="settlement",
            text=(
                f"{one['zone']}: the same orders of {one['strategy']} earn {one['is_eur']:,.0f} EUR here,"
                f" {one['was_eur']:,.0f} before"
            ),
        )
        for one in facts["settled"]
    ]
    return [*found, *_late(base, candidate), *limit_findings(base, candidate)]


def limit_findings(base: Replay, candidate: Replay) -> list[Finding]:
    """Limits that were loosened, breached, or exceeded by orders, measured here by the limits of the base."""
    key = ["zone", "delivery_day", "strategy", "scope", "limit_name"]
    champion = pl.col("role") == "champion"
    before = base.frames["conformance"].filter(champion)
    now = candidate.frames["conformance"].filter(champion)
    both = before.select(*key, "limit_value").join(
        now.select(*key, "used", "status", is_now=pl.col("limit_value")), on=key
    )
    collar = pl.col("limit_name") == "min_price_eur_per_mwh"
    is_looser = (
        pl.when(collar)
        .then(pl.col("is_now") < pl.col("limit_value"))
        .otherwise(pl.col("is_now") > pl.col("limit_value"))
    )
    looser = both.filter(is_looser).unique(["scope", "limit_name"], maintain_order=True)
    found = [
        Finding(
            check="limits",
            text=(
                f"limit {row['limit_name']} of the {row['scope']} was {row['limit_value']:g} and is"
                f" {row['is_now']:g}"
            ),
        )
        for row in looser.sort("scope", "limit_name").iter_rows(named=True)
    ]
    if now.height < before.height:
        found.append(
            Finding(check="limits", text=f"{before.height - now.height} measures of limits are missing")
        )
    breached = now.filter(pl.col("status") == "breached").height
    if breached:
        found.append(Finding(check="limits", text=f"{breached} limits are breached by orders"))
    return [*found, *_too_large(before, candidate.frames["signals"])]


def _too_large(before: pl.DataFrame, signals: pl.DataFrame) -> list[Finding]:
    """Orders above the limits of the base, by their own size, whatever the release says of them."""
    limits = (
        before.filter(pl.col("scope") == "strategy", pl.col("limit_name").is_in(_SIZE_LIMITS))
        .group_by("zone", "strategy", "limit_name")
        .agg(pl.col("limit_value").max())
    )
    hours = pl.col("resolution_minutes") / 60.0
    orders = signals.filter(pl.col("role") == "champion", pl.col("side") != "flat")
    days = orders.group_by("zone", "strategy", "delivery_day").agg(
        max_mw_per_mtu=pl.col("volume_mw").max(), max_mwh_per_day=(pl.col("volume_mw") * hours).sum()
    )
    sizes = days.unpivot(
        on=list(_SIZE_LIMITS), index=["zone", "strategy"], variable_name="limit_name", value_name="size"
    )
    above = (
        sizes.join(limits, on=["zone", "strategy", "limit_name"])
        .filter(pl.col("size") > pl.col("limit_value") * (1.0 + 1e-9))
        .group_by("zone", "strategy", "limit_name", "limit_value")
        .agg(n=pl.len(), most=pl.col("size").max())
        .sort("zone", "strategy", "limit_name")
    )
    return [
        Finding(
            check="limits",
            text=(
                f"{row['zone']} {row['strategy']}: {row['most']:g} on the largest of {row['n']} days,"
                f" {row['limit_name']} is {row['limit_value']:g}"
            ),
        )
        for row in above.iter_rows(named=True)
    ]


def _late(base: Replay, candidate: Replay) -> list[Finding]:
    """Inputs and decisions after the gate, and gates that are not those of the base."""
    forecasts, signals = candidate.frames["forecasts"], candidate.frames["signals"]
    late = forecasts.filter(pl.col("newest_input_utc") > pl.col("as_of_utc")).height
    found = (
        [Finding(check="look-ahead", text=f"{late} forecasts name an input after their gate")] if late else []
    )
    gates = base.frames["signals"].select("zone", "delivery_day", was="gate_closure_utc").unique()
    moved = signals.join(gates, on=["zone", "delivery_day"]).filter(
        pl.col("gate_closure_utc") != pl.col("was")
    )
    if moved.height:
        found.append(Finding(check="look-ahead", text=f"the gates of {moved.height} signals are other ones"))
    closed = signals.filter(pl.col("as_of_utc") > pl.col("gate_closure_utc")).height
    if closed:
        found.append(Finding(check="look-ahead", text=f"{closed} signals were decided after their gate"))
    return found


def measured_speed(record: Record, base: Side, candidate: Side, rounds: int = ROUNDS) -> pl.DataFrame:
    """`stage`, `base_s`, `candidate_s` (medians, CPU seconds), `ratio`, `p_value` for a ratio above `SLOWER`.

    Both sides work the same day in turn, so that a busy machine slows both.
    """
    jobs = [record.job(side, job="serve") for side in (base, candidate)]
    with serving(base, jobs[0]) as one, serving(candidate, jobs[1]) as other:
        taken = [(_one_day(one), _one_day(other)) for _ in range(rounds + 1)][1:]  # the first one warms up
    rows = []
    for stage in taken[0][0]:
        pairs = [(before[stage], now[stage]) for before, now in taken if stage in before and stage in now]
        n_slower = sum(now > SLOWER * before and now - before > _NOTICED_SECONDS for before, now in pairs)
        before, now = (float(np.median([pair[i] for pair in pairs])) for i in (0, 1))
        rows.append(
            {
                "stage": stage,
                "base_s": before,
                "candidate_s": now,
                "ratio": now / max(before, 1e-9),
                "p_value": float(bdtrc(n_slower - 1, len(pairs), 0.5)) if n_slower else 1.0,
            }
        )
    return pl.DataFrame(rows)


def speed_findings(speed: pl.DataFrame) -> list[Finding]:
    """Stages that are significantly slower."""
    return [
        Finding(
            check="latency",
            text=(
                f"{row['stage']} takes {row['candidate_s']:.2f} CPU seconds, {row['base_s']:.2f} before"
                f" ({row['ratio']:.1f} times, p {row['p_value']:.2g})"
            ),
        )
        for row in speed.iter_rows(named=True)
        if row["ratio"] > SLOWER and row["p_value"] < _LEVEL
    ]


def _one_day(child: "subprocess.Popen[str]") -> dict[str, float]:
    """What one day took, by stage.

    Raises:
        ReplayError: the process has ended.
    """
    line = ""
    if child.stdin is not None and child.stdout is not None:
        with suppress(BrokenPipeError):
            child.stdin.write("day\n")
            child.stdin.flush()
            line = child.stdout.readline()
    if not line:
        raise ReplayError("the process whose speed was measured has ended")
    taken: dict[str, float] = json.loads(line)
    return taken
