"""The tables of a decision: signals, risk events, bid curves, each under its contract."""

import hashlib
import json

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.contracts.block_tables import DAY_AHEAD_GROUPS
from spot.contracts.lineage import DataSource
from spot.contracts.signal_tables import BID_CURVES, DAY_AHEAD_BLOCK, RISK_EVENTS, SIGNALS
from spot.market.gates import gate_closure_utc
from spot.risk.exposure import Orders
from spot.risk.limit_book import LimitBook
from spot.risk.limit_event import LimitEvent
from spot.strategy.blocks.frames import reach_columns
from spot.strategy.blocks.groups import BlockGroup
from spot.strategy.interface import Strategy
from spot.strategy.proposals.view import MarketView, Proposal
from spot.strategy.readiness.blocking import unit_reasons
from spot.strategy.readiness.forecast_readiness import ReadinessVerdict
from spot.strategy.request import SignalRequest
from spot.strategy.sizing import round_towards_zero

_VERSIONS = ("model_version", "strategy_model_version", "data_version")
_NULL_IN_ID = "none"
"""Text for no version in the text whose hash is an id. Signals that were sent have such ids."""


def signal_frame(
    request: SignalRequest,
    view: MarketView,
    proposal: Proposal,
    orders: tuple[Orders, Orders],
    rows: pl.DataFrame,
    *,
    groups: tuple[BlockGroup, ...],
    events: tuple[LimitEvent, ...],
    verdict: ReadinessVerdict,
) -> pl.DataFrame:
    """Contract `signals`: a row per unit, flat included.

    `orders` are those before and after trading state and limits, `groups` those of the final orders.
    """
    proposed, final = orders
    n_units, gate = len(view.starts_utc), gate_closure_utc(request.zone, request.delivery_day)
    size = np.abs(final.exposure_mw)
    risk = final.risk if not final.is_flat else None
    origin = (
        rows.row(0, named=True)
        if verdict.is_ready
        else {
            "model_name": None,
            "model_version": None,
            "data_version": None,
            "fallback": None,
            "source": str(DataSource()),
        }
    )
    stopped = "; ".join(verdict.reasons) if not verdict.is_ready else ""
    texts = unit_reasons(proposal.texts or ("",) * n_units, proposed.exposure_mw, final.exposure_mw, events)
    cut = "; ".join(
        event.detail for event in events if event.kind in ("breach", "denied", "state", "override")
    )
    frame = pl.DataFrame(
        {
            "delivery_start_utc": view.starts_utc,
            "side": [_side(mw) for mw in final.exposure_mw],
            "volume_mw": size,
            "limit_price_eur_per_mwh": _known(np.where(size > 0, final.limit_price, np.nan)),
            "expected_price_eur_per_mwh": _known(view.mean),
            "expected_reference_eur_per_mwh": _known(proposal.expected_reference),
            "edge_eur_per_mwh": _known(proposal.edge),
            "risk_eur_per_mwh": _known(proposal.risk),
            "expected_value_eur": np.where(size > 0, size * view.hours * np.nan_to_num(proposal.edge), 0.0),
            "probability_frac": _known(np.clip(proposal.probability, 0.0, 1.0)),
            "horizon_hours": [
                (start - request.as_of_utc).total_seconds() / 3600.0 for start in view.starts_utc
            ],
            "reasons": [stopped or text for text in texts],
            **reach_columns(groups, final),
        },
        schema_overrides={"delivery_start_utc": SIGNALS.schema["delivery_start_utc"]},
    ).with_columns(
        zone=pl.lit(request.zone),
        delivery_day=pl.lit(request.delivery_day),
        resolution_minutes=pl.lit(view.resolution_minutes, pl.Int32),
        strategy=pl.lit(request.strategy.strategy),
        role=pl.lit(request.role),
        market=pl.lit(_market(proposal)),
        settled_against=pl.lit(request.strategy.settled_against),
        value_at_risk_eur=pl.lit(0.0 if risk is None else risk.value_at_risk_eur),
        expected_shortfall_eur=pl.lit(0.0 if risk is None else risk.expected_shortfall_eur),
        as_of_utc=pl.lit(request.as_of_utc),
        gate_closure_utc=pl.lit(gate),
        valid_until_utc=pl.lit(gate),
        model_name=pl.lit(origin["model_name"], pl.String),
        model_version=pl.lit(origin["model_version"], pl.String),
        strategy_model_version=pl.lit(request.strategy_model_version, pl.String),
        data_version=pl.lit(origin["data_version"], pl.String),
        settings_hash=pl.lit(settings_hash(request.strategy, request.limits)),
        fallback=pl.lit(origin["fallback"], pl.String),
        source=pl.lit(origin["source"]),
        mode=pl.lit(request.mode),
        trading_state=pl.lit(str(request.trading_state)),
        is_firm=pl.lit(proposal.is_firm),
        limits_applied=pl.lit(cut),
    )
    return with_signal_ids(frame).select(SIGNALS.columns.keys()).cast(SIGNALS.schema)


def with_signal_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with `signal_id`: a hash of what each row says and of its model and data."""
    said = (
        "zone",
        "strategy",
        "role",
        "market",
        "delivery_start_utc",
        "side",
        "volume_mw",
        "limit_price_eur_per_mwh",
        "model_version",
        "strategy_model_version",
        "data_version",
        "settings_hash",
        "as_of_utc",
        "mode",
    )
    texts = frame.select(
        pl.concat_str(
            [
                pl.col(name).cast(pl.String).fill_null(_NULL_IN_ID if name in _VERSIONS else "-")
                for name in said
            ],
            separator="|",
        )
    ).to_series()
    return frame.with_columns(
        signal_id=pl.Series(
            [hashlib.sha256(text.encode()).hexdigest()[:24] for text in texts], dtype=pl.String
        )
    )


def settings_hash(strategy: Strategy, limits: LimitBook) -> str:
    """Twelve hex digits of the strategy's settings and the limits; of a plug-in, of its source too."""
    text = (
        strategy.code_version
        + strategy.model_dump_json()
        + json.dumps(limits.document, sort_keys=True, default=str)
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _market(proposal: Proposal) -> str:
    if proposal.groups is not None:
        return DAY_AHEAD_GROUPS
    return DAY_AHEAD_BLOCK if proposal.is_block else "day_ahead"


def _side(exposure_mw: float) -> str:
    if exposure_mw > 0:
        return "buy"
    return "sell" if exposure_mw < 0 else "flat"


def _known(values: Floats) -> pl.Series:
    """Infinite and NaN become null, because a contract column holds numbers or nothing."""
    return pl.Series(np.where(np.isfinite(values), values, np.nan), dtype=pl.Float64).fill_nan(None)


def event_frame(request: SignalRequest, events: tuple[LimitEvent, ...]) -> pl.DataFrame:
    """Contract `risk_events`: one row per breach, denial, override and refusal."""
    if not events:
        return RISK_EVENTS.empty()
    who = (
        request.zone,
        str(request.delivery_day),
        request.strategy.strategy,
        request.role,
        request.as_of_utc.isoformat(),
    )
    return pl.DataFrame(
        {
            "event_id": [
                hashlib.sha256(
                    "|".join((*who, e.kind, e.scope, e.limit_name, e.detail)).encode()
                ).hexdigest()[:24]
                for e in events
            ],
            "zone": request.zone,
            "delivery_day": request.delivery_day,
            "strategy": request.strategy.strategy,
            "role": request.role,
            "kind": ["not_ready" if e.scope == "forecast" else e.kind for e in events],
            "scope": [e.scope for e in events],
            "limit_name": [e.limit_name for e in events],
            "value": _known(np.array([e.value for e in events])),
            "limit_value": _known(np.array([e.limit_value for e in events])),
            "action": [e.action for e in events],
            "detail": [e.detail for e in events],
            "as_of_utc": request.as_of_utc,
        },
        schema=RISK_EVENTS.schema,
    ).unique("event_id", maintain_order=True)


def curve_frame(
    frame: pl.DataFrame, proposal: Proposal, proposed: Orders, final: Orders, *, step_mw: float
) -> pl.DataFrame:
    """The curve's steps after limits.

    Volumes are scaled as the limits scaled the order, in whole steps of `step_mw`. Prices stay inside what
    the limits allow.
    """
    if not proposal.curve or final.is_flat:
        return BID_CURVES.empty()
    steps = []
    for unit, curve in enumerate(proposal.curve):
        mw, before, volume = final.exposure_mw[unit], proposed.exposure_mw[unit], 0.0
        if not mw or not curve:
            continue
        volumes = round_towards_zero(
            np.array([most for _, most in curve]) * min(1.0, abs(mw / before)), step_mw
        )
        number, worst = 0, final.limit_price[unit]
        for (price, _), scaled in zip(curve, volumes, strict=True):
            if scaled > volume:
                number, volume = number + 1, scaled
                # Whole cents, rounded to the side that trades less.
                cents = np.floor(100 * min(price, worst)) if mw > 0 else np.ceil(100 * max(price, worst))
                steps.append((unit, number, cents / 100, volume))
    if not steps:
        return BID_CURVES.empty()
    table = pl.DataFrame(
        steps,
        schema={
            "unit": pl.UInt32,
            "step": pl.Int32,
            "price_eur_per_mwh": pl.Float64,
            "volume_mw": pl.Float64,
        },
        orient="row",
    )
    rows = frame.drop("volume_mw").with_row_index("unit").join(table, on="unit", how="inner")
    return rows.select(BID_CURVES.columns.keys()).cast(BID_CURVES.schema).sort("delivery_start_utc", "step")
