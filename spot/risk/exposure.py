"""What limits are measured on, in MW and EUR: the orders of a strategy and day, and what its scopes hold."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from spot.arrays import Floats
from spot.contracts.words import LimitScope
from spot.errors import ContractError
from spot.risk.choices import Choices
from spot.risk.value_at_risk import TailRisk, drawdown_eur, historical_risk, tail_risk, worst_risk


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Orders of one strategy for one zone and day. P market time units; long is positive."""

    exposure_mw: Floats
    """(P,)"""
    limit_price: Floats
    """(P,) EUR/MWh, read only where the exposure is not zero."""
    expected_price: Floats
    """(P,) EUR/MWh"""
    hours: float
    """Length of a market time unit."""
    scenarios: Floats
    """(S, P) past days' gain of 1 MWh long, EUR/MWh."""
    keeps_shape: bool = False
    """Whether the orders may only be scaled as a whole. A battery's plan cannot be cut unit by unit."""
    are_paths: bool = False
    """Whether the scenarios are equally likely paths of this day, and not past days in their order."""
    costs_eur_per_mwh: tuple[float, float] = (0.0, 0.0)
    """Costs of one MWh bought and of one MWh sold that the scenarios leave out."""
    choices: Choices | None = None
    """What the auction may choose instead, where the orders are exclusive groups; limits count the worst."""

    def __post_init__(self) -> None:
        n_units = len(self.exposure_mw)
        if (
            self.limit_price.shape != (n_units,)
            or self.expected_price.shape != (n_units,)
            or self.scenarios.shape[1:] != (n_units,)
        ):
            raise ContractError(
                f"orders: {n_units} exposures, limit prices {self.limit_price.shape}, scenarios"
                f" {self.scenarios.shape}"
            )

    @property
    def is_flat(self) -> bool:
        """No order at all."""
        return not np.any(self.exposure_mw)

    @property
    def low_mw(self) -> Floats:
        """(P,) the least exposure that may come of each unit's order."""
        return self.exposure_mw if self.choices is None else self.choices.low_mw

    @property
    def high_mw(self) -> Floats:
        """(P,) the greatest exposure."""
        return self.exposure_mw if self.choices is None else self.choices.high_mw

    @property
    def worst_mw(self) -> Floats:
        """(P,) the largest power that may be traded in each unit."""
        return np.maximum(np.abs(self.low_mw), np.abs(self.high_mw))

    @property
    def mwh(self) -> float:
        """Energy, buys and sells added. All blocks of a group have the same."""
        return float(np.abs(self.exposure_mw).sum() * self.hours)

    @property
    def value_eur(self) -> float:
        """Energy times expected price, buys and sells added; NaN when a traded unit has no expected price."""
        if self.choices is not None:
            return float(self.choices.value_eur.sum())
        traded = self.exposure_mw != 0
        return float((np.abs(self.exposure_mw) * np.abs(self.expected_price))[traded].sum() * self.hours)

    @property
    def n_orders(self) -> int:
        """Units with an order, or block orders."""
        return int(np.count_nonzero(self.exposure_mw)) if self.choices is None else self.choices.n_blocks

    @cached_property
    def risk(self) -> TailRisk:
        """Value at risk and expected shortfall.

        On paths of this day (of exclusive groups, of price and fill) as they are; on past days the worse of
        historical and filtered.
        """
        if self.choices is not None and not self.is_flat:
            return tail_risk(self.choices.gains_eur)
        energy = self.exposure_mw * self.hours
        if not self.are_paths:
            return worst_risk(energy, self.scenarios)
        bought, sold = self.costs_eur_per_mwh
        costs = bought * np.maximum(energy, 0.0).sum() + sold * np.maximum(-energy, 0.0).sum()
        return historical_risk(energy, self.scenarios, costs_eur=float(costs))

    def scaled(self, factor: float) -> "Orders":
        """All orders by one factor."""
        choices = None if self.choices is None else self.choices.scaled(factor)
        return replace(self, exposure_mw=self.exposure_mw * factor, choices=choices)

    def flat(self) -> "Orders":
        """No orders."""
        return replace(self, exposure_mw=np.zeros_like(self.exposure_mw), choices=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeUse:
    """What a scope holds without the orders that are being judged.

    The default is a scope that holds nothing and has no past.
    """

    gross_mw: Floats
    """(P,)"""
    net_mw: Floats
    """(P,)"""
    net_reach_mw: tuple[Floats, Floats] | None = None
    """(P,) each: the least and greatest net exposure, where orders are exclusive groups."""
    mwh: float = 0.0
    member_mwh: float = 0.0
    """Part of `mwh` in the same zone (desk scope) or of the same strategy (zone scope)."""
    value_eur: float = 0.0
    n_orders: int = 0
    value_at_risk_eur: float = 0.0
    """Sum over the scope's other strategies, without credit for diversification."""
    expected_shortfall_eur: float = 0.0
    previous_mwh: float = 0.0
    """Energy of the day before, buys and sells added."""
    daily_pnl_eur: Floats = field(default_factory=lambda: np.zeros(0))
    """Settled P&L per delivery day, oldest first."""
    confirmed_pnl_eur: Floats = field(default_factory=lambda: np.zeros(0))
    """The same of the days alone whose settlement is confirmed (`CONFIRMED_AFTER`)."""
    newest_confirmed_day: date | None = None

    @property
    def net_low_mw(self) -> Floats:
        """(P,) the least net exposure that the scope may come to."""
        return self.net_mw if self.net_reach_mw is None else self.net_reach_mw[0]

    @property
    def net_high_mw(self) -> Floats:
        """(P,) the greatest."""
        return self.net_mw if self.net_reach_mw is None else self.net_reach_mw[1]

    @classmethod
    def empty(cls, n_units: int) -> "ScopeUse":
        """A scope that holds nothing."""
        return cls(gross_mw=np.zeros(n_units), net_mw=np.zeros(n_units))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """Facts about model and data. A fact that is not known denies."""

    model_age_days: float | None
    data_age_hours: float | None
    drift_status: str | None
    """ok, not_assessed, alert or cannot_see."""


LOSS_DAYS = 7
"""Newest settled delivery days among which `max_daily_loss_eur` looks for the worst. Second prices come up to
three days after the auction's.
"""
MONEY_KINDS = ("max_daily_loss_eur", "max_drawdown_eur")
"""Limits on readings of settled money. A breach of one halts only where confirmed days alone breach it."""
CONFIRMED_AFTER = timedelta(hours=6)
"""How long the prices of a settled day must have stood before its money is confirmed. The day must be whole:
every unit of every strategy is settled. Chosen by hand: what a source mends at once is mended then."""
DRIFT_LEVELS = {"ok": 0.0, "not_assessed": 1.0, "alert": 2.0, "cannot_see": 3.0}
"""Verdict on drift to the number that `max_drift_level` limits. A higher number is worse."""


def worst_drift(statuses: Iterable[str]) -> str:
    """The worst of some verdicts on drift."""
    return max(statuses, key=lambda status: DRIFT_LEVELS[status])


def measure(
    kind: str,
    scope: LimitScope,
    orders: Orders,
    use: ScopeUse,
    conditions: Conditions,
    *,
    daily_mwh_limit: float | None = None,
) -> float:
    """How much of limit `kind` the orders and their scope use; NaN where it cannot be measured.

    `min_price_eur_per_mwh` is measured as the negative of the lowest limit price, so that every limit reads
    "not above".

    Raises:
        ContractError: the kind is unknown.
    """
    if kind not in _MEASURES:
        raise ContractError(f"unknown limit kind {kind!r}")
    return _MEASURES[kind](_Subject(scope, orders, use, conditions, daily_mwh_limit))


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a limit is measured on."""

    scope: LimitScope
    orders: Orders
    use: ScopeUse
    conditions: Conditions
    daily_mwh_limit: float | None

    @property
    def largest_mw(self) -> float:
        """The largest order of the day, MW."""
        return float(self.orders.worst_mw.max(initial=0.0))

    @property
    def net_mw(self) -> float:
        """The largest net exposure, bought or sold, that a unit may come to, MW."""
        least = self.orders.low_mw + self.use.net_low_mw
        greatest = self.orders.high_mw + self.use.net_high_mw
        return float(np.maximum(np.abs(least), np.abs(greatest)).max(initial=0.0))


def money(kind: str, daily_pnl_eur: Floats) -> float:
    """The measure of one of `MONEY_KINDS` on P&L per day, `(days,)`, oldest first; NaN where a day is.

    Raises:
        ContractError: the kind is no limit on money.
    """
    if kind not in MONEY_KINDS:
        raise ContractError(f"{kind!r} is no limit on settled money: {', '.join(MONEY_KINDS)}")
    if kind == "max_drawdown_eur":
        return drawdown_eur(daily_pnl_eur)
    # A battery's day is settled at once, a spread's day only days later. The newest day alone would hide a
    # loss behind a day that is half settled.
    worst = float(daily_pnl_eur[-LOSS_DAYS:].min(initial=0.0))
    return abs(worst) if np.isfinite(worst) else np.nan


def _concentration(of: _Subject) -> float:
    if of.scope == "strategy":
        return _share(of.largest_mw * of.orders.hours, of.daily_mwh_limit)
    return _share(of.orders.mwh + of.use.member_mwh, of.daily_mwh_limit)


def _price_distance(of: _Subject) -> float:
    traded = of.orders.worst_mw > 0
    sides = np.sign(of.orders.low_mw + of.orders.high_mw)[traded]
    return _highest(sides * (of.orders.limit_price[traded] - of.orders.expected_price[traded]))


_MEASURES: Mapping[str, Callable[[_Subject], float]] = {
    "max_model_age_days": lambda of: _known(of.conditions.model_age_days),
    "max_data_age_hours": lambda of: _known(of.conditions.data_age_hours),
    "max_drift_level": lambda of: _known(DRIFT_LEVELS.get(of.conditions.drift_status or "")),
    "max_daily_loss_eur": lambda of: money("max_daily_loss_eur", of.use.daily_pnl_eur),
    "max_drawdown_eur": lambda of: money("max_drawdown_eur", of.use.daily_pnl_eur),
    "max_mwh_per_day": lambda of: of.orders.mwh + of.use.mwh,
    "max_value_eur": lambda of: of.orders.value_eur + of.use.value_eur,
    "max_orders_per_day": lambda of: float(of.orders.n_orders + of.use.n_orders),
    "max_orders_per_minute": lambda of: float(of.orders.n_orders),
    "max_change_mwh": lambda of: max(0.0, of.orders.mwh + of.use.mwh - of.use.previous_mwh),
    "max_value_at_risk_eur": lambda of: of.orders.risk.value_at_risk_eur + of.use.value_at_risk_eur,
    "max_expected_shortfall_eur": lambda of: (
        of.orders.risk.expected_shortfall_eur + of.use.expected_shortfall_eur
    ),
    "max_concentration_frac": _concentration,
    "max_mw_per_mtu": lambda of: of.largest_mw,
    "max_gross_mw": lambda of: float((of.orders.worst_mw + of.use.gross_mw).max(initial=0.0)),
    "max_net_mw": lambda of: of.net_mw,
    "min_price_eur_per_mwh": lambda of: _highest(-of.orders.limit_price[of.orders.worst_mw > 0]),
    "max_price_eur_per_mwh": lambda of: _highest(of.orders.limit_price[of.orders.worst_mw > 0]),
    "max_price_distance_eur_per_mwh": _price_distance,
}
"""Kind of limit to the function that measures it."""


def _highest(prices: Floats) -> float:
    """The highest of the prices; minus infinity where nothing is ordered."""
    return float(prices.max(initial=-np.inf))


def _known(fact: float | None) -> float:
    return np.nan if fact is None else float(fact)


def _share(part: float, whole: float | None) -> float:
    if whole is None:
        return np.nan
    return 0.0 if part == 0 else (np.inf if whole == 0 else part / whole)
