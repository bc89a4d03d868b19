"""A battery with exclusive groups of blocks beside one that names its hours, against perfect foresight.

    python -m benchmarks.money.block_groups [--zone Z ...] [--blocks 24] [--exchange E] [--quarter-hours]
        [--json]

A battery of 1 MW and 2 MWh in 13 zones, days of 24 hours from April 2022 to 2024, forecasts of `fast` with
inputs known at the gate. The plan is that of the strategy `storage`. `fixed` trades it as it is. `groups` has
one exclusive group per phase of the plan, its blocks chosen on 200 joint paths of the day; the best block is
executed. `groups_assumed` takes the second best in one group of ten, and 0.2 % of groups are rejected at 50
EUR/MWh. Fees and wear are taken off everywhere. Volumes have steps of 0.001 MW, or those of `--exchange`.

`--quarter-hours` takes BE and DE_LU from December 2025 to August 2026 instead, on prices alone.

As on a desk, paths of the first 60 days come from the price changes of week to week.

The aim: `groups_assumed` is at least 96 % in 10 of the 13 zones, 94 % in SE_4, 89 % in NO_2 (quarter hours:
94 % in BE, 96 % in DE_LU). Exit code 1 where it is missed. One of the eleven others may miss where all zones
are run.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import polars as pl
import typer

from benchmarks.forecasts.scenarios import WALKED, WINDOW_DAYS, ZoneYear, zone_year
from benchmarks.money.trading import DATA, STORAGE_ZONES, DataOption, KeepOption, ZoneOption, named_zones
from desk.screen.console import JsonFlag, emit
from resources.market.market_files import MarketFiles
from spot.arrays import Floats
from spot.forecast.joint.day_paths import day_paths
from spot.market.block_orders import block_orders
from spot.market.delivery import days_between
from spot.risk.outcomes import zone_outcomes
from spot.strategy.blocks.fills import FillRules, expected_fill
from spot.strategy.blocks.groups import make_groups
from spot.strategy.interface import PricedDay
from spot.strategy.proposals.price_paths import OWN_DAYS
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_plan import optimise_storage
from spot.strategy.proposals.view import mean_of_quantiles
from spot.strategy.proposals.volume_steps import StepMarket, in_volume_steps

HOURLY_FROM = date(2022, 4, 1)
QUARTERS_WALKED = days_between(date(2025, 10, 2), date(2026, 8, 20))
QUARTERS_FROM = date(2025, 12, 1)
QUARTER_ZONES = ("BE", "DE_LU")
QUARTER_AIMS: Mapping[str, float] = MappingProxyType({"BE": 0.94, "DE_LU": 0.96})
N_PATHS = 200
AIM = 0.96
LOWER_AIMS: Mapping[str, float] = MappingProxyType({"SE_4": 0.94, "NO_2": 0.89})
ALLOWED_MISSES = 1
"""Of the eleven zones with the common aim, ten are to reach it."""
_IDEAL = FillRules(second_best_share=0.0, rejected_share=0.0)
app = typer.Typer(help=__doc__)


def money(exposure_mw: Floats, gross_eur: float, hours: float, day: date, battery: Storage) -> float:
    """Gross revenue less fees and wear of a plan (P,) in units of `hours`, EUR."""
    fee = battery.fees.on(day).day_ahead_fee_eur_per_mwh
    sold = np.maximum(-exposure_mw, 0.0).sum()
    costs = fee * np.abs(exposure_mw).sum() + battery.degradation_eur_per_mwh * sold
    return float(gross_eur - hours * costs)


def battery_plan(quantiles: Floats, hours: float, day: date, battery: Storage) -> Floats:
    """(P,) the plan of the strategy `storage` on a forecast (P, L) of units of `hours`, MW."""
    fee = battery.fees.on(day).day_ahead_fee_eur_per_mwh
    buy, sell = (mean_of_quantiles(quantiles) + side * fee for side in (1.0, -1.0))
    market = StepMarket(buy_prices=buy, sell_prices=sell, hours=hours, battery=battery)
    return in_volume_steps(optimise_storage(buy, sell, hours, battery).exposure_mw, market)


@dataclass(frozen=True, slots=True)
class PriceChanges:
    """Prices of each whole day minus those of a week before."""

    days: tuple[date, ...]
    changes: Floats
    """(D, P) EUR/MWh"""

    def before(self, day: date) -> Floats:
        """(S, P) the changes of the half year before the day."""
        n_known = sum(one < day for one in self.days)
        return self.changes[max(0, n_known - WINDOW_DAYS) : n_known]


def price_changes(data: Path, zone: str, n_units: int) -> PriceChanges:
    """The changes of a zone's prices from week to week, on days of `n_units` units."""
    prices = zone_outcomes(MarketFiles(path=str(data)).tables(zone), zone=zone, settled_against="nothing")
    whole = prices.filter(pl.len().over("delivery_day") == n_units).sort("delivery_start_utc")
    table = whole["day_ahead_price_eur_per_mwh"].to_numpy().reshape(-1, n_units)
    days = tuple(whole["delivery_day"].unique().sort())
    return PriceChanges(days[7:], table[7:] - table[:-7])


def past_of(year: ZoneYear, row: int, changes: PriceChanges) -> Floats:
    """(S, P) what the paths of a day take their order from, as the strategy chooses it."""
    past = year.at(row).past
    return past if len(past) >= OWN_DAYS else changes.before(year.days[row])


def day_row(
    year: ZoneYear, row: int, past: Floats, n_blocks: int, battery: Storage
) -> tuple[float, float, float, float]:
    """Money of one day: perfect foresight, fixed schedule, groups, groups under the assumptions, EUR."""
    one, prices, day = year.at(row), year.prices[row], year.days[row]
    hours = 24.0 / len(prices)
    plan = battery_plan(one.quantiles, hours, day, battery)
    groups = make_groups(
        plan,
        day_paths(one.quantiles, past, n_paths=N_PATHS),
        power_mw=battery.power_mw,
        max_blocks=n_blocks,
    )
    filled = [expected_fill(groups, prices, hours, rules) for rules in (_IDEAL, FillRules())]
    known = PricedDay(delivery_day=day, hours=hours, day_ahead=prices, second=prices)
    return (
        float(battery.perfect_foresight_eur(known).sum()),
        money(plan, -hours * float(plan @ prices), hours, day, battery),
        money(filled[0].exposure_mw, filled[0].gross_eur, hours, day, battery),
        money(filled[1].exposure_mw, filled[1].gross_eur, hours, day, battery),
    )


def zone_row(
    zone: str, year: ZoneYear, changes: PriceChanges, n_blocks: int, battery: Storage
) -> dict[str, Any]:
    """Shares of perfect foresight of one zone."""
    is_hourly = year.prices.shape[1] == 24
    judged_from = HOURLY_FROM if is_hourly else QUARTERS_FROM
    judged = [row for row, day in enumerate(year.days) if day >= judged_from]
    made = np.array([day_row(year, row, past_of(year, row, changes), n_blocks, battery) for row in judged])
    perfect, fixed, groups, assumed = made.sum(axis=0)
    aim = (LOWER_AIMS if is_hourly else QUARTER_AIMS).get(zone, AIM)
    return {
        "zone": zone,
        "days": len(judged),
        "perfect_eur_per_day": round(float(perfect) / len(judged), 1),
        "fixed": round(float(fixed / perfect), 4),
        "groups": round(float(groups / perfect), 4),
        "groups_assumed": round(float(assumed / perfect), 4),
        **(_in_2024(made, [year.days[row].year == 2024 for row in judged]) if is_hourly else {}),
        "aim": aim,
        "is_aim_met": bool(assumed / perfect >= aim),
    }


def _in_2024(made: Floats, is_then: list[bool]) -> dict[str, float]:
    """The shares of perfect foresight over the days (D, 4) of 2024."""
    perfect, *others = made[is_then].sum(axis=0)
    names = ("fixed_2024", "groups_2024", "groups_assumed_2024")
    return {name: round(float(own / perfect), 4) for name, own in zip(names, others, strict=True)}


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
    quarter_hours: Annotated[
        bool, typer.Option("--quarter-hours", help="BE and DE_LU since the auction has quarter hours.")
    ] = False,
    keep: KeepOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Share of perfect foresight with named hours and with exclusive groups, per zone.

    Exit code 1 where an aim is missed. Exit code 2 where no zone is left.
    """
    battery, most = _for_exchange(exchange, blocks)
    rows = []
    span = (QUARTERS_WALKED, 96) if quarter_hours else (WALKED, 24)
    zones = QUARTER_ZONES if quarter_hours else STORAGE_ZONES
    for name in named_zones(zone, zones):
        year = zone_year(data, name, keep, walked=span[0], n_units=span[1])
        changes = price_changes(data, name, span[1])
        rows.append(zone_row(name, year, changes, most, battery))
        print(rows[-1], file=sys.stderr, flush=True)
    emit(rows, as_json=as_json, title="exclusive groups")
    missed = [row["zone"] for row in rows if not row["is_aim_met"]]
    print(f"the aim is met in {len(rows) - len(missed)} of {len(rows)} zones", file=sys.stderr)
    allowed = 0 if zone or quarter_hours else ALLOWED_MISSES
    if len(missed) > allowed or any(name in LOWER_AIMS for name in missed):
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
