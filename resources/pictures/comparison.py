"""Pictures of two model versions side by side; frames in, PNG out."""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def error_by_hour(comparison: pl.DataFrame, *, is_simulated: bool) -> bytes:
    """Mean absolute error of both versions by local hour. `comparison` is under `model_comparisons`."""
    rows = comparison.filter(pl.col("slice") == "hour").sort("label")
    figure, axes = _canvas("mean absolute error by local hour", "EUR/MWh", is_simulated=is_simulated)
    hours = [int(label) for label in rows["label"].to_list()]
    for side, offset in (("a", -0.2), ("b", 0.2)):
        values = rows[f"mae_{side}_eur_per_mwh"].to_list()
        name = rows[f"version_{side}"][0] if rows.height else ""
        axes.bar(
            [hour + offset for hour in hours], values, width=0.4, label=f"{side.upper()}: version {name}"
        )
    axes.set_xlabel("hour")
    axes.legend(frameon=False)
    return _png(figure)


def cumulated_gain(daily: pl.DataFrame, *, is_simulated: bool) -> bytes:
    """Gain of A over B since the first day: error saved (EUR/MWh, summed over days) and P&L (EUR).

    `daily` comes from `daily_comparison`.
    """
    figure, axes = _canvas(
        "gain of A over B, accumulated", "error saved, EUR/MWh x days", is_simulated=is_simulated
    )
    days = daily["delivery_day"].to_list()
    axes.plot(days, (daily["mae_b"] - daily["mae_a"]).cum_sum().to_list(), label="error", color="tab:blue")
    axes.axhline(0.0, color="grey", linewidth=0.8)
    money = (daily["pnl_a"] - daily["pnl_b"]).fill_null(0.0).cum_sum()
    if daily["pnl_a"].null_count() < daily.height:
        right = axes.twinx()
        right.plot(days, money.to_list(), label="money", color="tab:green", linestyle="--")
        right.set_ylabel("P&L, EUR (dashed)")
    figure.autofmt_xdate()
    return _png(figure)


def walk_forward_errors(
    days: Sequence[date],
    losses: Mapping[str, Any],
    *,
    zone: str,
    label: str = "mean absolute error, EUR/MWh",
    is_simulated: bool,
) -> bytes:
    """Loss on each day that a candidate never saw.

    `losses` holds (D,) EUR/MWh by name, NaN where there is none; `label` says what they are.
    """
    figure, axes = _canvas(f"{zone}: walk-forward on untouched days", label, is_simulated=is_simulated)
    for (name, values), style in zip(losses.items(), ("-", "--", ":"), strict=False):
        axes.plot(list(days), values, style, marker="o", markersize=3, label=name)
    axes.legend(frameon=False)
    figure.autofmt_xdate()
    return _png(figure)


def _canvas(title: str, label: str, *, is_simulated: bool) -> tuple[Figure, Any]:
    figure = Figure(figsize=(9.0, 3.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_ylabel(label)
    axes.grid(visible=True, alpha=0.25)
    if is_simulated:
        figure.text(
            0.5,
            0.5,
            "SIMULATED",
            fontsize=44,
            color="grey",
            alpha=0.13,
            ha="center",
            va="center",
            rotation=18,
        )
    return figure, axes


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
