"""A release beside the one that serves, on the same days: what changed, and what forbids it.

The test of error is that of promotion with the roles exchanged: a release fails where the one before it would
be promoted over it. Every day is looked at in the order of days, and the level is split over the looks, the
scopes (all zones together, and each) and the measures. Money is tested by the block bootstrap of promotion.
A margin keeps differences that are too small to matter from failing a release, however certain they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.errors import ContractError
from spot.lifecycle.bootstrap import block_bootstrap
from spot.lifecycle.promotion_settings import PromotionSettings
from spot.lifecycle.promotion_tests import better_test

BLOCK_DAYS = 7
"""Days of a block of the bootstrap: a week, so that weekdays stay together, as in promotion."""
LOOK_EVERY_DAYS = 14
"""Days between two looks, as in promotion."""
_N_RESAMPLES = 20_000
"""So many that the smallest p-value lies below the level of one test of many. Chosen by hand; not tuned."""
_MEASURES = ("mae", "pinball", "covered_80", "pnl_eur")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseSettings:
    """What fails a release. Shares are of the release before it."""

    level: float = 0.02
    """Chance of failing a release that is no worse, over all tests together."""
    error_margin: float = 0.005
    """A release that errs by no more than this share more is not worse."""
    money_margin: float = 0.01
    """Of the mean absolute P&L of a day."""
    coverage_margin: float = 0.02
    """Fewer prices within the 80 % interval than before, and than 80 %, by more than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One side: what it forecast, decided and earned, all zones together."""

    forecasts: pl.DataFrame
    signals: pl.DataFrame
    settlements: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that forbids a release."""

    check: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFigures:
    """What changed, base first. Errors in EUR/MWh, money in EUR."""

    n_days: int
    mae: tuple[float, float]
    pinball: tuple[float, float]
    coverage_80: tuple[float, float]
    pnl_eur_per_day: tuple[float, float]
    error_p_value: float
    """Of the newest look, for a release that is worse by more than the margin."""
    money_p_value: float
    n_changed_side: int
    n_signals: int

    @property
    def in_one_line(self) -> str:
        """What changed, in words."""
        change = 100.0 * (self.mae[1] / self.mae[0] - 1.0)
        money = self.pnl_eur_per_day[1] - self.pnl_eur_per_day[0]
        return (
            f"error {change:+.1f} % (p {self.error_p_value:.2g}), money {money:+.0f} EUR a day"
            f" (p {self.money_p_value:.2g}), {self.n_changed_side} signals changed side"
        )


def daily_figures(side: Replayed, prices: pl.DataFrame) -> pl.DataFrame:
    """`zone`, `delivery_day`, `mae`, `pinball` in EUR/MWh, `covered_80` as a share, `pnl_eur`; sorted.

    Args:
        side: what was replayed.
        prices: `zone`, `delivery_day`, `delivery_start_utc`, `price_eur_per_mwh` of the same days.
    """
    actual = pl.col("price_eur_per_mwh")
    losses = [
        pl.max_horizontal(level * (actual - pl.col(name)), (level - 1.0) * (actual - pl.col(name)))
        for level, name in QUANTILE_COLUMNS.items()
    ]
    money = side.settlements.group_by("zone", "delivery_day").agg(pnl_eur=pl.col("pnl_eur").sum())
    return (
        side.forecasts.join(prices.drop("delivery_day"), on=["zone", "delivery_start_utc"])
        .drop_nulls("price_eur_per_mwh")
        .group_by("zone", "delivery_day")
        .agg(
            mae=(actual - pl.col("price_point_eur_per_mwh")).abs().mean(),
            pinball=(pl.sum_horizontal(losses) / len(losses)).mean(),
            covered_80=actual.is_between(QUANTILE_COLUMNS[0.1], QUANTILE_COLUMNS[0.9]).mean(),
        )
        .join(money, on=["zone", "delivery_day"], how="left")
        .with_columns(pl.col("pnl_eur").fill_null(0.0))
        .sort("zone", "delivery_day")
    )


def judge_release(
    base: Replayed, candidate: Replayed, prices: pl.DataFrame, settings: ReleaseSettings
) -> tuple[ReleaseFigures, tuple[Finding, ...]]:
    """What changed from `base` to `candidate`, and what forbids it.

    Raises:
        ContractError: no day can be compared.
    """
    findings = [*_lost_forecasts(base, candidate), *_lost_signals(base, candidate)]
    ours, theirs = daily_figures(candidate, prices), daily_figures(base, prices)
    both = theirs.join(ours, on=["zone", "delivery_day"], suffix="_now").sort("zone", "delivery_day")
    days = both["delivery_day"].unique().sort().to_list()
    if len(days) < LOOK_EVERY_DAYS:
        raise ContractError(
            f"{len(days)} days can be compared, {LOOK_EVERY_DAYS} are needed: replay more days"
        )
    scopes = _scopes(both, days)
    error_p, found = _judge_error(scopes, settings)
    findings += found
    money_p, found = _judge_money(scopes, settings)
    findings += found
    findings += _judge_coverage(scopes, settings)
    n_changed, n_signals = _changed_side(base, candidate)
    figures = ReleaseFigures(
        n_days=len(days),
        mae=_means(both, "mae"),
        pinball=_means(both, "pinball"),
        coverage_80=_means(both, "covered_80"),
        pnl_eur_per_day=(
            float(both["pnl_eur"].sum()) / len(days),
            float(both["pnl_eur_now"].sum()) / len(days),
        ),
        error_p_value=error_p,
        money_p_value=money_p,
        n_changed_side=n_changed,
        n_signals=n_signals,
    )
    return figures, tuple(findings)


_Scope = Mapping[str, tuple[Floats, Floats]]


def _scopes(both: pl.DataFrame, days: list[date]) -> dict[str, _Scope]:
    """Scope to measure to (D,) of base and candidate; NaN where a zone has no such day.

    In all zones together each counts in units of its own usual error, and money is added.
    """
    zones = both["zone"].unique().sort().to_list()
    grid = {(zone, name): _of_zone(both, zone, name, days) for zone in zones for name in _MEASURES}
    scopes: dict[str, _Scope] = {zone: {name: grid[zone, name] for name in _MEASURES} for zone in zones}
    if len(zones) == 1:
        return scopes
    whole: dict[str, tuple[Floats, Floats]] = {}
    for name in _MEASURES:
        size = {
            zone: max(float(np.nanmean(grid[zone, name][0])), 1e-9) if name in ("mae", "pinball") else 1.0
            for zone in zones
        }
        stack = [np.array([grid[zone, name][side] / size[zone] for zone in zones]) for side in (0, 1)]
        add = np.nansum if name == "pnl_eur" else np.nanmean
        whole[name] = (add(stack[0], axis=0), add(stack[1], axis=0))
    return {"all zones": whole, **scopes}


def _of_zone(both: pl.DataFrame, zone: str, name: str, days: list[date]) -> tuple[Floats, Floats]:
    own = both.filter(pl.col("zone") == zone)
    rows = {day: row for row, day in enumerate(own["delivery_day"].to_list())}
    at = [rows.get(day) for day in days]
    sides = []
    for column in (name, f"{name}_now"):
        values = own[column].to_numpy()
        sides.append(np.array([np.nan if row is None else values[row] for row in at], dtype=np.float64))
    return sides[0], sides[1]


def _looks(n_days: int) -> list[int]:
    looks = list(range(LOOK_EVERY_DAYS, n_days, LOOK_EVERY_DAYS))
    return [*[look for look in looks if look <= n_days - LOOK_EVERY_DAYS // 2], n_days]


def _judge_error(scopes: Mapping[str, _Scope], settings: ReleaseSettings) -> tuple[float, list[Finding]]:
    promotion = PromotionSettings(error_margin=settings.error_margin)
    n_days = len(next(iter(scopes.values()))["mae"][0])
    looks, measures = _looks(n_days), ("mae", "pinball")
    level = 0.4 * settings.level / (len(looks) * len(scopes) * len(measures))
    newest, found = 1.0, []
    for scope, values in scopes.items():
        for name in measures:
            for look in looks:
                before, now = (side[:look] for side in values[name])
                known = np.isfinite(before) & np.isfinite(now)
                if known.sum() < LOOK_EVERY_DAYS:
                    continue
                test = better_test(before[known], now[known], promotion, level=level)
                if look == n_days:
                    newest = min(newest, test.p_value)
                if test.is_significant:
                    more = 100.0 * (float(now[known].mean()) / float(before[known].mean()) - 1.0)
                    what = "error" if name == "mae" else "pinball loss"
                    text = f"{scope}: {what} {more:+.1f} % after {look} days (p {test.p_value:.2g})"
                    found.append(Finding(check="error", text=f"{text}, level {level:.2g}"))
                    break
    return newest, found


def _judge_money(scopes: Mapping[str, _Scope], settings: ReleaseSettings) -> tuple[float, list[Finding]]:
    n_days = len(next(iter(scopes.values()))["mae"][0])
    looks = _looks(n_days)
    level = 0.4 * settings.level / (len(looks) * len(scopes))
    newest, found = 1.0, []
    for scope, values in scopes.items():
        for look in looks:
            before, now = (side[:look] for side in values["pnl_eur"])
            known = np.isfinite(before) & np.isfinite(now)
            gain = (now - before)[known]
            if len(gain) < 2 * BLOCK_DAYS or float(np.abs(gain).max()) < 0.005:
                continue
            allowed = settings.money_margin * float(np.abs(before[known]).mean())
            result = block_bootstrap(gain + allowed, block_days=BLOCK_DAYS, n_resamples=_N_RESAMPLES)
            if look == n_days:
                newest = min(newest, result.p_not_below)
            if result.p_not_below < level:
                text = f"{scope}: {gain.mean():+.0f} EUR a day after {look} days (p {result.p_not_below:.2g})"
                found.append(Finding(check="money", text=f"{text}, level {level:.2g}"))
                break
    return newest, found


def _judge_coverage(scopes: Mapping[str, _Scope], settings: ReleaseSettings) -> list[Finding]:
    """Scopes whose 80 % interval holds significantly fewer prices; a wide one costs pinball loss."""
    level, found = 0.2 * settings.level / len(scopes), []
    for scope, values in scopes.items():
        before, now = values["covered_80"]
        known = np.isfinite(before) & np.isfinite(now)
        one, other = float(before[known].mean()), float(now[known].mean())
        if other >= min(one, 0.8) - settings.coverage_margin:
            continue
        result = block_bootstrap((now - before)[known], block_days=BLOCK_DAYS, n_resamples=_N_RESAMPLES)
        if result.p_not_below < level:
            text = f"{scope}: the 80 % interval holds {other:.1%} of prices, {one:.1%} before"
            found.append(Finding(check="coverage", text=text))
    return found


def _lost_forecasts(base: Replayed, candidate: Replayed) -> list[Finding]:
    lost = (
        base.forecasts.select("zone", "delivery_day", "delivery_start_utc")
        .join(candidate.forecasts, on=["zone", "delivery_start_utc"], how="anti")
        .group_by("zone")
        .agg(n=pl.col("delivery_day").n_unique(), first=pl.col("delivery_day").min())
        .sort("zone")
    )
    return [
        Finding(check="forecasts", text=f"{zone}: no whole forecast on {n} days, the first {first}")
        for zone, n, first in lost.iter_rows()
    ]


def _lost_signals(base: Replayed, candidate: Replayed) -> list[Finding]:
    key = ["zone", "strategy", "delivery_start_utc"]
    lost = (
        base.signals.join(candidate.signals, on=key, how="anti")
        .group_by("zone", "strategy")
        .agg(n=pl.len(), first=pl.col("delivery_day").min())
        .sort("zone", "strategy")
    )
    return [
        Finding(check="signals", text=f"{zone}: {n} signals of {strategy} are missing, the first on {first}")
        for zone, strategy, n, first in lost.iter_rows()
    ]


def _changed_side(base: Replayed, candidate: Replayed) -> tuple[int, int]:
    key = ["zone", "strategy", "delivery_start_utc"]
    both = base.signals.select(*key, "side").join(candidate.signals.select(*key, now=pl.col("side")), on=key)
    return both.filter(pl.col("side") != pl.col("now")).height, both.height


def _means(both: pl.DataFrame, name: str) -> tuple[float, float]:
    one, other = both.select(pl.col(name).mean(), now=pl.col(f"{name}_now").mean()).row(0)
    return float(one), float(other)
