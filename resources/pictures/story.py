"""The picture of a model's life in one zone: errors of the champion and its challengers, with dates on it."""

from datetime import date
from typing import Any

import numpy as np
import polars as pl

from resources.pictures.canvas import BLACK, BLUE, GREEN, GREY, ORANGE, VERMILION, blank, canvas, time_axis

Marks = dict[str, date]
"""Label of a mark to its day."""


def mark_days(axes: Any, marks: Marks) -> None:
    """Vertical lines at days, each with its label beside it, so that no label hides another."""
    if not marks:
        return
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.35 * (high - low))
    top, step = axes.get_ylim()[1], 0.06 * (high - low)
    for position, (label, day) in enumerate(sorted(marks.items(), key=lambda mark: mark[1])):
        axes.axvline(np.datetime64(day), color=BLACK, lw=1.0, ls=("--", ":", "-.")[position % 3])
        axes.annotate(
            f"{day:%d %b}: {label}",
            (np.datetime64(day), top - step * (position % 5)),
            fontsize=8,
            xytext=(3, -2),
            textcoords="offset points",
            va="top",
        )


def errors_of_versions(daily_errors: pl.DataFrame, marks: Marks) -> bytes:
    """Error of every version of one zone, mean of three days: solid while it serves, dotted in the shadow.

    `daily_errors` has `zone`, `delivery_day`, `role`, `model_version`, `mae_eur_per_mwh`, `source`.
    """
    if daily_errors.is_empty():
        return blank("Error of each version", "no forecast with an outcome yet")
    zone = daily_errors["zone"][0]
    axes, done = canvas(
        f"{zone}: forecast error of each version, mean of three days", "EUR/MWh", daily_errors
    )
    by_version = daily_errors.sort(pl.col("model_version").cast(pl.Int64, strict=False), "delivery_day")
    versions = by_version["model_version"].unique(maintain_order=True).to_list()
    colours = dict(zip(versions, (BLUE, GREY, GREEN, ORANGE, VERMILION) * 9, strict=False))
    for group in by_version.partition_by("model_version", "role", maintain_order=True):
        version, serves = group["model_version"][0], group["role"][0] == "champion"
        axes.plot(
            group["delivery_day"].to_numpy(),
            group["mae_eur_per_mwh"].rolling_mean(3, min_samples=1),
            "-" if serves else ":",
            color=colours[version],
            lw=2.0 if serves else 1.6,
            label=f"v{version}, {'serving' if serves else 'in shadow'}",
        )
    axes.set_ylim(bottom=0.0)
    mark_days(axes, marks)
    time_axis(axes, "delivery day")
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper left")
    return done()
