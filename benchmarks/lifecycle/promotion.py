"""Does the promotion policy keep poisoned versions out and let better ones in?

`python -m benchmarks.lifecycle.promotion [--json]`.

Simulated markets, the engine's fast profile, and the very functions that serve: sanity suite, walk-forward,
shadow ledger, sequential tests.

Poisoned: a retrain whose training data is spoilt in one of seven ways; none may be promoted. Better: a
retrain beside a champion that lacks wind and solar, learnt from garbage, or is old; `truly better` are those
that save at least 10 % of the error on 60 days after the decision, which neither version nor policy has seen;
those between 2 and 10 % are counted apart. Money is paper: a 1 MW storage that sells the four dearest and
buys the four cheapest hours of the forecast.

Level: how often a challenger that is no better is promoted when every day is looked at, on made-up ledgers
(`benchmarks/planted/equal_models.py`).
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from threadpoolctl import threadpool_limits

from benchmarks.planted.equal_models import (
    false_promotions,
    tasks,
)
from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ForecastError
from spot.features.matrix import build_features, build_panel
from spot.forecast.members import forecaster_from_files, load_settings_mapping, make_forecaster
from spot.lifecycle.evidence import Evidence
from spot.lifecycle.promotion import decide_promotion
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.sanity import assess_sanity
from spot.market.delivery import days_between
from spot.scores.naive import weekly_naive_errors
from spot.simulation.market import simulate
from spot.walk.forecasts import daily_absolute_errors, walk_forward

ROOT = Path(__file__).resolve().parents[2]

CONF = ROOT / "resources/home/templates/conf"
ZONE, FIRST = "BE", date(2023, 1, 1)
N_TRAIN, N_WALK, N_SHADOW, N_TRUTH = 300, 14, 56, 60
WALK, SHADOW = slice(N_TRAIN, N_TRAIN + N_WALK), slice(N_TRAIN + N_WALK, N_TRAIN + N_WALK + N_SHADOW)
TRUTH = slice(SHADOW.stop, SHADOW.stop + N_TRUTH)
POISONS = (
    "label_shift",
    "times_1000",
    "garbage_20_percent",
    "leaked_target",
    "tiny_sample",
    "constant",
    "lucky_seed",
)
GAINS = ("sees_wind_and_solar", "learnt_from_good_data", "fresh_after_stale")
TRULY_BETTER, SLIGHTLY_BETTER = 0.10, 0.02
LEVEL_ALLOWED = 0.05
"""Allowed share of promotions of a version that is no better, over a whole shadow life. The settings test at
a smaller level.
"""
LEAK = "wind_forecast_mw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of one retrain."""

    kind: str
    seed: int
    action: str
    """`refused` when the model itself would not learn from the data, otherwise the last verdict."""
    stage: str
    n_days: int
    true_gain: float | None = None
    """Share of the champion's error saved on the days after the decision."""


@lru_cache(maxsize=2)
def market_panel(seed: int) -> DeliveryPanel:
    """All days of one simulated market."""
    days = days_between(FIRST, FIRST + timedelta(days=TRUTH.stop - 1))
    tables = simulate(ZONE, FIRST - timedelta(days=9), days[-1], seed=seed).tables
    return build_panel(build_features(tables, zone=ZONE, days=days), tables["day_ahead_prices"], zone=ZONE)


@lru_cache(maxsize=1)
def promotion_settings() -> PromotionSettings:
    """The limits as shipped with the project."""
    return PromotionSettings.model_validate(
        yaml.safe_load((CONF / "promotion.yaml").read_text(encoding="utf-8"))
    )


def train(panel: DeliveryPanel) -> Mapping[str, bytes]:
    """Files of a version trained on the whole panel."""
    settings = load_settings_mapping(
        yaml.safe_load((CONF / "models" / "fast.yaml").read_text(encoding="utf-8"))
    )
    return make_forecaster(settings).fit(panel).to_files()


@dataclass(frozen=True, slots=True)
class Ledger:
    """Daily losses and paper P&L of one version, for the walk-forward and the shadow days together."""

    losses: Floats
    pnl_eur: Floats


def ledger(files: Mapping[str, bytes], panel: DeliveryPanel, last: int) -> Ledger:
    """Forecast day after day from the end of training on."""
    days = [panel.days[row].astype(object) for row in range(N_TRAIN, last)]
    walked = walk_forward(forecaster_from_files(files), panel, days)
    pnl = np.full(len(days), np.nan)
    for i, day in enumerate(walked):
        if day.forecast is not None:
            actual = panel.prices[N_TRAIN + i, : len(day.forecast.point)]
            order = np.argsort(day.forecast.point)
            pnl[i] = actual[order[-4:]].sum() - actual[order[:4]].sum()
    return Ledger(daily_absolute_errors(walked, panel), pnl)


@lru_cache(maxsize=2)
def honest_champion(seed: int) -> Ledger:
    """Ledger of a champion that learnt from good data, a month older than the candidates."""
    panel = market_panel(seed)
    return ledger(train(panel.first(N_TRAIN - 30)), panel, SHADOW.stop)


def with_input(panel: DeliveryPanel, name: str, values: Floats) -> DeliveryPanel:
    return replace(panel, inputs={**panel.inputs, name: values})


def without_inputs(panel: DeliveryPanel, *names: str) -> DeliveryPanel:
    return replace(panel, inputs={name: values for name, values in panel.inputs.items() if name not in names})


def leaked(panel: DeliveryPanel, upto: int) -> DeliveryPanel:
    """An input that is the price itself up to a row, and yesterday's price after it.

    In live trading tomorrow's price is not known.
    """
    yesterday = np.roll(panel.prices, 1, axis=0)
    return with_input(panel, LEAK, np.vstack([panel.prices[:upto], yesterday[upto:]]) * 100.0)


def poisoned(kind: str, seed: int) -> tuple[Mapping[str, bytes], DeliveryPanel, DeliveryPanel]:
    """Files of a poisoned version, the panel of its walk-forward, and the panel of its shadow."""
    panel, random = market_panel(seed), np.random.default_rng(seed)
    known = panel.first(N_TRAIN)
    prices = known.prices
    match kind:
        case "label_shift":
            spoilt = replace(
                known, prices=np.roll(prices, 1, axis=0) if seed % 2 else np.roll(prices, 6, axis=1)
            )
        case "times_1000":
            spoilt = replace(known, prices=prices * 1000.0)
        case "garbage_20_percent":
            garbage = random.uniform(-500.0, 3000.0, prices.shape)
            spoilt = replace(
                known,
                prices=np.where(np.isfinite(prices) & (random.random(prices.shape) < 0.2), garbage, prices),
            )
        case "leaked_target":
            return train(leaked(known, N_TRAIN)), leaked(panel, WALK.stop), leaked(panel, WALK.stop)
        case "tiny_sample":
            spoilt = known.rows(slice(N_TRAIN - 43, N_TRAIN))
        case "constant":
            noise = random.normal(0.0, 1e-3, prices.shape) if seed % 2 else 0.0
            spoilt = replace(known, prices=np.where(np.isfinite(prices), 60.0 + noise, np.nan))
        case _:
            return luckiest(panel, seed), panel, panel
    return train(spoilt), panel, panel


def luckiest(panel: DeliveryPanel, seed: int) -> Mapping[str, bytes]:
    """Of six equally good versions, the one with the smallest error on the walk-forward days."""
    starts = np.random.default_rng(seed).integers(0, 40, 6)
    versions = [train(panel.rows(slice(int(start), N_TRAIN))) for start in starts]
    return min(versions, key=lambda files: float(np.nanmean(ledger(files, panel, WALK.stop).losses)))


def life(
    kind: str,
    seed: int,
    files: Mapping[str, bytes],
    walk: DeliveryPanel,
    shadow: DeliveryPanel,
    champion: Ledger,
    *,
    n_known: int,
) -> Outcome:
    """A version from candidate to its last verdict."""
    settings = promotion_settings()
    seen = walk.first(WALK.stop)
    through = seen.days[N_TRAIN - 1].astype(object)
    sanity = assess_sanity(
        files,
        seen,
        from_files=forecaster_from_files,
        trained_from=through - timedelta(days=n_known - 1),
        trained_through=through,
        data_version="simulated",
        settings=settings.sanity,
    )
    days = [seen.days[row].astype(object) for row in range(N_TRAIN, WALK.stop)]
    mine = (
        ledger(files, walk, WALK.stop)
        if sanity.is_sane
        else Ledger(np.full(N_WALK, np.nan), np.full(N_WALK, np.nan))
    )
    evidence = Evidence(
        candidate_losses=mine.losses,
        champion_losses=champion.losses[:N_WALK],
        naive_losses=weekly_naive_errors(seen, days),
    )
    verdict = decide_promotion(evidence, stage="candidate", settings=settings, sanity=sanity)
    if verdict.action != "to_challenger":
        return Outcome(kind=kind, seed=seed, action=verdict.action, stage="candidate", n_days=verdict.n_days)
    whole = ledger(files, shadow, SHADOW.stop)
    evidence = Evidence(
        candidate_losses=whole.losses[N_WALK:],
        champion_losses=champion.losses[N_WALK : N_WALK + N_SHADOW],
        candidate_pnl_eur=whole.pnl_eur[N_WALK:],
        champion_pnl_eur=champion.pnl_eur[N_WALK : N_WALK + N_SHADOW],
    )
    verdict = decide_promotion(evidence, stage="challenger", settings=settings, sanity=None)
    return Outcome(kind=kind, seed=seed, action=verdict.action, stage="challenger", n_days=verdict.n_days)


def poisoned_life(task: tuple[str, int]) -> Outcome:
    """One poisoned retrain."""
    kind, seed = task
    with threadpool_limits(1):
        try:
            files, walk, shadow = poisoned(kind, seed)
        except ForecastError:
            return Outcome(kind=kind, seed=seed, action="refused", stage="training", n_days=0)
        n_known = 43 if kind == "tiny_sample" else N_TRAIN
        return life(kind, seed, files, walk, shadow, honest_champion(seed), n_known=n_known)


def handicapped(kind: str, seed: int) -> tuple[Mapping[str, bytes], DeliveryPanel]:
    """Files of a champion that is worse than a new honest version, and the panel that it serves."""
    panel, random = market_panel(seed), np.random.default_rng(seed)
    if kind == "sees_wind_and_solar":
        blind = without_inputs(panel, "wind_forecast_mw", "solar_forecast_mw", "residual_load_mw")
        return train(blind.first(N_TRAIN - 30)), blind
    known = panel.first(N_TRAIN - 30)
    if kind == "learnt_from_good_data":
        garbage = random.uniform(-100.0, 300.0, known.prices.shape)
        spoilt = np.where(
            np.isfinite(known.prices) & (random.random(known.prices.shape) < 0.2), garbage, known.prices
        )
        return train(replace(known, prices=spoilt)), panel
    return train(known.rows(slice(len(known) - 45, len(known)))), panel


def better_life(task: tuple[str, int]) -> Outcome:
    """One honest retrain against a handicapped champion, and its true gain."""
    kind, seed = task
    with threadpool_limits(1):
        panel = market_panel(seed)
        old, served = handicapped(kind, seed)
        files = train(panel.first(N_TRAIN))
        champion, whole = ledger(old, served, TRUTH.stop), ledger(files, panel, TRUTH.stop)
        outcome = life(kind, seed, files, panel, panel, champion, n_known=N_TRAIN)
        after = slice(N_WALK + N_SHADOW, None)
        gain = 1.0 - float(np.nanmean(whole.losses[after]) / np.nanmean(champion.losses[after]))
        return replace(outcome, true_gain=gain)


def summary(
    outcomes: list[Outcome], level: list[dict[str, Any]], *, n_poisoned: int, seconds: float
) -> dict[str, Any]:
    """The figures of the specification, and the result of each kind."""
    bad, good = outcomes[:n_poisoned], outcomes[n_poisoned:]
    truly = [o for o in good if o.true_gain is not None and o.true_gain >= TRULY_BETTER]
    slightly = [o for o in good if o.true_gain is not None and SLIGHTLY_BETTER <= o.true_gain < TRULY_BETTER]
    promoted = [o for o in truly if o.action == "promote"]
    n_promoted = sum(o.action == "promote" for o in bad)
    table = {kind: ends([o for o in outcomes if o.kind == kind]) for kind in (*POISONS, *GAINS)}
    share = len(promoted) / len(truly) if truly else float("nan")
    kept = [
        not bad or n_promoted == 0,
        not good or share >= 0.9,
        all(row["at_least"] <= LEVEL_ALLOWED for row in level),
    ]
    return {
        "n_poisoned": len(bad),
        "n_poisoned_promoted": n_promoted,
        "n_truly_better": len(truly),
        "n_slightly_better": len(slightly),
        "n_slightly_better_promoted": sum(o.action == "promote" for o in slightly),
        "true_gains": [[o.kind, o.seed, round(o.true_gain or 0.0, 3), o.action, o.n_days] for o in good],
        "share_of_truly_better_promoted": share,
        "median_days_to_promotion": float(np.median([o.n_days for o in promoted])) if promoted else None,
        "where_they_ended": table,
        "level_allowed": LEVEL_ALLOWED,
        "level": level,
        "seconds": round(seconds, 1),
        "passed": bool(outcomes or level) and all(kept),
    }


def ends(outcomes: list[Outcome]) -> dict[str, int]:
    names = [f"{o.stage}: {o.action}" for o in outcomes]
    return {name: names.count(name) for name in sorted(set(names))}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--poisoned", type=int, default=200, help="poisoned retrains")
    parser.add_argument(
        "--better", type=int, default=60, help="honest retrains beside a handicapped champion"
    )
    parser.add_argument(
        "--equal",
        type=int,
        default=1000,
        help="made-up ledgers of a challenger that is no better, per world and truth",
    )
    parser.add_argument("--first-seed", type=int, default=0)
    words = parser.parse_args()
    started = time.perf_counter()
    bad = [(POISONS[i % len(POISONS)], words.first_seed + i // len(POISONS)) for i in range(words.poisoned)]
    good = [(GAINS[i % len(GAINS)], words.first_seed + 1000 + i // len(GAINS)) for i in range(words.better)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        outcomes: list[Outcome] = []
        for lives in (
            pool.imap(poisoned_life, bad, chunksize=len(POISONS)),
            pool.imap(better_life, good, chunksize=len(GAINS)),
        ):
            for outcome in lives:
                outcomes.append(outcome)
                print(f"\r{len(outcomes)} of {len(bad) + len(good)}", end="", file=sys.stderr, flush=True)
        level = (
            pool.map(false_promotions, tasks(words.equal, promotion_settings()), chunksize=1)
            if words.equal
            else []
        )
    result = summary(outcomes, level, n_poisoned=len(bad), seconds=time.perf_counter() - started)
    if words.json:
        print(json.dumps(result, indent=2))
    else:
        show(result)
    return 0 if result["passed"] else 1


def show(result: dict[str, Any]) -> None:
    print(
        f"poisoned retrains promoted     {result['n_poisoned_promoted']} of {result['n_poisoned']}   (0"
        " allowed)"
    )
    print(
        f"truly better ones promoted     {result['share_of_truly_better_promoted']:.0%} of"
        f" {result['n_truly_better']}   (90 % asked, within 60 days)"
    )
    print(
        f"slightly better ones promoted  {result['n_slightly_better_promoted']} of"
        f" {result['n_slightly_better']}   (2 to 10 % less error)"
    )
    print(f"median days in shadow          {result['median_days_to_promotion']}")
    for kind, where in result["where_they_ended"].items():
        print(f"  {kind:24} " + ", ".join(f"{name} {n}" for name, n in where.items()))
    if result["level"]:
        print(
            f"no better, and promoted all the same, looking every day ({result['level_allowed']:.0%} allowed"
            " over a whole shadow life)"
        )
    for row in result["level"]:
        truth = "equal" if row["ratio"] == 1.0 else f"{1 - row['ratio']:.0%} better, the margin"
        print(
            f"  {row['world']:24} {truth:24} {row['n_promoted']} of {row['n_ledgers']} ({row['share']:.1%})"
        )
    print(
        f"{result['seconds']} s; simulated market, zone {ZONE}: {'passed' if result['passed'] else 'FAILED'}"
    )


if __name__ == "__main__":
    sys.exit(main())
