"""Settlement as the strategies need it.

The same `settle`, with the battery's wear and what perfect foresight would have made.
"""

import numpy as np
import polars as pl

from spot.contracts.panel import Floats
from spot.contracts.table import UTC_INSTANT
from spot.errors import ContractError
from spot.risk.fills import settle
from spot.risk.outcomes import align_outcomes
from spot.strategy.proposals.storage import optimise_storage
from spot.strategy.settings import PriceViewSettings, SettlementSpreadSettings, StorageSettings

Settings = SettlementSpreadSettings | StorageSettings | PriceViewSettings


def settle_signals(
    signals: pl.DataFrame,
    outcomes: pl.DataFrame,
    settings: Settings,
    *,
    bid_curves: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Settlements of the signals of one strategy, any zones and days, under contract `settlements`.

    `outcomes` is the frame of `spot.risk.outcomes.build_outcomes`; `bid_curves` are the steps of signals that
    were sent as a curve. Signals without a known price are left out until it is known.

    Raises:
        ContractError: the signals are those of another strategy.
    """
    if signals.filter(pl.col("strategy") != settings.strategy).height:
        raise ContractError(f"settlement: signals of another strategy than {settings.strategy}")
    priced = align_outcomes(outcomes, signals)
    if isinstance(settings, PriceViewSettings):
        priced = _against_the_desks_price(priced, signals)
    perfect = perfect_foresight(priced, settings)
    wear = settings.degradation_eur_per_mwh if isinstance(settings, StorageSettings) else 0.0
    return settle(
        signals,
        priced,
        settings.fees,
        degradation_eur_per_mwh=wear,
        perfect_foresight=perfect,
        bid_curves=bid_curves,
    )


def _against_the_desks_price(priced: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """A price view closes at the price that the desk gave when it decided, whatever it says later."""
    given = signals.select(
        "zone", "delivery_start_utc", reference_price_eur_per_mwh="expected_reference_eur_per_mwh"
    ).unique(["zone", "delivery_start_utc"], maintain_order=True)
    joined = priced.drop("reference_price_eur_per_mwh").join(
        given, on=["zone", "delivery_start_utc"], how="left"
    )
    return joined.select(priced.columns)


def perfect_foresight(outcomes: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """`zone`, `delivery_start_utc`, `perfect_foresight_eur`: net P&L per unit of the best orders, had every price been known.

    For a battery the best plan of each whole day (null on a day with a gap); for a spread the better side at
    full size where it pays, for a block that of its mean.
    """
    parts = [
        _of_day(day.sort("delivery_start_utc"), settings)
        for _, day in outcomes.group_by(["zone", "delivery_day"], maintain_order=True)
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "zone": pl.String,
        "delivery_start_utc": UTC_INSTANT,
        "perfect_foresight_eur": pl.Float64,
    }
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _of_day(day: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    prices, second = (
        day["day_ahead_price_eur_per_mwh"].to_numpy(),
        day["reference_price_eur_per_mwh"].to_numpy(),
    )
    hours, fees = float(day["resolution_minutes"][0]) / 60.0, settings.fees.on(day["delivery_day"][0])
    costs = fees.day_ahead_fee_eur_per_mwh + fees.reference_fee_eur_per_mwh + fees.slippage_eur_per_mwh
    if isinstance(settings, StorageSettings):
        gains = _battery(prices, hours, settings, fees.day_ahead_fee_eur_per_mwh)
    elif isinstance(settings, PriceViewSettings) and settings.product != "mtu":
        gains = _block(second - prices, hours, settings, costs)
    else:
        gains = np.maximum(np.abs(second - prices) - costs, 0.0) * settings.max_mw * hours
    return day.select(
        "zone", "delivery_start_utc", perfect_foresight_eur=pl.Series(gains, dtype=pl.Float64).fill_nan(None)
    )


def _block(gaps: Floats, hours: float, settings: PriceViewSettings, costs: float) -> Floats:
    """The better side of the whole product at full size where its mean `gaps` (P,) pays.

    NaN outside the product.
    """
    inside = np.isfinite(gaps)
    mean = float(gaps[inside].mean()) if inside.any() else 0.0
    worth = np.sign(mean) * gaps - costs if abs(mean) > costs else np.where(inside, 0.0, np.nan)
    return worth * settings.max_mw * hours


def _battery(prices: Floats, hours: float, settings: StorageSettings, fee: float) -> Floats:
    if not np.isfinite(prices).all():
        return np.full(len(prices), np.nan)
    plan = optimise_storage(prices + fee, prices - fee, hours, settings)
    return hours * (
        (plan.discharge_mw - plan.charge_mw) * prices
        - fee * (plan.discharge_mw + plan.charge_mw)
        - settings.degradation_eur_per_mwh * plan.discharge_mw
    )
