"""Contracts of what leaves the desk.

They cover signals, their bid curves and reasons, risk events, publications, settlements and conformance.
"""

import polars as pl

from spot.contracts.block_tables import BLOCK_ORDERS_OF_A_DAY, DAY_AHEAD_GROUPS, REACH_COLUMNS
from spot.contracts.fill_tables import REPORTED_COLUMNS
from spot.contracts.forecast_tables import MTU_COLUMNS, MTU_KEY
from spot.contracts.table import UTC_INSTANT, Column, TableContract
from spot.contracts.words import LIMIT_ACTIONS, LIMIT_SCOPES, MODES, ROLES, STRATEGY_NAME

SIDES = ("buy", "sell", "flat")
SETTLED_AGAINST = (
    "nothing",
    "intraday_vwap",
    "intraday_vwap_60",
    "ida1",
    "ida2",
    "ida3",
    "imbalance",
    "real_time",
    "reference_curve",
)
"""What a day-ahead position is closed against. A physical asset is closed against nothing: it keeps the
auction price.
"""
DAY_AHEAD_BLOCK = "day_ahead_block"
"""Market of an order over several units that is filled as a whole or not at all."""
TRADING_STATES = ("ACTIVE", "REDUCING", "HALTED")


def _eur(description: str, *, nullable: bool = False) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="EUR", nullable=nullable)


def _mw(description: str, maximum: float | None = None) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="MW", minimum=0.0, maximum=maximum)


def _price(description: str, *, nullable: bool = True) -> Column:
    return Column(dtype=pl.Float64, description=description, unit="EUR/MWh", nullable=nullable)


def _text(description: str, allowed: tuple[str, ...] | None = None, *, nullable: bool = False) -> Column:
    return Column(dtype=pl.String, description=description, allowed=allowed, nullable=nullable)


def _none(description: str, allowed: tuple[str, ...] | None = None) -> Column:
    """A text that may be null, for which earlier versions stored the word none."""
    return Column(dtype=pl.String, description=description, allowed=allowed, nullable=True, null_was="none")


def _strategy(description: str) -> Column:
    return Column(dtype=pl.String, description=description, pattern=STRATEGY_NAME, registry="strategies")


def _instant(description: str, *, nullable: bool = False) -> Column:
    return Column(dtype=UTC_INSTANT, description=description, unit="instant", nullable=nullable)


_WHO: dict[str, Column] = {
    "strategy": _strategy("strategy that made the signal"),
    "role": _text("champion trades, challenger is kept on paper", ROLES),
    "model_version": _none("registered version of the forecast behind the signal; null when there was none"),
}
SIGNAL_KEY = (*MTU_KEY, "strategy", "role", "model_version")

SIGNALS = TableContract(
    name="signals",
    description=(
        "One view per market time unit, flat included: side, MW, limit price, why, and until when it holds."
        " Void after `valid_until_utc`."
    ),
    key=SIGNAL_KEY,
    columns={
        "signal_id": _text("hash of what the signal says: the same decision again has the same id"),
        **MTU_COLUMNS,
        **_WHO,
        "market": _text(
            "auction or market of the order; a block's units are filled all or none, by their mean price and"
            " mean limit, weighted by volume; of `day_ahead_groups` the rows are the plan (`block_orders`)",
            ("day_ahead", DAY_AHEAD_BLOCK, DAY_AHEAD_GROUPS, "ida1", "ida2", "ida3", "intraday_continuous"),
        ),
        "settled_against": _text("second price that closes the position", SETTLED_AGAINST),
        "side": _text("buy is long", SIDES),
        "volume_mw": _mw("power of the order", 10_000.0),
        "limit_price_eur_per_mwh": _price("buy not above, sell not below; null when flat"),
        "expected_price_eur_per_mwh": _price("forecast mean of the day-ahead price; null without a forecast"),
        "expected_reference_eur_per_mwh": _price("forecast mean of the second price; null without one"),
        "edge_eur_per_mwh": _price(
            "expected gain of one MWh after costs; null when it could not be computed"
        ),
        "risk_eur_per_mwh": _price("half of the 80 % interval of that gain"),
        "expected_value_eur": _eur("expected P&L of the signal after costs"),
        "probability_frac": Column(
            dtype=pl.Float64,
            description="chance that the signal gains",
            unit="share of one",
            nullable=True,
            minimum=0.0,
            maximum=1.0,
        ),
        "horizon_hours": Column(
            dtype=pl.Float64, description="from the decision to the start of delivery", unit="h"
        ),
        "value_at_risk_eur": _eur("95 % one-day value at risk of the strategy's whole day", nullable=True),
        "expected_shortfall_eur": _eur(
            "95 % one-day expected shortfall of the strategy's whole day", nullable=True
        ),
        "as_of_utc": _instant("when it was decided; no value published later was used"),
        "gate_closure_utc": _instant("last instant for the order"),
        "valid_until_utc": _instant("after this the signal is void"),
        "model_name": _none("registered model; null when there was none"),
        "strategy_model_version": _none(
            "registered version of the strategy's own model, as that of the spread; null where it has none"
        ),
        "data_version": _none("versions of the tables that the forecast read; null when there was none"),
        "settings_hash": _text("hash of the strategy's settings and of the limits"),
        "fallback": _text("who stands in for the serving version, and why; null as a rule", nullable=True),
        "source": _text("provider of the data, for example simulated"),
        "mode": _text("paper unless the desk set the zone live", MODES),
        "trading_state": _text("state of desk and zone, the stricter of the two", TRADING_STATES),
        "is_firm": Column(
            dtype=pl.Boolean, description="what is not filled must be made good at the imbalance price"
        ),
        "limits_applied": _text("limits that changed the order, separated by '; '"),
        "reasons": _text("why, in words, separated by '; '"),
        **REACH_COLUMNS,
    },
)
BID_CURVES = TableContract(
    name="bid_curves",
    description=(
        "Price and volume steps of a signal where the market takes a curve: at clearing price p the last step"
        " with a price in reach holds."
    ),
    key=(*SIGNAL_KEY, "step"),
    columns={
        "signal_id": _text("signal it belongs to"),
        **MTU_COLUMNS,
        **_WHO,
        "step": Column(dtype=pl.Int32, description="number of the step, from the least volume", minimum=1),
        "price_eur_per_mwh": _price("limit price of the step", nullable=False),
        "volume_mw": _mw("accumulated power up to this step"),
    },
)
SIGNAL_REASONS = TableContract(
    name="signal_reasons",
    description="What moved the forecast behind a signal, largest first.",
    key=(*SIGNAL_KEY, "rank"),
    columns={
        "signal_id": _text("signal it belongs to"),
        **MTU_COLUMNS,
        **_WHO,
        "rank": Column(dtype=pl.Int32, description="1 is the largest contribution", minimum=1),
        "feature": _text("input or day that moved the forecast"),
        "contribution_eur_per_mwh": _price("how far it moved the forecast", nullable=False),
        "text": _text("the same in words"),
    },
)
RISK_EVENTS = TableContract(
    name="risk_events",
    description="Every breach, denial, override and halt, with the numbers.",
    key=("event_id",),
    columns={
        "event_id": _text("hash of the event: the same event again has the same id"),
        "zone": _text("bidding zone"),
        "delivery_day": Column(dtype=pl.Date, description="calendar day in the market time zone"),
        "strategy": _strategy("which strategy"),
        "role": _text("champion or challenger", ROLES),
        "kind": _text(
            "what happened", ("breach", "denied", "not_ready", "state", "override", "override_rejected")
        ),
        "scope": _text("whose limit", (*LIMIT_SCOPES, "forecast")),
        "limit_name": _text("which limit"),
        "value": Column(
            dtype=pl.Float64,
            description="what it would have been; null where nothing could be measured",
            nullable=True,
        ),
        "limit_value": Column(
            dtype=pl.Float64, description="the limit; null where it is missing", nullable=True
        ),
        "action": _none("what was done; null where nothing was", LIMIT_ACTIONS),
        "detail": _text("the event in words"),
        "as_of_utc": _instant("when it was decided"),
    },
)
PUBLICATIONS = TableContract(
    name="publications",
    description=(
        "The outbox: every attempt to hand the signals of one zone, day and strategy to a channel, and its"
        " receipt."
    ),
    key=("publication_id", "channel", "attempt"),
    columns={
        "publication_id": _text("hash of zone, day, strategy and signal ids: the receiver's idempotency key"),
        "channel": _text("where to", ("table", "file", "webhook")),
        "attempt": Column(dtype=pl.Int32, description="1 is the first", minimum=0),
        "zone": _text("bidding zone"),
        "delivery_day": Column(dtype=pl.Date, description="calendar day in the market time zone"),
        "strategy": _strategy("which strategy"),
        "n_signals": Column(
            dtype=pl.Int32, description="signals in the batch, flat ones included", minimum=0
        ),
        "n_orders": Column(dtype=pl.Int32, description="signals of the batch that buy or sell", minimum=0),
        "mode": _text("paper or live", MODES),
        "status": _text("how it ended", ("sent", "failed", "refused")),
        "detail": _text("why it failed or was refused; empty when sent"),
        "payload_sha256": _text("checksum of what was sent; empty when refused"),
        "receipt": _text("what the channel answered: path, HTTP status or table version"),
        "recorded_at_utc": _instant("when it happened"),
        "desk_id": _text("desk that sent it; null in rows of older versions", nullable=True),
        "lease": Column(
            dtype=pl.Int64,
            description="number of the lease of a live zone, as in the message; null on paper",
            nullable=True,
        ),
    },
)
SETTLEMENTS = TableContract(
    name="settlements",
    description=(
        "Money of every signal whose prices are known: fill, gross P&L, costs, net P&L, and what perfect"
        " foresight would have made."
    ),
    key=SIGNAL_KEY,
    columns={
        "signal_id": _text("signal it settles"),
        **MTU_COLUMNS,
        **_WHO,
        "side": _text("buy is long; of exclusive groups, the side of the block that was executed", SIDES),
        "volume_mw": _mw("power of the order; of exclusive groups, of the block that was executed"),
        "exposure_mw": Column(dtype=pl.Float64, description="filled power, long is positive", unit="MW"),
        "filled_mwh": Column(dtype=pl.Float64, description="energy filled", unit="MWh", minimum=0.0),
        "unfilled_mwh": Column(
            dtype=pl.Float64, description="energy ordered and not filled", unit="MWh", minimum=0.0
        ),
        "settled_against": _text("second price that closes the position", SETTLED_AGAINST),
        "day_ahead_price_eur_per_mwh": _price("clearing price", nullable=False),
        "reference_price_eur_per_mwh": _price("second price; null where the position is physical"),
        "gross_pnl_eur": _eur("before costs"),
        "fees_eur": _eur("exchange and clearing fees"),
        "slippage_eur": _eur("cost of closing against the second price"),
        "imbalance_cost_eur": _eur("cost of firm energy that was not filled"),
        "degradation_eur": _eur("wear of the battery"),
        "pnl_eur": _eur("net P&L"),
        "perfect_foresight_eur": _eur("net P&L of the same strategy had it known the prices", nullable=True),
        "currency": _text("currency of the money columns"),
        "mode": _text("paper or live", MODES),
        "source": _text("provider of the prices"),
        "known_at_utc": _instant("when the last price used became known"),
        **REPORTED_COLUMNS,
    },
)
LIMIT_CONFORMANCE = TableContract(
    name="limit_conformance",
    description="Each limit, how much of it the published signals use, and the headroom left.",
    key=("zone", "delivery_day", "strategy", "role", "model_version", "scope", "limit_name"),
    columns={
        "zone": _text("bidding zone"),
        "delivery_day": Column(dtype=pl.Date, description="calendar day in the market time zone"),
        "strategy": _strategy("which strategy"),
        "role": _text("champion or challenger", ROLES),
        "model_version": _none(
            "registered version of the forecast behind the signals; null when there was none"
        ),
        "scope": _text("whose limit", LIMIT_SCOPES),
        "limit_name": _text("which limit"),
        "used": Column(
            dtype=pl.Float64,
            description="what the final signals use; null where it cannot be measured",
            nullable=True,
        ),
        "limit_value": Column(
            dtype=pl.Float64, description="the limit; null where it is missing", nullable=True
        ),
        "headroom_frac": Column(
            dtype=pl.Float64, description="1 minus used over limit; null where undefined", nullable=True
        ),
        "status": _text(
            "within, reduced (the order was cut), breached (nothing may be published) or denied",
            ("within", "reduced", "breached", "denied"),
        ),
        "as_of_utc": _instant("when it was judged"),
    },
)

SIGNAL_TABLES: tuple[TableContract, ...] = (
    SIGNALS,
    BID_CURVES,
    BLOCK_ORDERS_OF_A_DAY,
    SIGNAL_REASONS,
    RISK_EVENTS,
    PUBLICATIONS,
    SETTLEMENTS,
    LIMIT_CONFORMANCE,
)
