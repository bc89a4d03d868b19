"""Orders, scopes and limits for the tests of risk."""

import numpy as np

from spot.contracts.words import LIMIT_SCOPES, LimitAction, LimitScope
from spot.risk.exposure import Conditions, Orders, ScopeUse
from spot.risk.limit_book import LIMIT_KINDS, Limit

GOOD = Conditions(model_age_days=1.0, data_age_hours=2.0, drift_status="ok")


def make_orders(
    exposure: list[float],
    *,
    price: float = 100.0,
    limit_price: float | None = None,
    keeps_shape: bool = False,
    seed: int = 0,
) -> Orders:
    """Orders at an expected price, with 100 days of random scenarios."""
    size = len(exposure)
    return Orders(
        exposure_mw=np.array(exposure, dtype=float),
        limit_price=np.full(size, price if limit_price is None else limit_price),
        expected_price=np.full(size, price),
        hours=1.0,
        scenarios=np.random.default_rng(seed).normal(0, 20, (100, size)),
        keeps_shape=keeps_shape,
    )


def make_limits(action: LimitAction = "reduce", **values: float | None) -> tuple[Limit, ...]:
    """Every kind in every scope; those not named are out of reach."""
    base = dict.fromkeys(LIMIT_KINDS, 1e9) | {"min_price_eur_per_mwh": -1e9}
    merged = {**base, **values}
    return tuple(
        Limit(scope=scope, kind=kind, value=merged[kind], action=action)
        for scope in LIMIT_SCOPES
        for kind in LIMIT_KINDS
    )


def nothing_else(size: int) -> dict[LimitScope, ScopeUse]:
    """Scopes that hold nothing."""
    return {scope: ScopeUse.empty(size) for scope in LIMIT_SCOPES}
