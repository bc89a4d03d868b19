"""A battery with exclusive groups of blocks beside one that names its hours, against perfect foresight.

    python -m benchmarks.block_groups [--zone Z ...] [--blocks 24] [--exchange E] [--keep FOLDER] [--json]

A battery of 1 MW and 2 MWh in 13 zones, days of 24 hours from July 2022 to 2024, forecasts of `fast` with
inputs known at the gate. The plan is that of the strategy `storage`. `fixed` trades it as it is. `groups` has
one exclusive group per phase of the plan, its blocks chosen on 200 joint paths of the day; the best block is
executed. `groups_assumed` takes the second best in one group of ten, and 0.2 % of groups are rejected at 50
EUR/MWh. Fees and wear are taken off everywhere. Volumes have steps of 0.001 MW, or those of `--exchange`.

Exit code 1 where `groups_assumed` is below 96 % (SE_4: 94 %, NO_2: 89 %). Of the eleven others one may miss
where all zones are run.
"""

import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.scenarios import ZoneYear, zone_year
from benchmarks.trading import DATA, STORAGE_ZONES, DataOption, ZoneOption
from desk.screen.console import JsonFlag, emit
from spot.arrays import Floats
from spot.forecast.joint.day_paths import day_paths
from spot.market.block_orders import block_orders
from spot.strategy.blocks.fills import FillRules, expected_fill
from spot.strategy.blocks.groups import make_groups
from spot.strategy.interface import PricedDay
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_plan import optimise_storage
from spot.strategy.proposals.view import mean_of_quantiles
from spot.strategy.proposals.volume_steps import StepMarket, in_volume_steps

JUDGED_FROM = date(2022, 7, 1)
N_PATHS = 200
AIM = 0.96
LOWER_AIMS: Mapping[str, float] = MappingProxyType({"SE_4": 0.94, "NO_2": 0.89})
ALLOWED_MISSES = 1
"""Of the eleven zones with the common aim, ten are to reach it."""
_IDEAL = FillRules(second_best_share=0.0, rejected_share=0.0)
app = typer.Typer(help=__doc__)


def money(exposure_mw: Floats, gross_eur: float, day: date, battery: Storage) -> float:
    """Gross revenue less fees and wear of a plan (P,) in units of an hour, EUR."""
    fee = battery.fees.on(day).day_ahead_fee_eur_per_mwh
    sold = np.maximum(-exposure_mw, 0.0).sum()
    return float(gross_eur - fee * np.abs(exposure_mw).sum() - battery.degradation_eur_per_mwh * sold)


def battery_plan(quantiles: Floats, day: date, battery: Storage) -> Floats:
    """(P,) the plan of the strategy `storage` on a forecast (P, L) of units of an hour, MW."""
    fee = battery.fees.on(day).day_ahead_fee_eur_per_mwh
    buy, sell = (mean_of_quantiles(quantiles) + side * fee for side in (1.0, -1.0))
    market = StepMarket(buy_prices=buy, sell_prices=sell, hours=1.0, battery=battery)
    return in_volume_steps(optimise_storage(buy, sell, 1.0, battery).exposure_mw, market)


def day_row(year: ZoneYear, row: int, n_blocks: int, battery: Storage) -> tuple[float, float, float, float]:
    """Money of one day: perfect foresight, fixed schedule, groups, groups under the assumptions, EUR."""
    one, prices, day = year.at(row), year.prices[row], year.days[row]
    plan = battery_plan(one.quantiles, day, battery)
    groups = make_groups(
        plan,
        day_paths(one.quantiles, one.past, n_paths=N_PATHS),
        power_mw=battery.power_mw,
        max_blocks=n_blocks,
    )
    filled = [expected_fill(groups, prices, 1.0, rules) for rules in (_IDEAL, FillRules())]
    known = PricedDay(delivery_day=day, hours=1.0, day_ahead=prices, second=prices)
    return (
        float(battery.perfect_foresight_eur(known).sum()),
        money(plan, float(-(plan @ prices)), day, battery),
        money(filled[0].exposure_mw, filled[0].gross_eur, day, battery),
        money(filled[1].exposure_mw, filled[1].gross_eur, day, battery),
    )


def zone_row(zone: str, year: ZoneYear, n_blocks: int, battery: Storage) -> dict[str, Any]:
    """Shares of perfect foresight of one zone."""
    judged = [row for row, day in enumerate(year.days) if day >= JUDGED_FROM]
    made = np.array([day_row(year, row, n_blocks, battery) for row in judged])
    perfect, fixed, groups, assumed = made.sum(axis=0)
    in_2024 = np.array([year.days[row].year == 2024 for row in judged])
    perfect_2024, fixed_2024, groups_2024, assumed_2024 = made[in_2024].sum(axis=0)
    aim = LOWER_AIMS.get(zone, AIM)
    return {
        "zone": zone,
        "days": len(judged),
        "perfect_eur_per_day": round(float(perfect) / len(judged), 1),
        "fixed": round(float(fixed / perfect), 4),
        "groups": round(float(groups / perfect), 4),
        "groups_assumed": round(float(assumed / perfect), 4),
        "fixed_2024": round(float(fixed_2024 / perfect_2024), 4),
        "groups_2024": round(float(groups_2024 / perfect_2024), 4),
        "groups_assumed_2024": round(float(assumed_2024 / perfect_2024), 4),
        "aim": aim,
        "is_aim_met": bool(assumed / perfect >= aim),
    }


def _for_exchange(exchange: str | None, n_blocks: int) -> tuple[Storage, int]:
    """The battery in the exchange's volume steps, and the blocks of a group that it takes."""
    if exchange is None:
        return Storage(), n_blocks
    rules = block_orders(exchange, date.max)
    most = min(n_blocks, rules.most_blocks_per_group or n_blocks)
    return Storage(volume_step_mw=rules.volume_step_mw), most


@app.command()
def main(
    data: DataOption = DATA,
    zone: ZoneOption = None,
    blocks: Annotated[int, typer.Option(min=1, help="Most blocks of a group.")] = 24,
    exchange: Annotated[
        str | None, typer.Option(help="Volume step and number of blocks of this exchange.")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="Folder where walked forecasts are kept.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Share of perfect foresight with named hours and with exclusive groups, per zone.

    Exit code 1 where an aim is missed. Exit code 2 where no zone is left.
    """
    battery, most = _for_exchange(exchange, blocks)
    rows = []
    for name in (one for one in STORAGE_ZONES if not zone or one in zone):
        rows.append(zone_row(name, zone_year(data, name, keep), most, battery))
        print(rows[-1], file=sys.stderr, flush=True)
    if not rows:
        print(f"no zone of {', '.join(STORAGE_ZONES)} was named", file=sys.stderr)
        raise typer.Exit(2)
    emit(rows, as_json=as_json, title="exclusive groups")
    missed = [row["zone"] for row in rows if not row["is_aim_met"]]
    allowed = 0 if zone else ALLOWED_MISSES
    if len(missed) > allowed or any(name in LOWER_AIMS for name in missed):
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
