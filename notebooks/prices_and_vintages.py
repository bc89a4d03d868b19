"""Prices of a zone, and the vintages of what was known before each gate.

Open it with `spotdesk notebook prices_and_vintages`.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")

with app.setup:
    import marimo as mo
    import matplotlib.pyplot as plt
    import polars as pl
    from matplotlib.figure import Figure

    import spotdesk

    DAYS_SHOWN = 14


@app.function
def price_picture(prices: pl.DataFrame, zone: str) -> Figure:
    """Day-ahead prices of the newest days, in EUR/MWh."""
    days = prices["delivery_day"].unique().sort().tail(DAYS_SHOWN)
    shown = prices.filter(pl.col("delivery_day").is_in(days.implode()))
    figure, axes = plt.subplots(figsize=(9, 3))
    axes.step(shown["delivery_start_utc"].to_list(), shown["price_eur_per_mwh"].to_list(), where="post")
    axes.set(title=f"Day-ahead prices of {zone}", ylabel="EUR/MWh")
    figure.autofmt_xdate()
    return figure


@app.function
def vintage_counts(rows: pl.DataFrame) -> pl.DataFrame:
    """How many vintages the values of a raw table have, and how far the last moved from the first.

    The column of the value is the one whose name ends in `_mw` or `_eur_per_mwh`.
    """
    value = next(name for name in rows.columns if name.endswith(("_mw", "_eur_per_mwh")))
    by_value = rows.sort("available_at_utc").group_by("series", "delivery_start_utc", "source")
    moved = by_value.agg(n_vintages=pl.len(), moved=(pl.col(value).last() - pl.col(value).first()).abs())
    return (
        moved.group_by("series", "n_vintages")
        .agg(values=pl.len(), mean_move=pl.col("moved").mean().round(2))
        .sort("series", "n_vintages")
    )


@app.function
def hours_before_delivery(rows: pl.DataFrame) -> pl.DataFrame:
    """How long before delivery values were known, in hours: the median by series and source."""
    lead = (pl.col("delivery_start_utc") - pl.col("available_at_utc")).dt.total_minutes() / 60
    return rows.group_by("series", "source").agg(hours=lead.median().round(1)).sort("series", "source")


@app.cell
def _():
    desk = spotdesk.open()
    mo.stop(not desk.zones, mo.md("The desk has no prices yet: `spotdesk run` loads them."))
    zone = mo.ui.dropdown(options=list(desk.zones), value=desk.zones[0], label="zone")
    mo.vstack([mo.md("# Prices and vintages"), zone])
    return desk, zone


@app.cell
def _(desk, zone):
    price_picture(desk.prices(zone=zone.value), zone.value)


@app.cell
def _(desk):
    raw = desk.tables().filter("is_raw", "is_there")["table"].to_list()
    table = mo.ui.dropdown(options=raw, value="load_forecasts" if "load_forecasts" in raw else raw[0])
    mo.vstack([mo.md("## One raw table: how often its values were revised, and when they were known"), table])
    return (table,)


@app.cell
def _(desk, table, zone):
    rows = desk.table(table.value, zone=zone.value)
    mo.vstack([vintage_counts(rows), hours_before_delivery(rows)])


if __name__ == "__main__":
    app.run()
