"""What the shadow of the spread model changes.

A year of one zone, with refits that serve at once and with the shadow.

    .venv/bin/python -m benchmarks.money.spread_shadow [--zone Z] [--source S] [--against P] [--from DAY]
        [--to DAY] [--json]

The same days are run twice, each time in a home of its own. "At once" is the rule of before: a refit serves
as soon as it is sane and not significantly worse on the days that it never saw. "Shadow" is today's rule: it
runs as a challenger, and serves when it has won. The price model is the naive forecast, the same in both, and
the models are refitted every four weeks. Prints what the strategy earned and what became of the versions; no
aim.
"""

import argparse
import json
import logging
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from desk.in_process import ChainRequest, run_chain
from resources.home.find import TEMPLATES
from resources.models.version import SPREAD_FAMILY
from resources.settings.desk import desk_resource
from resources.settings.environment import read_environment
from resources.settings.process import set_variables
from resources.wiring import make_lake, make_registry
from spot.lifecycle.promotion import PromotionVerdict
from spot.lifecycle.promotion_settings import PromotionSettings
from trading_assets.models import spread_champion
from workflows.lifecycle.evaluation import Evaluation
from workflows.lifecycle.families import SPREAD

REFIT_DAYS = 28
_STRATEGY = "strategy: settlement_spread\nsettled_against: {against}\nmax_mw: 5.0\ndistribution: catboost\n"


def at_once(evaluation: Evaluation, limits: PromotionSettings, zone: str) -> PromotionVerdict:
    """The rule of before: what is fit for the shadow serves."""
    verdict = SPREAD.judge_candidate(evaluation, limits, zone)
    return replace(verdict, action="promote") if verdict.action == "to_challenger" else verdict


def run(folder: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One run in a home of its own, and what came of it."""
    conf, zone = shutil.copytree(TEMPLATES / "conf", folder / "conf"), given.zone
    (conf / "models" / "naive_mixed.yaml").write_text("kind: naive\nrule: mixed\n")
    (conf / "strategies" / "settlement_spread.yaml").write_text(_STRATEGY.format(against=given.against))
    set_variables({"SPOTDESK_CONF": str(conf)})
    environment = read_environment(folder / "home")
    desk = desk_resource(
        environment,
        zones=[zone],
        source=given.source,
        model="naive_mixed",
        strategies=("settlement_spread",),
        training_days=365,
        retrain_after_days=REFIT_DAYS,
    )
    request = ChainRequest(
        zones=(zone,),
        first_day=given.first,
        last_day=given.last,
        block_days=REFIT_DAYS,
        retrains_on_drift=False,
    )
    run_chain(request, environment=environment, desk=desk)
    lake, spreads = make_lake(environment), make_registry(environment).of_family(SPREAD_FAMILY)
    settled = lake.read("settlements", zones=[zone]).filter(pl.col("role") == "champion")
    pnl, mwh = float(settled["pnl_eur"].sum()), float(settled["filled_mwh"].sum())
    stages = Counter(version.stage for version in spreads.shown_versions(zone))
    return {
        "pnl_eur": round(pnl),
        "mwh": round(mwh),
        "eur_per_mwh": round(pnl / mwh, 2) if mwh else None,
        "versions": len(spreads.versions(zone)),
        **{stage: stages[stage] for stage in ("champion", "served", "challenger", "rejected", "expired")},
    }


def main() -> int:
    """Run both rules and print them side by side."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--zone", default="DE_LU")
    parser.add_argument("--source", default="simulated", choices=("simulated", "files"))
    parser.add_argument("--against", default="intraday_vwap", help="second price of the spread")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, default=date(2024, 1, 1))
    parser.add_argument("--to", dest="last", type=date.fromisoformat, default=date(2024, 12, 31))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    rows = {}
    for name, judge in (("at once", at_once), ("shadow", SPREAD.judge_candidate)):
        vars(spread_champion)["SPREAD"] = replace(SPREAD, judge_candidate=judge)
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = run(Path(folder), given)
    if given.json:
        print(json.dumps(rows))
        return 0
    names = list(rows["shadow"])
    print(f"| refits | {' | '.join(names)} |\n|{'---|' * (len(names) + 1)}")
    for rule, row in rows.items():
        print(f"| {rule} | {' | '.join(str(row[name]) for name in names)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
