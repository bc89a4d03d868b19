"""What the rest of the desk already holds, read from the tables of signals and settlements.

Desk and zone limits are based on it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from spot.arrays import Bools, Days, Floats
from spot.contracts.words import LimitScope
from spot.market.delivery import n_periods
from spot.risk.exposure import CONFIRMED_AFTER, ScopeUse

_ORDER = ("zone", "strategy", "delivery_start_utc")


@dataclass(frozen=True, slots=True)
class _Money:
    """Settled P&L of a scope per day, oldest first."""

    daily_pnl: Floats
    confirmed_pnl: Floats
    """Of the confirmed days alone."""
    newest_confirmed_day: date | None


def desk_uses(
    signals: pl.DataFrame,
    settlements: pl.DataFrame,
    *,
    zone: str,
    strategy: str,
    delivery_day: date,
    starts_utc: tuple[datetime, ...],
    as_of_utc: datetime,
) -> Mapping[LimitScope, ScopeUse]:
    """Use of desk, zone and strategy without the orders of `strategy` in `zone` on `delivery_day`.

    Those orders are about to be decided again. Both frames are under contract and may hold any days. Only
    champions count, only signals decided by `as_of_utc`, and only P&L known then.
    """
    spoken = signals.filter((pl.col("role") == "champion") & (pl.col("as_of_utc") <= as_of_utc))
    # Sums have one fixed order, because a walk and the tables give the rows in different orders.
    spoken = spoken.sort("as_of_utc", *_ORDER).unique(_ORDER, keep="last", maintain_order=True)
    money = settlements.filter(
        (pl.col("role") == "champion")
        & (pl.col("known_at_utc") <= as_of_utc)
        & (pl.col("delivery_day") < delivery_day)
    )
    # Years of a desk are hundreds of thousands of rows, so they are summed in polars before they become
    # Python values.
    days_of_each = (
        money.group_by("zone", "strategy", "delivery_day", maintain_order=True)
        .agg(
            pl.col("pnl_eur").sum(),
            pl.col("known_at_utc").max(),
            pl.col("resolution_minutes").first(),
            n_units=pl.col("delivery_start_utc").n_unique(),
        )
        .sort("zone", "strategy", "delivery_day")
    )
    held, earned = _held(spoken), days_of_each.to_dict(as_series=False)
    here, same = held["zone"] == zone, held["strategy"] == strategy
    earned_here, earned_same = (
        np.array(earned["zone"], dtype=object) == zone,
        np.array(earned["strategy"], dtype=object) == strategy,
    )
    days, pnl = (
        np.array(earned["delivery_day"], dtype="datetime64[D]"),
        np.array(earned["pnl_eur"], dtype=np.float64),
    )
    is_confirmed = _confirmed(earned, as_of_utc)
    nobody, everybody = np.zeros(len(here), dtype=np.bool_), np.ones(len(here), dtype=np.bool_)
    scopes: dict[LimitScope, tuple[Bools, Bools, Bools]] = {
        "desk": (everybody, here, np.ones(len(pnl), dtype=np.bool_)),
        "zone": (here, here & same, earned_here),
        "strategy": (here & same, nobody, earned_here & earned_same),
    }
    today, before = (
        held["day"] == np.datetime64(delivery_day),
        held["day"] == np.datetime64(delivery_day - timedelta(days=1)),
    )
    others = today & ~(here & same)
    return {
        scope: _scope_use(
            held,
            inside & others,
            inside & others & member,
            inside & before,
            starts_utc,
            _money(days[paid], pnl[paid], is_confirmed[paid]),
        )
        for scope, (inside, member, paid) in scopes.items()
    }


def _held(spoken: pl.DataFrame) -> dict[str, Any]:
    """The signals as arrays: who, when, power with its sign and reach, energy, value and tail risk.

    Of exclusive groups the worst that the auction may choose counts.
    """
    sign = pl.col("side").replace_strict({"buy": 1.0, "sell": -1.0, "flat": 0.0}, return_dtype=pl.Float64)
    ordered = sign * pl.col("volume_mw")
    mwh = pl.col("volume_mw") * pl.col("resolution_minutes") / 60.0
    rows = spoken.select(
        mw=ordered,
        low=pl.col("reach_mw").clip(upper_bound=0.0).fill_null(ordered),
        high=pl.col("reach_mw").clip(lower_bound=0.0).fill_null(ordered),
        mwh=mwh,
        value=pl.col("reach_value_eur").fill_null(
            mwh * pl.col("expected_price_eur_per_mwh").abs().fill_null(0.0)
        ),
        orders=pl.col("n_blocks").cast(pl.Float64).fill_null((ordered != 0.0).cast(pl.Float64)),
        risk=pl.col("value_at_risk_eur").fill_null(0.0),
        shortfall=pl.col("expected_shortfall_eur").fill_null(0.0),
        start=pl.col("delivery_start_utc").dt.epoch("s"),
        seconds=pl.col("resolution_minutes").cast(pl.Int64) * 60,
    )
    arrays: dict[str, Any] = {name: rows[name].to_numpy() for name in rows.columns}
    arrays |= {name: np.array(spoken[name].to_list(), dtype=object) for name in ("zone", "strategy")}
    return arrays | {"day": np.array(spoken["delivery_day"].to_list(), dtype="datetime64[D]")}


def _scope_use(
    held: dict[str, Any],
    today: Bools,
    member: Bools,
    before: Bools,
    starts_utc: tuple[datetime, ...],
    paid: _Money,
) -> ScopeUse:
    batches = {
        (zone, name): i
        for i, (zone, name) in enumerate(zip(held["zone"], held["strategy"], strict=True))
        if today[i]
    }
    whole = list(batches.values())
    return ScopeUse(
        gross_mw=_per_unit(held, today, np.maximum(-held["low"], held["high"]), starts_utc),
        net_mw=_per_unit(held, today, held["mw"], starts_utc),
        net_reach_mw=(
            _per_unit(held, today, held["low"], starts_utc),
            _per_unit(held, today, held["high"], starts_utc),
        ),
        mwh=float(held["mwh"][today].sum()),
        member_mwh=float(held["mwh"][member].sum()),
        value_eur=float(held["value"][today].sum()),
        n_orders=int(held["orders"][today].sum()),
        value_at_risk_eur=float(held["risk"][whole].sum()) if whole else 0.0,
        expected_shortfall_eur=float(held["shortfall"][whole].sum()) if whole else 0.0,
        previous_mwh=float(held["mwh"][before].sum()),
        daily_pnl_eur=paid.daily_pnl,
        confirmed_pnl_eur=paid.confirmed_pnl,
        newest_confirmed_day=paid.newest_confirmed_day,
    )


def _money(days: Days, pnl: Floats, is_confirmed: Bools) -> _Money:
    """Sums per day, oldest first. A day is confirmed where every strategy's part of it is."""
    if not len(pnl):
        return _Money(np.zeros(0), np.zeros(0), None)
    known, index = np.unique(days, return_inverse=True)
    sums = np.bincount(index, weights=pnl, minlength=len(known)).astype(np.float64)
    stands = np.bincount(index, weights=~is_confirmed, minlength=len(known)) == 0
    newest = known[stands].max().item() if stands.any() else None
    return _Money(sums, sums[stands], newest)


def _confirmed(earned: Mapping[str, list[Any]], as_of_utc: datetime) -> Bools:
    """Whether the money of each zone, strategy and day is confirmed: it is whole and its prices stand."""
    latest = as_of_utc - CONFIRMED_AFTER
    columns = ("zone", "delivery_day", "resolution_minutes", "n_units", "known_at_utc")
    return np.array(
        [
            known <= latest and n_units == _n_units(zone, day, minutes)
            for zone, day, minutes, n_units, known in zip(*(earned[name] for name in columns), strict=True)
        ],
        dtype=np.bool_,
    )


@lru_cache(maxsize=50_000)
def _n_units(zone: str, day: date, minutes: int) -> int:
    """Units of a day; a decision asks for the same year of days again and again."""
    return n_periods(zone, day, minutes)


def _per_unit(held: dict[str, Any], chosen: Bools, value: Floats, starts_utc: tuple[datetime, ...]) -> Floats:
    """(P,) sum over the orders whose unit covers the start of each of ours."""
    starts = np.array([int(start.timestamp()) for start in starts_utc])
    first, last = held["start"][chosen], held["start"][chosen] + held["seconds"][chosen]
    covers = (starts[:, None] >= first[None, :]) & (starts[:, None] < last[None, :])
    total: Floats = covers @ value[chosen]
    return total
