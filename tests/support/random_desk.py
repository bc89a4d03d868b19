"""A desk under random events, and an independent judge of what it published.

The desk uses the project's own functions; the judge recomputes every figure from the published orders alone,
in plain loops, and knows nothing of `spot.risk.limits`. Used by the stateful test and by
`benchmarks/safety/random_desks.py`.
"""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from spot.contracts.words import LIMIT_SCOPES, LimitAction, LimitScope
from spot.risk.exposure import Conditions, Orders, ScopeUse
from spot.risk.limit_book import LIMIT_KINDS, Limit
from spot.risk.limits import apply_limits, apply_state, take_any_price
from spot.risk.state import TradingState, stricter
from spot.risk.value_at_risk import TailRisk

ZONES, STRATEGIES, N_UNITS, HOURS = ("SK", "BE"), ("storage", "settlement_spread"), 4, 1.0
_SCENARIOS = np.random.default_rng(9).normal(0, 25, (60, N_UNITS))


@dataclass
class Published:
    """Orders that left the desk."""

    exposure: np.ndarray
    price: np.ndarray
    expected: np.ndarray

    @cached_property
    def risk(self) -> TailRisk:
        """As the desk itself figures it."""
        return Orders(
            exposure_mw=self.exposure,
            limit_price=self.price,
            expected_price=self.expected,
            hours=HOURS,
            scenarios=_SCENARIOS,
        ).risk


@dataclass
class RandomDesk:
    """State of the desk between events."""

    limits: dict[tuple[str, str, str], tuple[float | None, LimitAction]]
    """(scope, owner, kind) to value and action."""
    states: dict[str, TradingState] = field(
        default_factory=lambda: dict.fromkeys(("desk", *ZONES), TradingState.ACTIVE)
    )
    conditions: Conditions = field(
        default_factory=lambda: Conditions(model_age_days=1.0, data_age_hours=1.0, drift_status="ok")
    )
    held: dict[tuple[str, str], Published] = field(default_factory=dict)
    yesterday: dict[tuple[str, str], float] = field(default_factory=dict)
    pnl: list[float] = field(default_factory=list)
    n_published: int = 0

    def limits_of(self, zone: str, strategy: str) -> tuple[Limit, ...]:
        """The limits in force for one strategy in one zone."""
        owner = {"desk": "all", "zone": zone, "strategy": f"{zone}/{strategy}"}
        rows = [
            (scope, kind, *self.limits[scope, owner[scope], kind])
            for scope in LIMIT_SCOPES
            for kind in LIMIT_KINDS
        ]
        return tuple(
            Limit(scope=scope, kind=kind, value=value, action=action) for scope, kind, value, action in rows
        )

    def propose(
        self,
        zone: str,
        strategy: str,
        exposure: np.ndarray,
        *,
        price: float,
        limit_price: float,
        keeps_shape: bool,
    ) -> list[str]:
        """Decide and publish one strategy's orders; every breach that the judge finds."""
        orders = Orders(
            exposure_mw=exposure,
            limit_price=np.full(N_UNITS, limit_price),
            expected_price=np.full(N_UNITS, price),
            hours=HOURS,
            scenarios=_SCENARIOS,
            keeps_shape=keeps_shape,
        )
        limits = self.limits_of(zone, strategy)
        uses = self._uses(zone, strategy)
        state = stricter(self.states["desk"], self.states[zone])
        stated = apply_state(take_any_price(orders, limits), state, uses["zone"].net_mw)
        limited = apply_limits(stated.orders, limits, uses, self.conditions)
        if limited.requests_halt:
            self.states[zone] = TradingState.HALTED
        before = self._open_net(zone, without=strategy)
        out = limited.orders
        self.held[zone, strategy] = Published(out.exposure_mw, out.limit_price, out.expected_price)
        self.n_published += not out.is_flat
        return self._judge(zone, strategy, state, before) if not out.is_flat else []

    def new_day(self, pnl: float) -> None:
        """Yesterday's orders are settled, today's begin."""
        self.yesterday = {key: float(np.abs(held.exposure).sum() * HOURS) for key, held in self.held.items()}
        self.held = {}
        self.pnl.append(pnl)

    def _uses(self, zone: str, strategy: str) -> dict[LimitScope, ScopeUse]:
        result = {}
        for scope in LIMIT_SCOPES:
            others = [
                held
                for key, held in self.held.items()
                if key != (zone, strategy) and _inside(scope, key, zone, strategy)
            ]
            member = [
                held
                for key, held in self.held.items()
                if key != (zone, strategy) and key[0] == zone and scope == "desk"
            ]
            risks = [held.risk for held in others]
            result[scope] = replace(
                ScopeUse.empty(N_UNITS),
                gross_mw=sum((np.abs(held.exposure) for held in others), np.zeros(N_UNITS)),
                net_mw=sum((held.exposure for held in others), np.zeros(N_UNITS)),
                mwh=sum(float(np.abs(held.exposure).sum() * HOURS) for held in others),
                member_mwh=sum(float(np.abs(held.exposure).sum() * HOURS) for held in member),
                value_eur=sum(
                    float((np.abs(held.exposure) * np.abs(held.expected)).sum() * HOURS) for held in others
                ),
                n_orders=sum(int(np.count_nonzero(held.exposure)) for held in others),
                value_at_risk_eur=sum(risk.value_at_risk_eur for risk in risks),
                expected_shortfall_eur=sum(risk.expected_shortfall_eur for risk in risks),
                previous_mwh=sum(
                    mwh for key, mwh in self.yesterday.items() if _inside(scope, key, zone, strategy)
                ),
                daily_pnl_eur=np.array(self.pnl),
            )
        return result

    def _open_net(self, zone: str, *, without: str) -> list[float]:
        return [
            sum(
                float(held.exposure[unit])
                for key, held in self.held.items()
                if key[0] == zone and key[1] != without
            )
            for unit in range(N_UNITS)
        ]

    def _judge(self, zone: str, strategy: str, state: TradingState, open_net: list[float]) -> list[str]:
        """Every limit recomputed from what was published; plain loops, none of the functions under test."""
        own = self.held[zone, strategy]
        found = [] if state is not TradingState.HALTED else ["published while halted"]
        for unit, mw in enumerate(own.exposure):
            if not math.isfinite(mw):
                found.append("not finite")
            if (
                state is TradingState.REDUCING
                and mw
                and not (mw * open_net[unit] < 0 and abs(mw) <= abs(open_net[unit]) + 1e-9)
            ):
                found.append("grew a position while reducing")
        figures = {scope: self._figures(scope, zone, strategy, own) for scope in LIMIT_SCOPES}
        for limit in self.limits_of(zone, strategy):
            if limit.value is None or not math.isfinite(limit.value):
                found.append(f"published without {limit.scope} {limit.kind}")
                continue
            used = self._used(limit, zone, strategy, own, figures[limit.scope])
            allowed = -limit.value if limit.kind == "min_price_eur_per_mwh" else limit.value
            if used is not None and not used <= allowed + 1e-6 * max(1.0, abs(allowed)):
                found.append(f"{limit.scope} {limit.kind}: {used} above {allowed}")
        return found

    def _used(
        self, limit: Limit, zone: str, strategy: str, own: Published, figures: dict[str, float]
    ) -> float | None:
        if limit.kind in (
            "max_model_age_days",
            "max_data_age_hours",
            "max_drift_level",
            "max_daily_loss_eur",
            "max_drawdown_eur",
        ):
            return self._gate(limit)
        if limit.kind == "max_concentration_frac":
            daily = self.limits[
                limit.scope,
                {"desk": "all", "zone": zone, "strategy": f"{zone}/{strategy}"}[limit.scope],
                "max_mwh_per_day",
            ][0]
            parts = [abs(float(mw)) * HOURS for mw in own.exposure]
            members = (
                [held for key, held in self.held.items() if key[0] == zone]
                if limit.scope == "desk"
                else [own]
            )
            part = (
                max(parts)
                if limit.scope == "strategy"
                else sum(abs(float(mw)) * HOURS for held in members for mw in held.exposure)
            )
            return part / daily if daily else math.inf
        return figures[limit.kind]

    def _figures(self, scope: str, zone: str, strategy: str, own: Published) -> dict[str, float]:
        """What every limit on the orders themselves measures in one scope."""
        inside = [held for key, held in self.held.items() if _inside(scope, key, zone, strategy)]
        traded = [
            (float(mw), float(price), float(mean))
            for mw, price, mean in zip(own.exposure, own.price, own.expected, strict=True)
            if mw
        ]
        energy = sum(abs(float(mw)) * HOURS for held in inside for mw in held.exposure)
        worst = sorted(float(row @ own.exposure) * HOURS for row in _SCENARIOS)
        return {
            "min_price_eur_per_mwh": -min(price for _, price, _ in traded),
            "max_price_eur_per_mwh": max(price for _, price, _ in traded),
            "max_price_distance_eur_per_mwh": max(
                (price - mean) if mw > 0 else (mean - price) for mw, price, mean in traded
            ),
            "max_mw_per_mtu": max(abs(mw) for mw, _, _ in traded),
            "max_gross_mw": max(
                sum(abs(float(held.exposure[unit])) for held in inside) for unit in range(N_UNITS)
            ),
            "max_net_mw": max(
                abs(sum(float(held.exposure[unit]) for held in inside)) for unit in range(N_UNITS)
            ),
            "max_mwh_per_day": energy,
            "max_value_eur": sum(
                abs(float(mw) * float(mean)) * HOURS
                for held in inside
                for mw, mean in zip(held.exposure, held.expected, strict=True)
            ),
            "max_orders_per_day": sum(1 for held in inside for mw in held.exposure if mw),
            "max_orders_per_minute": len(traded),
            "max_change_mwh": (
                energy
                - sum(mwh for key, mwh in self.yesterday.items() if _inside(scope, key, zone, strategy))
            ),
            "max_value_at_risk_eur": -worst[3],
            "max_expected_shortfall_eur": -sum(worst[:3]) / 3,
        }

    def _gate(self, limit: Limit) -> float | None:
        """A gate whose action is reduce scales the orders and may stay above; any other must hold."""
        if limit.action == "reduce":
            return None
        drift = {"ok": 0, "not_assessed": 1, "alert": 2, "cannot_see": 3}.get(
            self.conditions.drift_status or "", math.inf
        )
        equity = [sum(self.pnl[:i]) for i in range(len(self.pnl) + 1)]
        age, data = self.conditions.model_age_days, self.conditions.data_age_hours
        return {
            "max_model_age_days": math.inf if age is None else age,
            "max_data_age_hours": math.inf if data is None else data,
            "max_drift_level": drift,
            "max_daily_loss_eur": max([0.0, *(-pnl for pnl in self.pnl[-7:])]),
            "max_drawdown_eur": max(equity) - equity[-1],
        }[limit.kind]


def generous_limits(factor: float = 1.0) -> dict[tuple[str, str, str], tuple[float | None, LimitAction]]:
    """A complete book: every kind for the desk, each zone and each strategy."""
    values = {
        "max_model_age_days": 30.0,
        "max_data_age_hours": 24.0,
        "max_drift_level": 2.0,
        "max_daily_loss_eur": 500.0,
        "max_drawdown_eur": 900.0,
        "min_price_eur_per_mwh": -500.0,
        "max_price_eur_per_mwh": 3000.0,
        "max_price_distance_eur_per_mwh": 200.0,
        "max_mw_per_mtu": 20.0 * factor,
        "max_gross_mw": 40.0 * factor,
        "max_net_mw": 30.0 * factor,
        "max_mwh_per_day": 100.0 * factor,
        "max_value_eur": 9000.0 * factor,
        "max_orders_per_day": 12.0,
        "max_orders_per_minute": 4.0,
        "max_change_mwh": 80.0 * factor,
        "max_concentration_frac": 0.7,
        "max_value_at_risk_eur": 1500.0 * factor,
        "max_expected_shortfall_eur": 2000.0 * factor,
    }
    owners = [
        ("desk", "all"),
        *(("zone", zone) for zone in ZONES),
        *(("strategy", f"{zone}/{name}") for zone in ZONES for name in STRATEGIES),
    ]
    return {(scope, owner, kind): (values[kind], "reduce") for scope, owner in owners for kind in LIMIT_KINDS}


def _inside(scope: str, key: tuple[str, str], zone: str, strategy: str) -> bool:
    return scope == "desk" or (key[0] == zone and (scope == "zone" or key[1] == strategy))
