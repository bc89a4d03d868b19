"""Contracts of orders that people have changed by hand: what was asked, and the limits that allowed it.

The table `signals` stays the machine's own. What leaves the desk is the signals with these changes.
"""

import polars as pl

from spot.contracts.forecast_tables import MTU_COLUMNS
from spot.contracts.signal_tables import LIMIT_CONFORMANCE, SIDES
from spot.contracts.table import UTC_INSTANT, Column, TableContract
from spot.contracts.words import OVERRIDE_ACTIONS, STRATEGY_NAME


def _text(description: str, allowed: tuple[str, ...] | None = None) -> Column:
    return Column(dtype=pl.String, description=description, allowed=allowed)


def _instant(description: str) -> Column:
    return Column(dtype=UTC_INSTANT, description=description, unit="instant")


def _number(description: str, unit: str, *, nullable: bool = False) -> Column:
    return Column(dtype=pl.Float64, description=description, unit=unit, nullable=nullable)


ORDER_OVERRIDES = TableContract(
    name="order_overrides",
    description=(
        "Orders that a person changed, left out or gave back to the machine before the gate: one row per"
        " market time unit. Rows never change; the newest of a unit holds."
    ),
    key=("override_id", "zone", "delivery_start_utc", "strategy"),
    columns={
        "override_id": _text("hash of what was asked, by whom and when: one for all units of an action"),
        **MTU_COLUMNS,
        "strategy": Column(
            dtype=pl.String,
            description="strategy whose order it is",
            pattern=STRATEGY_NAME,
            registry="strategies",
        ),
        "action": _text(
            "change the order, leave it out, or withdraw what was asked before", OVERRIDE_ACTIONS
        ),
        "side": _text("side that leaves the desk", SIDES),
        "volume_mw": Column(
            dtype=pl.Float64,
            description="power that leaves the desk",
            unit="MW",
            minimum=0.0,
            maximum=10_000.0,
        ),
        "limit_price_eur_per_mwh": _number("its limit price; null when left out", "EUR/MWh", nullable=True),
        "machine_signal_id": _text("the machine's own signal"),
        "machine_side": _text("its side", SIDES),
        "machine_volume_mw": _number("its power", "MW"),
        "machine_limit_price_eur_per_mwh": _number("its limit price", "EUR/MWh", nullable=True),
        "value_at_risk_eur": _number("95 % one-day value at risk of the whole day as changed", "EUR"),
        "expected_shortfall_eur": _number("the same of the expected shortfall", "EUR"),
        "decided_as_of_utc": _instant("the machine's decision that it changes"),
        "as_of_utc": _instant("when it was asked and judged"),
        "entered_by": _text("name of the person, and how it is known"),
        "system_user": _text("user of the operating system that wrote it"),
        "reason": _text("why, in the person's words"),
    },
)
OVERRIDE_CONFORMANCE = TableContract(
    name="override_conformance",
    description=(
        "Each limit, and how much of it the orders of a strategy use as people have changed them. Without"
        " rows for the newest decision of the machine, changed orders do not leave."
    ),
    key=(*LIMIT_CONFORMANCE.key, "as_of_utc"),
    columns={
        **LIMIT_CONFORMANCE.columns,
        "decided_as_of_utc": _instant("the machine's decision that was changed"),
    },
)
OVERRIDE_TABLES: tuple[TableContract, ...] = (ORDER_OVERRIDES, OVERRIDE_CONFORMANCE)
