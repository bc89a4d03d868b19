"""Settlement of strategies' signals.

It is `settle` with the wear of a physical asset and the P&L of perfect foresight.
"""

import polars as pl

from spot.arrays import Floats
from spot.contracts.table import UTC_INSTANT
from spot.errors import ContractError
from spot.risk.fills import settle
from spot.risk.outcomes import IMBALANCE, LONG_PRICE, SHORT_PRICE, align_outcomes
from spot.strategy.blocks.execution import executed, whole_groups
from spot.strategy.interface import PricedDay, Strategy


def settle_signals(
    signals: pl.DataFrame,
    outcomes: pl.DataFrame,
    strategy: Strategy,
    *,
    bid_curves: pl.DataFrame | None = None,
    block_orders: pl.DataFrame | None = None,
    reported: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Settlements of the signals of one strategy, any zones and days, under contract `settlements`.

    `outcomes` is the frame of `spot.risk.outcomes.build_outcomes`. `bid_curves` are the steps of signals that
    were sent as a curve, `block_orders` the blocks of those in exclusive groups, whose fills are simulated by
    the strategy's `fill_rules`. `reported` is what the exchange executed (`REPORTED_SCHEMA`), and takes the
    place of simulated fills. Signals without a known price are left out until it is known.

    Raises:
        ContractError: the signals are those of another strategy.
    """
    if signals.filter(pl.col("strategy") != strategy.strategy).height:
        raise ContractError(f"settlement: signals of another strategy than {strategy.strategy}")
    if block_orders is not None:
        signals, block_orders = whole_groups(signals, block_orders)
    priced = align_outcomes(outcomes, signals)
    if strategy.closes_at_desk_price:
        priced = _against_the_desks_price(priced, signals)
    fills = None if block_orders is None else executed(signals, block_orders, priced, strategy.fill_rules)
    return settle(
        signals,
        priced,
        strategy.fees,
        degradation_eur_per_mwh=strategy.wear_eur_per_mwh,
        perfect_foresight=perfect_foresight(priced, strategy),
        bid_curves=bid_curves,
        executed=fills,
        reported=reported,
    )


def _against_the_desks_price(priced: pl.DataFrame, signals: pl.DataFrame) -> pl.DataFrame:
    """A price view closes at the price that the desk gave when it decided, even if it was changed later."""
    given = signals.select(
        "zone", "delivery_start_utc", reference_price_eur_per_mwh="expected_reference_eur_per_mwh"
    ).unique(["zone", "delivery_start_utc"], maintain_order=True)
    joined = priced.drop("reference_price_eur_per_mwh").join(
        given, on=["zone", "delivery_start_utc"], how="left"
    )
    return joined.select(priced.columns)


def perfect_foresight(outcomes: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    """The P&L of the strategy's best orders if every price had been known.

    Columns are `zone`, `delivery_start_utc` and `perfect_foresight_eur`: net P&L per unit, null where it is
    undefined.
    """
    parts = [
        _of_day(day.sort("delivery_start_utc"), strategy)
        for _, day in outcomes.group_by(["zone", "delivery_day"], maintain_order=True)
    ]
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "zone": pl.String,
        "delivery_start_utc": UTC_INSTANT,
        "perfect_foresight_eur": pl.Float64,
    }
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def _second(day: pl.DataFrame, strategy: Strategy) -> Floats:
    """(P,) the second price of the better direction, where an area settles the two at two prices.

    Between the two prices neither direction gains, so the day-ahead price stands for both.
    """
    if LONG_PRICE not in day.columns or strategy.settled_against not in IMBALANCE:
        return day["reference_price_eur_per_mwh"].to_numpy()
    auction, long, short = pl.col("day_ahead_price_eur_per_mwh"), pl.col(LONG_PRICE), pl.col(SHORT_PRICE)
    buying, selling = long - auction, auction - short
    best = pl.when((buying >= selling) & (buying > 0)).then(long).when(selling > 0).then(short)
    known = pl.when(long.is_not_null() & short.is_not_null()).then(best.otherwise(auction))
    return day.select(known.fill_null(float("nan"))).to_series().to_numpy()


def _of_day(day: pl.DataFrame, strategy: Strategy) -> pl.DataFrame:
    gains = strategy.perfect_foresight_eur(
        PricedDay(
            delivery_day=day["delivery_day"][0],
            hours=float(day["resolution_minutes"][0]) / 60.0,
            day_ahead=day["day_ahead_price_eur_per_mwh"].to_numpy(),
            second=_second(day, strategy),
        )
    )
    return day.select(
        "zone", "delivery_start_utc", perfect_foresight_eur=pl.Series(gains, dtype=pl.Float64).fill_nan(None)
    )
