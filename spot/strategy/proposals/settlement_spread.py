"""Day-ahead against a later price of the same unit.

It buys where the second price is expected to be higher by more than the costs, and sells where it is lower by
more.

The settings choose the distribution of the spread. It is a fitted model (`spot.strategy.spread.model`),
without which there is no position, or the spreads of the same local time of day in the trailing window,
pooled with the neighbouring units.
"""

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from spot.arrays import Floats
from spot.risk.outcomes import LONG_PRICE, SHORT_PRICE
from spot.strategy.interface import NAIVE_RULES, NaiveRule, PricedDay, Strategy, better_side_eur
from spot.strategy.proposals.view import (
    LEVELS,
    MarketView,
    Proposal,
    mean_of_quantiles,
    past_profiles,
    probability_above,
)
from spot.strategy.sizing import round_towards_zero, size_by_edge

_MIN_DAYS = 30
"""Fewest days of spreads from which it trades. Chosen by hand; not tuned."""


class SettlementSpread(Strategy):
    """Trades the spread, sized by edge over risk.

    It is flat when the edge does not pay the costs or nothing is known of the spread.
    """

    naive_rules: ClassVar[tuple[NaiveRule, ...]] = NAIVE_RULES

    strategy: Literal["settlement_spread"] = "settlement_spread"
    settled_against: Literal[
        "intraday_vwap", "intraday_vwap_60", "ida1", "ida2", "ida3", "imbalance", "real_time"
    ] = "intraday_vwap"
    max_mw: float = Field(default=10.0, gt=0)
    full_size_ratio: float = Field(default=0.5, gt=0)
    """Edge over risk at which the full size is traded; below it the size is proportional."""
    min_edge_ratio: float = Field(default=0.05, ge=0)
    """Edge over risk below which the strategy stays flat."""
    window_days: int = Field(default=182, ge=14)
    """Days of history behind the empirical spread distribution and the risk scenarios."""
    distribution: Literal["empirical", "catboost"] = "empirical"
    """Where the distribution of the spread comes from: a fitted model, without which the strategy is flat, or
    past spreads of the same time of day.
    """
    takes_curve: bool = False
    """Send price and volume steps instead of one price-taking order."""
    n_curve_steps: int = Field(default=5, ge=2, le=50)
    """Steps of a bid curve. Chosen by hand: an exchange takes many more, and a person can still read five."""

    @property
    def needs_spread_model(self) -> bool:
        """Where the distribution is a fitted one."""
        return self.distribution == "catboost"

    @property
    def history_days(self) -> int:
        """The trailing window."""
        return self.window_days

    def propose(self, view: MarketView) -> Proposal:
        """Side, MW and limit price (or curve) per unit."""
        costs = self.costs_eur_per_mwh(view.delivery_day) + _half_gap(view, self.window_days)
        past = _past_spreads(view, self.window_days)
        spread = view.spread_quantiles
        if spread is None:
            if self.needs_spread_model and len(past) >= _MIN_DAYS:
                return _silent(
                    view, past, "flat: no spread model serves this day, or one of its inputs is missing"
                )
            spread = empirical_quantiles(past)
        if spread is None:
            days = (
                f"flat: only {len(past)} past days with a second price ({self.settled_against}),"
                f" {_MIN_DAYS} are needed"
            )
            return _silent(view, past, days)
        mean = mean_of_quantiles(spread)
        side = np.sign(mean)
        edge = np.abs(mean) - costs
        risk = (spread[:, 6] - spread[:, 2]) / 2.0
        size = size_by_edge(
            edge,
            risk,
            max_mw=self.max_mw,
            full_size_ratio=self.full_size_ratio,
            min_edge_ratio=self.min_edge_ratio,
        )
        exposure = side * size
        curve = _curves(exposure, view.mean + mean, costs, risk, self) if self.takes_curve else ()
        gains = np.where(
            side > 0,
            probability_above(spread, costs),
            1.0 - probability_above(spread, -costs),
        )
        return Proposal(
            exposure_mw=exposure,
            limit_price=_furthest(exposure, curve),
            expected_reference=view.mean + mean,
            edge=edge,
            risk=risk,
            probability=gains,
            scenarios=past,
            curve=curve,
            texts=_texts(mean, edge, risk, gains, costs, self),
        )

    def perfect_foresight_eur(self, day: PricedDay) -> Floats:
        """EUR per unit, `(P,)`, of the better side of each unit, at full size where it pays."""
        return better_side_eur(
            day.second - day.day_ahead,
            self.costs_eur_per_mwh(day.delivery_day),
            max_mw=self.max_mw,
            hours=day.hours,
        )


def empirical_quantiles(past_spreads: Floats, pool: int = 1) -> Floats | None:
    """(P, 9) quantiles of past spreads (S, P), each unit pooled with `pool` neighbours on both sides.

    None with fewer than 30 days.
    """
    n_days, n_units = past_spreads.shape
    if n_days < _MIN_DAYS:
        return None
    rows = [past_spreads[:, max(0, i - pool) : i + pool + 1].ravel() for i in range(n_units)]
    return np.stack([np.quantile(row, LEVELS) for row in rows])


def _past_spreads(view: MarketView, n_days: int) -> Floats:
    """(S, P) second price minus day-ahead price on past days."""
    spread = pl.col("reference_price_eur_per_mwh") - pl.col("day_ahead_price_eur_per_mwh")
    known = view.history.filter(pl.col("reference_price_eur_per_mwh").is_not_null()).with_columns(
        spread=spread
    )
    return past_profiles(
        known, "spread", view.zone, view.starts_utc, resolution_minutes=view.resolution_minutes, n_days=n_days
    )


def _half_gap(view: MarketView, n_days: int) -> Floats:
    """(P,) half of what lies between the prices of a shortage and of a surplus, mean of past days, EUR/MWh.

    The spread is that of their middle. Either direction loses this half, so it counts as a cost. It is zero
    where the area has one price.
    """
    if LONG_PRICE not in view.history.columns:
        return np.zeros(len(view.mean))
    gap = (pl.col(SHORT_PRICE) - pl.col(LONG_PRICE)).abs() / 2.0
    known = view.history.drop_nulls([LONG_PRICE, SHORT_PRICE]).with_columns(half_gap=gap)
    past = past_profiles(
        known,
        "half_gap",
        view.zone,
        view.starts_utc,
        resolution_minutes=view.resolution_minutes,
        n_days=n_days,
    )
    return past.mean(axis=0) if len(past) else np.zeros(len(view.mean))


def _silent(view: MarketView, past: Floats, text: str) -> Proposal:
    """A proposal without orders, because too little is known of the spread."""
    nothing = np.full(len(view.mean), np.nan)
    return Proposal(
        exposure_mw=np.zeros(len(view.mean)),
        limit_price=nothing,
        expected_reference=nothing,
        edge=nothing,
        risk=nothing,
        probability=nothing,
        scenarios=past,
        texts=(text,) * len(view.mean),
    )


def _curves(
    exposure: Floats, fair: Floats, costs: Floats, risk: Floats, settings: SettlementSpread
) -> tuple[tuple[tuple[float, float], ...], ...]:
    """Steps of falling volume towards the price at which the edge is gone.

    At each price, a unit's size is the one that it would have if the auction cleared there.

    At a clearing price p a buy has the edge `fair - costs - p`, where `fair` is the expected second price. So
    the higher the price, the less is worth buying. The last step is the signal's whole volume, on which the
    limits are checked. All volumes are multiples of the volume step.
    """
    curves = []
    for mw, middle, cost, width in zip(
        round_towards_zero(exposure, settings.volume_step_mw), fair, costs, risk, strict=True
    ):
        shares = np.arange(1, settings.n_curve_steps + 1) / settings.n_curve_steps
        volumes = np.unique(round_towards_zero(shares * abs(mw), settings.volume_step_mw))
        volumes = volumes[volumes > 0]
        # A volume is reached where edge over risk is the volume's share of the largest, times the full ratio:
        # price = fair - side (costs + ratio risk).
        ratios = np.maximum(volumes / settings.max_mw * settings.full_size_ratio, settings.min_edge_ratio)
        steps = zip((middle - np.sign(mw) * (cost + ratios * width)).tolist(), volumes.tolist(), strict=True)
        # Of several volumes at one price, the largest is enough.
        curves.append(
            tuple(
                step
                for step, is_last in zip(steps, np.append(np.diff(ratios) > 0, True), strict=False)
                if is_last
            )
        )
    return tuple(curves)


def _furthest(exposure: Floats, curve: tuple[tuple[tuple[float, float], ...], ...]) -> Floats:
    """(P,) the worst price that each order accepts.

    It is that of the curve's first step in whole cents, or any price without a curve.
    """
    if not curve:
        return np.where(exposure > 0, np.inf, -np.inf)
    first = 100.0 * np.array([steps[0][0] if steps else np.nan for steps in curve])
    return np.where(exposure > 0, np.floor(first), np.ceil(first)) / 100.0


def _texts(
    mean: Floats, edge: Floats, risk: Floats, gains: Floats, costs: Floats, settings: SettlementSpread
) -> tuple[str, ...]:
    second = settings.settled_against
    return tuple(
        f"{second} expected {m:+.2f} EUR/MWh above day-ahead, costs {c:.2f}, edge {e:.2f} over risk"
        f" {r:.2f}, gains with probability {p:.2f}"
        for m, e, r, p, c in zip(mean, edge, risk, gains, costs, strict=True)
    )
