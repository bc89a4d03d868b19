"""The rows of a plan in exclusive groups: its block orders, and what each unit's signal says of them.

Prices are in EUR/MWh, powers in MW.
"""

from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from spot.arrays import Floats, Ints
from spot.contracts.block_tables import BLOCK_ORDERS_OF_A_DAY, REACH_COLUMNS
from spot.market.zones import find_zone
from spot.risk.exposure import Orders
from spot.strategy.blocks.choices import chances
from spot.strategy.blocks.groups import BlockGroup
from spot.strategy.proposals.view import MarketView

_EPSILON = 1e-9
"""MW. A share below it is rounding of the plan and no order."""


def block_frame(
    frame: pl.DataFrame, groups: tuple[BlockGroup, ...], final: Orders, *, price_step: float
) -> pl.DataFrame:
    """Contract `block_orders`: the blocks of the final orders, beside their signals `frame` of P rows.

    All blocks of a group have one limit price, so that the prices of the auction alone choose among them: the
    worst that every unit of the group allows, rounded to the step on the safe side.
    """
    if not groups or final.is_flat:
        return BLOCK_ORDERS_OF_A_DAY.empty()
    paths = -final.scenarios if final.are_paths else final.scenarios[:0]
    parts = [
        _rows(number, group, _limit(group, final.limit_price, price_step), chances(group, paths))
        for number, group in enumerate(groups, start=1)
    ]
    rows = (
        frame.drop("side", "volume_mw", "limit_price_eur_per_mwh", "probability_frac")
        .with_row_index("unit")
        .join(pl.concat(parts), on="unit", how="inner")
    )
    names = BLOCK_ORDERS_OF_A_DAY.columns.keys()
    return (
        rows.select(names)
        .cast(BLOCK_ORDERS_OF_A_DAY.schema)
        .sort("block_group", "block", "delivery_start_utc")
    )


def reach_columns(groups: tuple[BlockGroup, ...], final: Orders) -> dict[str, pl.Series]:
    """The columns of signals that say what the auction may choose; nulls where the orders are single."""
    choices, n_units = final.choices, len(final.exposure_mw)
    if choices is None or final.is_flat:
        return {
            name: pl.Series(name, [None] * n_units, column.dtype) for name, column in REACH_COLUMNS.items()
        }
    return {
        "reach_mw": pl.Series(choices.low_mw + choices.high_mw),
        "reach_value_eur": pl.Series(choices.value_eur),
        "n_blocks": pl.Series(_first_units(groups, n_units), dtype=pl.Int32),
    }


def group_texts(
    texts: tuple[str, ...], groups: tuple[BlockGroup, ...], view: MarketView, paths: Floats
) -> tuple[str, ...]:
    """(P,) the texts of a plan's units, each after what the auction may do there."""
    said = list(texts)
    for number, group in enumerate(groups, start=1):
        sure = chances(group, paths)
        whole = _group_words(number, len(groups), group, view)
        for place, unit in enumerate(range(group.window.start, group.window.stop)):
            inside = group.blocks[:, place] > _EPSILON
            chance = f", chosen on {sure[inside].sum():.0%} of paths" if np.isfinite(sure).all() else ""
            here = f"{inside.sum()} of them trade here{chance}" if inside.any() else "none trades here"
            said[unit] = f"{whole}; {here}; the plan alone: {texts[unit]}"
    return tuple(said)


def _group_words(number: int, n_groups: int, group: BlockGroup, view: MarketView) -> str:
    zone = ZoneInfo(find_zone(view.zone).market_time_zone)
    used = np.flatnonzero(group.blocks.max(axis=0) > _EPSILON) + group.first
    first = view.starts_utc[int(used[0])].astimezone(zone)
    last = view.starts_utc[int(used[-1])].astimezone(zone)
    verb = "buys" if group.side > 0 else "sells"
    n_blocks = len(group.blocks)
    pick = (
        "in the hours of its one block"
        if n_blocks == 1
        else f"and the auction picks one of {n_blocks} blocks"
    )
    return (
        f"group {number} of {n_groups} {verb} {group.blocks[0].sum() * view.hours:g} MWh in units from"
        f" {first:%H:%M} to {last:%H:%M}, {pick}"
    )


def _limit(group: BlockGroup, limit_price: Floats, step: float) -> float:
    used = group.blocks.max(axis=0) > _EPSILON
    inside = limit_price[group.window][used]
    if group.side > 0:
        return float(np.round(np.floor(inside.min() / step + 1e-6) * step, 6))
    return float(np.round(np.ceil(inside.max() / step - 1e-6) * step, 6))


def _rows(number: int, group: BlockGroup, limit: float, sure: Floats) -> pl.DataFrame:
    block, place = np.nonzero(group.blocks > _EPSILON)
    return pl.DataFrame(
        {
            "unit": (place + group.first).astype(np.uint32),
            "block_group": np.full(len(block), number, dtype=np.int32),
            "block": (block + 1).astype(np.int32),
            "side": ["buy" if group.side > 0 else "sell"] * len(block),
            "volume_mw": group.blocks[block, place],
            "limit_price_eur_per_mwh": np.full(len(block), limit),
            "probability_frac": pl.Series(sure[block]).fill_nan(None),
        }
    )


def _first_units(groups: tuple[BlockGroup, ...], n_units: int) -> Ints:
    """(P,) blocks whose first unit is this one."""
    firsts = [group.first + np.argmax(group.blocks > _EPSILON, axis=1) for group in groups]
    return np.bincount(np.concatenate(firsts), minlength=n_units).astype(np.int64)
