"""Two model versions on the same market time units.

Error and P&L side by side, by hour and month, with significance.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.contracts.monitoring_tables import MODEL_COMPARISONS
from spot.errors import ContractError
from spot.lifecycle.bootstrap import block_bootstrap
from spot.lifecycle.promotion_tests import SAME_MONEY
from spot.market.clock import local_time
from spot.scores.significance import MINIMUM_DAYS, diebold_mariano

PAIR = ("zone", "version_a", "version_b")
"""A comparison is stored as a whole, so months of an older comparison of the same versions do not stay beside
a new total.
"""
_BLOCK_DAYS = 7
"""Days of a block of the bootstrap: a week, so that weekdays stay together."""
_CENT_EUR = 0.005
"""Half a cent, EUR: a smaller difference of daily P&L is rounding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedVersion:
    """One side of a comparison."""

    version: str
    scored: pl.DataFrame
    """Forecast rows beside `price_eur_per_mwh`, as `spot.monitoring.watch.scored_forecasts` makes them."""
    settled: pl.DataFrame
    """Rows of `settlements` of its signals, empty where there are none."""


def compare_versions(zone: str, a: ComparedVersion, b: ComparedVersion) -> pl.DataFrame:
    """Rows under `model_comparisons`: the total with p-values, then each local hour and month.

    Only units that both versions forecast count.

    Raises:
        ContractError: there is no market time unit that both forecast and whose price is known.
    """
    both = _unit_losses(a, zone).join(
        _unit_losses(b, zone), on=["delivery_day", "delivery_start_utc", "hour", "month"], suffix="_b"
    )
    if both.is_empty():
        raise ContractError(
            f"comparison of versions {a.version} and {b.version} of {zone}: no day that both forecast has a"
            " price"
        )
    both = both.join(_unit_money(a, "pnl_a"), on="delivery_start_utc", how="left").join(
        _unit_money(b, "pnl_b"), on="delivery_start_utc", how="left"
    )
    who = {"zone": zone, "version_a": a.version, "version_b": b.version}
    rows = [{**who, "slice": "total", "label": "all", **_means(both), **_significance(both)}]
    for name in ("hour", "month"):
        for (label,), part in both.sort(name).group_by([name], maintain_order=True):
            rows.append(
                {
                    **who,
                    "slice": name,
                    "label": str(label),
                    **_means(part),
                    "error_p_value": None,
                    "money_p_value": None,
                }
            )
    return pl.DataFrame(rows, schema=MODEL_COMPARISONS.schema)


def comparison_in_words(rows: pl.DataFrame) -> str:
    """The total of rows of `compare_versions` in words."""
    total = rows.filter(pl.col("slice") == "total").row(0, named=True)
    better = "A" if total["mae_a_eur_per_mwh"] < total["mae_b_eur_per_mwh"] else "B"
    error = (
        "too few days to say more"
        if total["error_p_value"] is None
        else f"p = {total['error_p_value']:.3g}, Diebold-Mariano, two-sided"
    )
    text = f"{better} has the smaller error ({error})."
    if total["pnl_a_eur"] is None or total["pnl_b_eur"] is None:
        return text + " No money: the second price is not known."
    if rows.select(
        ((pl.col("pnl_a_eur") - pl.col("pnl_b_eur")).abs() < _CENT_EUR).fill_null(value=True).all()
    ).item():
        return f"{text} {SAME_MONEY[0].upper()}{SAME_MONEY[1:]}."
    richer = "A" if total["pnl_a_eur"] > total["pnl_b_eur"] else "B"
    money = (
        "too few days to say more"
        if total["money_p_value"] is None
        else f"p = {total['money_p_value']:.3g}, block bootstrap, two-sided"
    )
    return f"{text} {richer} earned more on paper ({money})."


def daily_comparison(zone: str, a: ComparedVersion, b: ComparedVersion) -> pl.DataFrame:
    """`delivery_day`, `mae_a`, `mae_b` in EUR/MWh, and `pnl_a`, `pnl_b` in EUR, for pictures.

    Money is null without settlements.
    """
    both = _unit_losses(a, zone).join(
        _unit_losses(b, zone), on=["delivery_day", "delivery_start_utc"], suffix="_b"
    )
    both = both.join(_unit_money(a, "pnl_a"), on="delivery_start_utc", how="left").join(
        _unit_money(b, "pnl_b"), on="delivery_start_utc", how="left"
    )
    return _by_day(both)


def _unit_losses(side: ComparedVersion, zone: str) -> pl.DataFrame:
    actual = pl.col("price_eur_per_mwh")
    excess = {name: actual - pl.col(name) for name in QUANTILE_COLUMNS.values()}
    pinball = [
        pl.max_horizontal(level * excess[name], (level - 1.0) * excess[name])
        for level, name in QUANTILE_COLUMNS.items()
    ]
    local = local_time(zone)
    return (
        side.scored.with_columns(actual.fill_nan(None))
        .drop_nulls("price_eur_per_mwh")
        .select(
            "delivery_day",
            "delivery_start_utc",
            local.dt.strftime("%H").alias("hour"),
            pl.col("delivery_day").dt.strftime("%Y-%m").alias("month"),
            (actual - pl.col("price_point_eur_per_mwh")).abs().alias("mae"),
            (pl.sum_horizontal(pinball) / len(pinball)).alias("pinball"),
        )
    )


def _unit_money(side: ComparedVersion, name: str) -> pl.DataFrame:
    if side.settled.is_empty():
        return pl.DataFrame(
            schema={"delivery_start_utc": side.scored.schema["delivery_start_utc"], name: pl.Float64}
        )
    # Sorted, so that the same settlements give the same sum to the last bit.
    return (
        side.settled.sort("delivery_start_utc", "pnl_eur")
        .group_by("delivery_start_utc", maintain_order=True)
        .agg(pl.col("pnl_eur").sum().alias(name))
    )


def _means(both: pl.DataFrame) -> dict[str, Any]:
    def money(name: str) -> float | None:
        return (
            None
            if both[name].null_count() == both.height
            else float(both.sort("delivery_start_utc")[name].sum())
        )

    return {
        "first_day": both["delivery_day"].min(),
        "last_day": both["delivery_day"].max(),
        "n_days": both["delivery_day"].n_unique(),
        "mae_a_eur_per_mwh": both["mae"].mean(),
        "mae_b_eur_per_mwh": both["mae_b"].mean(),
        "pinball_a_eur_per_mwh": both["pinball"].mean(),
        "pinball_b_eur_per_mwh": both["pinball_b"].mean(),
        "pnl_a_eur": money("pnl_a"),
        "pnl_b_eur": money("pnl_b"),
    }


def _by_day(both: pl.DataFrame) -> pl.DataFrame:
    def money(name: str) -> pl.Expr:
        return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name)

    return (
        both.group_by("delivery_day", maintain_order=True)
        .agg(pl.col("mae").mean().alias("mae_a"), pl.col("mae_b").mean(), money("pnl_a"), money("pnl_b"))
        .sort("delivery_day")
    )


def _significance(both: pl.DataFrame) -> dict[str, float | None]:
    """Two-sided p-values; None where there are too few days to say anything."""
    daily = _by_day(both)
    error = money = None
    if daily.height >= MINIMUM_DAYS:
        error = diebold_mariano(
            daily["mae_a"].to_numpy(), daily["mae_b"].to_numpy(), alternative="two_sided"
        ).p_value
    gain = (daily["pnl_a"] - daily["pnl_b"]).drop_nulls()
    if gain.len() >= 2 * _BLOCK_DAYS:
        result = block_bootstrap(gain.to_numpy(), block_days=_BLOCK_DAYS)
        money = min(1.0, 2.0 * min(result.p_not_above, result.p_not_below))
    return {"error_p_value": error, "money_p_value": money}
