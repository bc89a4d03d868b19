"""`spotdesk stress`: joint value at risk of a day's orders, and what they would lose in a crisis."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import numpy as np
import typer

from desk.figures.opened import OpenedDesk
from desk.screen.console import DAY_FORM, JsonFlag, a_day, emit, emit_json, err
from resources.settings.environment import read_environment
from spot.risk.value_at_risk import TailRisk
from spot.strategy.stress.joint import JointRisk
from spot.strategy.stress.shocks import CRISIS_EUR_PER_MWH, DECOUPLING_EUR_PER_MWH, Stressed
from workflows.decisions.stress import DayAtRisk, day_at_risk

_ALL = "all"


def stress(
    *,
    zone: Annotated[str | None, typer.Option("--zone", help="Bidding zone; all of the desk.")] = None,
    day: Annotated[
        datetime | None,
        typer.Option("--day", parser=a_day, metavar=DAY_FORM, help="Delivery day; the newest decided one."),
    ] = None,
    crisis_eur: Annotated[
        float, typer.Option("--crisis-eur", help="Mean price of the crisis, EUR/MWh.")
    ] = CRISIS_EUR_PER_MWH,
    decoupling_eur: Annotated[
        float, typer.Option("--decoupling-eur", help="Move against every order of a zone alone, EUR/MWh.")
    ] = DECOUPLING_EUR_PER_MWH,
    as_json: JsonFlag = False,
) -> None:
    """Show the joint value at risk of a day's orders, and what they would earn in stress tests.

    Each line has one strategy of a zone; `all` is the desk. The value at risk of all is measured on the same
    scenarios, so it counts what strategies and zones have in common. Stress tests: 2022 prices, the lowest
    and the highest price of the auction, an auction that does not take place, and zones that are left alone.

    Exit code 1: no day was decided, or nothing can be measured.
    """
    opened = OpenedDesk(read_environment())
    zones = opened.zones(zone)
    decided = [opened.lake.newest_day("signals", name) for name in zones]
    newest = max((one for one in decided if one is not None), default=None)
    chosen = newest if day is None else day.date()
    if chosen is None:
        err.print("no day was decided yet: `spotdesk run` decides it", markup=False)
        raise typer.Exit(1)
    found = day_at_risk(opened.lake, opened.desk, zones, chosen)
    risk = found.risk()
    tests = found.tests(crisis_eur_per_mwh=crisis_eur, decoupling_eur_per_mwh=decoupling_eur)
    rows = rows_of(found, risk, tests)
    if as_json:
        told = [{"test": one.test, "what": one.what} for one in tests]
        n_days = 0 if risk is None else risk.n_days
        emit_json(
            {"day": chosen, "n_days": n_days, "rows": rows, "tests": told, "left_out": list(found.left_out)}
        )
    else:
        emit(
            rows,
            as_json=False,
            title=f"{chosen}: value at risk (95 %, one day) and money in stress tests, EUR",
            empty="no order, so nothing is at risk",
            decimals=0,
        )
        for one in tests:
            err.print(f"  {one.test}: {one.what}", markup=False, highlight=False, soft_wrap=True)
    for why in found.left_out:
        err.print(f"left out: {why}", markup=False)
    if found.left_out or (risk is not None and not np.isfinite(risk.total.value_at_risk_eur)):
        err.print("something cannot be measured: the past is shorter than 30 common days", markup=False)
        raise typer.Exit(1)


def rows_of(found: DayAtRisk, risk: JointRisk | None, tests: list[Stressed]) -> list[dict[str, Any]]:
    """A row per zone and strategy, and one for all; money is rounded to cents."""
    if risk is None:
        return []
    rows = [
        {
            "zone": one.name[0],
            "strategy": one.name[1],
            **_risk(risk.of[one.name], risk.expected_eur.get(one.name)),
            **{test.test: _cents(test.money[one.name]) for test in tests},
        }
        for one in found.orders
    ]
    total = {
        "zone": _ALL,
        "strategy": _ALL,
        **_risk(risk.total, sum(risk.expected_eur.values()) if risk.expected_eur else None),
        **{test.test: _cents(sum(test.money.values())) for test in tests},
    }
    return [*rows, total]


def _risk(risk: TailRisk, expected: float | None) -> dict[str, float | None]:
    named = {name.removesuffix("_eur"): value for name, value in asdict(risk).items()}
    return {
        "expected": None if expected is None else _cents(expected),
        **{n: _cents(v) for n, v in named.items()},
    }


def _cents(value: float) -> float | None:
    return round(value, 2) if np.isfinite(value) else None
