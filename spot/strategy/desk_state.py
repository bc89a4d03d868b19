"""What the rest of the desk already holds, read from the tables of signals and settlements: the basis of the desk and zone limits."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from spot.contracts.panel import Floats
from spot.risk.exposure import ScopeUse
from spot.risk.limit_book import Scope

_BATCH = ("zone", "strategy")


def desk_uses(
    signals: pl.DataFrame,
    settlements: pl.DataFrame,
    *,
    zone: str,
    strategy: str,
    delivery_day: date,
    starts_utc: tuple[datetime, ...],
    as_of_utc: datetime,
) -> Mapping[Scope, ScopeUse]:
    """Use of desk, zone and strategy without the orders of `strategy` in `zone` on `delivery_day`, which are about to be decided anew.

    Both frames are under contract and may hold any days. Only champions count, only signals decided by `as_of_utc`, and only money known then.
    """
    spoken = signals.filter((pl.col("role") == "champion") & (pl.col("as_of_utc") <= as_of_utc))
    spoken = spoken.sort("as_of_utc").unique(["zone", "strategy", "delivery_start_utc"], keep="last")
    money = settlements.filter((pl.col("role") == "champion") & (pl.col("known_at_utc") <= as_of_utc) & (pl.col("delivery_day") < delivery_day))
    in_zone, same = pl.col("zone") == zone, pl.col("strategy") == strategy
    scopes: dict[Scope, tuple[pl.Expr, pl.Expr]] = {
        "desk": (pl.lit(True), in_zone),
        "zone": (in_zone, same),
        "strategy": (in_zone & same, pl.lit(False)),
    }
    return {
        scope: _scope_use(spoken.filter(inside), money.filter(inside), member, ~(in_zone & same), delivery_day, starts_utc)
        for scope, (inside, member) in scopes.items()
    }


def _scope_use(
    spoken: pl.DataFrame, money: pl.DataFrame, member: pl.Expr, is_other: pl.Expr, delivery_day: date, starts_utc: tuple[datetime, ...]
) -> ScopeUse:
    sign = pl.col("side").replace_strict({"buy": 1.0, "sell": -1.0, "flat": 0.0}, return_dtype=pl.Float64)
    sized = spoken.with_columns(exposure_mw=sign * pl.col("volume_mw")).with_columns(
        mwh=pl.col("exposure_mw").abs() * pl.col("resolution_minutes") / 60.0
    )
    today = sized.filter((pl.col("delivery_day") == delivery_day) & is_other)
    before = sized.filter(pl.col("delivery_day") == delivery_day - timedelta(days=1))
    batches = today.group_by(_BATCH).agg(pl.col("value_at_risk_eur").max(), pl.col("expected_shortfall_eur").max())
    daily = money.group_by("delivery_day").agg(pl.col("pnl_eur").sum()).sort("delivery_day")
    return ScopeUse(
        gross_mw=_per_unit(today, pl.col("exposure_mw").abs(), starts_utc),
        net_mw=_per_unit(today, pl.col("exposure_mw"), starts_utc),
        mwh=float(today["mwh"].sum()),
        member_mwh=float(today.filter(member)["mwh"].sum()),
        value_eur=float((today["mwh"] * today["expected_price_eur_per_mwh"].abs()).sum()),
        n_orders=today.filter(pl.col("volume_mw") > 0).height,
        value_at_risk_eur=float(batches["value_at_risk_eur"].fill_null(0.0).sum()),
        expected_shortfall_eur=float(batches["expected_shortfall_eur"].fill_null(0.0).sum()),
        previous_mwh=float(before["mwh"].sum()),
        daily_pnl_eur=daily["pnl_eur"].to_numpy(),
    )


def _per_unit(today: pl.DataFrame, value: pl.Expr, starts_utc: tuple[datetime, ...]) -> Floats:
    """(P,) sum over the orders whose unit covers the start of each of ours."""
    total = np.zeros(len(starts_utc))
    if today.is_empty():
        return total
    starts = np.array([int(start.timestamp()) for start in starts_utc])
    for first, minutes, mw in today.select(pl.col("delivery_start_utc").dt.epoch("s"), "resolution_minutes", value.alias("value")).iter_rows():
        total[(starts >= first) & (starts < first + 60 * minutes)] += mw
    return total
