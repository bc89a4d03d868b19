"""Charts of the screen as SVG, drawn here so that the page needs nothing from elsewhere.

Colours come from the style sheet by class, so that light, dark and print have their own. No chart is the only
carrier of a fact: the page has the same as a table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from desk.figures.day import DayFacts
from spot.arrays import Floats
from spot.contracts.forecast_tables import QUANTILE_COLUMNS
from spot.market.clock import QUARTER_MINUTES
from spot.market.zones import find_zone

WIDTH, HEIGHT = 720, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 10, 24
_ORDER_BAND = 30
"""Height of the strip below the prices in which orders stand."""
_BANDS = ((0.025, 0.975, "band95"), (0.1, 0.9, "band80"), (0.25, 0.75, "band50"))
_SHOWN = (0.1, 0.9)
"""Quantiles that the axis has room for; outer ones may reach the price limits."""
_TICK_HOURS = 3
_NEAR_ZERO = 0.5
"""Share of the range of prices within which zero is on the axis; further away it presses the fan flat."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """From instants and prices to the drawing."""

    first: datetime
    last: datetime
    low: float
    high: float

    def x(self, instant: datetime) -> float:
        share = (instant - self.first) / (self.last - self.first)
        return _LEFT + share * (WIDTH - _LEFT - _RIGHT)

    def y(self, price: float) -> float:
        within = min(max(price, self.low), self.high)
        return _TOP + (self.high - within) / (self.high - self.low) * (_floor() - _TOP)


def day_chart(facts: DayFacts, *, label: str, stamp: str = "") -> str:
    """Fan, orders and known prices of a day, in local time; empty where there is no forecast.

    Args:
        facts: the day.
        label: what the drawing shows, for whoever does not see it.
        stamp: words across the drawing that say what it is not.
    """
    if facts.forecast.is_empty():
        return ""
    scale = _scale(facts)
    parts = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        *_grid(scale, ZoneInfo(find_zone(facts.zone).market_time_zone)),
        *(_band(facts.forecast, scale, lower, upper, name) for lower, upper, name in _BANDS),
        *(
            _steps(own, "price_point_eur_per_mwh", scale, "earlier")
            for own in facts.earlier.partition_by("as_of_utc", "data_version", maintain_order=True)
        ),
        *(
            _steps(own, "price_point_eur_per_mwh", scale, "challenger")
            for own in facts.challengers.partition_by("model_version", maintain_order=True)
        ),
        _steps(facts.forecast, "price_point_eur_per_mwh", scale, "forecast"),
        _steps(facts.prices, "price_eur_per_mwh", scale, "outcome"),
        *_orders(facts, scale),
        f'<text class="stamp" x="{_LEFT + 8}" y="{_TOP + 22}">{escape(stamp)}</text>' if stamp else "",
        "</svg>",
    ]
    return "".join(parts)


def _floor() -> float:
    return HEIGHT - _BOTTOM - _ORDER_BAND


def _scale(facts: DayFacts) -> _Scale:
    rows, (lower, upper) = facts.forecast, (QUANTILE_COLUMNS[level] for level in _SHOWN)
    values = np.concatenate([
        rows.select(lower, upper, "price_point_eur_per_mwh").to_numpy().ravel(),
        facts.prices["price_eur_per_mwh"].to_numpy(),
    ])  # fmt: skip
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.08 * max(high - low, 10.0)
    return _Scale(
        rows["delivery_start_utc"][0],
        _ends(rows)[-1],
        0.0 if 0 < low < _NEAR_ZERO * (high - low) else low - room,
        high + room,
    )


def _ends(rows: pl.DataFrame) -> list[datetime]:
    minutes = rows["resolution_minutes"].to_list()
    starts = rows["delivery_start_utc"].to_list()
    return [start + timedelta(minutes=length) for start, length in zip(starts, minutes, strict=True)]


def _corners(rows: pl.DataFrame, column: str, scale: _Scale) -> list[str]:
    """The corners of a line of steps, one level part a unit."""
    spans = zip(rows["delivery_start_utc"].to_list(), _ends(rows), rows[column].to_list(), strict=True)
    return [
        f"{scale.x(instant):.1f},{scale.y(value):.1f}"
        for start, end, value in spans
        for instant in (start, end)
    ]


def _steps(rows: pl.DataFrame, column: str, scale: _Scale, name: str) -> str:
    if rows.is_empty():
        return ""
    return f'<polyline class="{name}" points="{" ".join(_corners(rows, column, scale))}"/>'


def _band(rows: pl.DataFrame, scale: _Scale, lower: float, upper: float, name: str) -> str:
    there = _corners(rows, QUANTILE_COLUMNS[upper], scale)
    back = _corners(rows, QUANTILE_COLUMNS[lower], scale)[::-1]
    return f'<polygon class="{name}" points="{" ".join([*there, *back])}"/>'


def _grid(scale: _Scale, clock: ZoneInfo) -> list[str]:
    lines = []
    for price in _ticks(scale.low, scale.high):
        y = scale.y(price)
        lines.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        lines.append(
            f'<text class="tick" x="{_LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{price:,.0f}</text>'
        )
    instant = scale.first
    while instant < scale.last:
        local = instant.astimezone(clock)
        if local.minute == 0 and local.hour % _TICK_HOURS == 0:
            x = scale.x(instant)
            lines.append(
                f'<text class="tick" x="{x:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{local:%H:%M}</text>'
            )
        instant += timedelta(minutes=QUARTER_MINUTES)
    return lines


def _ticks(low: float, high: float) -> Floats:
    """Round prices within the axis, about five."""
    rough = (high - low) / 5
    magnitude = 10.0 ** np.floor(np.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 5, 10) if magnitude * factor >= rough)
    return np.arange(np.ceil(low / step) * step, high, step)


def _orders(facts: DayFacts, scale: _Scale) -> list[str]:
    """A bar for each unit with an order: up is a buy, down a sell, as high as its power."""
    if facts.orders.is_empty():
        return []
    clock = ZoneInfo(find_zone(facts.zone).market_time_zone)
    middle, half = _floor() + _ORDER_BAND / 2 + 2, _ORDER_BAND / 2 - 2
    largest = max(_power(facts.orders))
    rest = f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{middle:.1f}" y2="{middle:.1f}"/>'
    return [rest, *(_bar(unit, scale, clock, middle, half / largest) for unit in _units(facts.orders))]


def _power(orders: pl.DataFrame) -> Sequence[float]:
    return [abs(unit["net_mw"]) for unit in _units(orders)] or [1.0]


def _units(orders: pl.DataFrame) -> list[dict[str, Any]]:
    """Orders of each unit added over strategies, with their words."""
    signed = pl.when(pl.col("side") == "buy").then("volume_mw").otherwise(-pl.col("volume_mw"))
    words = pl.format("{} {} {} MW: {}", "strategy", "side", pl.col("volume_mw").round(2), "reasons")
    rows = orders.group_by("delivery_start_utc", "resolution_minutes", maintain_order=True).agg(
        net_mw=signed.sum(), words=words.str.join("; ")
    )
    return rows.filter(pl.col("net_mw") != 0.0).to_dicts()


def _bar(unit: dict[str, Any], scale: _Scale, clock: ZoneInfo, middle: float, per_mw: float) -> str:
    start, net, minutes = unit["delivery_start_utc"], unit["net_mw"], unit["resolution_minutes"]
    left, right = scale.x(start), scale.x(start + timedelta(minutes=minutes))
    height = max(2.0, abs(net) * per_mw)
    top, side = (middle - height, "buy") if net > 0 else (middle, "sell")
    words = f"{start.astimezone(clock):%H:%M} {side} {abs(net):,.2f} MW. {unit['words']}"
    width = max(right - left - 0.6, 1.0)
    return (
        f'<rect class="order {side}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
        f' data-words="{escape(words)}"><title>{escape(words)}</title></rect>'
    )
