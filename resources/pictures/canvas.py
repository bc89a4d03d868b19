"""What pictures share: figure, colours, time axis, and a picture that says why there is no data."""

import io
from collections.abc import Callable
from typing import Any

import polars as pl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from spot.contracts.lineage import sources_of
from spot.contracts.vintages import newest_vintage

BLUE, ORANGE, GREEN, VERMILION, GREY, BLACK = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#7A7A7A", "#1A1A1A"
"""The colours of Okabe and Ito, which colour-blind readers can distinguish."""
PRICE_KEY = ["zone", "delivery_start_utc"]


def outcomes(prices: pl.DataFrame) -> pl.DataFrame:
    """The newest known price of each period."""
    newest = newest_vintage(prices, by=PRICE_KEY).select(*PRICE_KEY, outcome="price_eur_per_mwh")
    return newest.with_columns(pl.col("delivery_start_utc").dt.cast_time_unit("us"))


def canvas(
    title: str, y_label: str, data: pl.DataFrame, *, width: float = 9.0, height: float = 4.2
) -> tuple[Any, Callable[[], bytes]]:
    """Axes, and the function that turns the finished figure into PNG bytes."""
    figure = Figure(figsize=(width, height), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_ylabel(y_label)
    axes.grid(visible=True, alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    if any(source.is_simulated for source in sources_of(data)):
        figure.text(
            0.5, 0.5, "SIMULATED", fontsize=44, color=GREY, alpha=0.13, ha="center", va="center", rotation=18
        )

    def done() -> bytes:
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        return buffer.getvalue()

    return axes, done


def time_axis(axes: Any, label: str) -> None:
    """Dates along the x axis, as few as fit."""
    locator = AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.set_xlabel(label)
    axes.legend(fontsize=8, frameon=False, ncols=4, loc="best")


def blank(title: str, text: str) -> bytes:
    """A picture that says why there is nothing to show, as PNG bytes."""
    axes, done = canvas(title, "", pl.DataFrame({"source": []}, schema={"source": pl.String}), height=2.0)
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
    return done()
