"""Where the money of one day was lost: the forecast, the orders, the prices and the settlement.

Open it with `spotdesk notebook a_lost_day`.
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

    WORST_DAYS, WORST_UNITS = 20, 12


@app.function
def worst_days(desk: spotdesk.Desk, zone: str) -> pl.DataFrame:
    """Days of the zone by net P&L over all strategies, the worst first."""
    money = desk.money(zone=zone).group_by("delivery_day").agg(pl.col("pnl_eur").sum().round(2))
    return money.sort("pnl_eur").head(WORST_DAYS)


@app.function
def fan(desk: spotdesk.Desk, zone: str, day: str) -> Figure:
    """The forecast of a day with its 80 % interval, the price that came, and the orders below."""
    forecast = desk.forecasts(zone=zone, first_day=day, last_day=day, role="champion")
    signals = desk.signals(zone=zone, first_day=day, last_day=day).filter(pl.col("side") != "flat")
    figure, (above, below) = plt.subplots(2, 1, figsize=(9, 5), sharex=True, height_ratios=(3, 1))
    start = forecast["delivery_start_utc"].to_list()
    low, high = (forecast[f"price_q{level}_eur_per_mwh"].to_list() for level in ("100", "900"))
    above.fill_between(start, low, high, alpha=0.3, step="post", label="80 % interval")
    above.step(start, forecast["price_q500_eur_per_mwh"].to_list(), where="post", label="median")
    above.step(start, forecast["price_eur_per_mwh"].to_list(), where="post", color="black", label="price")
    above.set(title=f"{zone}, {day}", ylabel="EUR/MWh")
    above.legend()
    power = signals.select(
        "delivery_start_utc",
        mw=pl.when(pl.col("side") == "buy").then(pl.col("volume_mw")).otherwise(-pl.col("volume_mw")),
    )
    below.bar(power["delivery_start_utc"].to_list(), power["mw"].to_list(), width=0.03)
    below.set(ylabel="MW, buys up")
    figure.autofmt_xdate()
    return figure


@app.function
def worst_units(desk: spotdesk.Desk, zone: str, day: str) -> pl.DataFrame:
    """The units that lost most, with what was expected, what came, and the reasons of the order."""
    settled = desk.table("settlements", zone=zone, first_day=day, last_day=day)
    signals = desk.signals(zone=zone, first_day=day, last_day=day)
    told = signals.select("signal_id", "expected_price_eur_per_mwh", "limit_price_eur_per_mwh", "reasons")
    shown = settled.filter(pl.col("role") == "champion").select(
        *("signal_id", "strategy", "delivery_start_utc", "side", "volume_mw", "day_ahead_price_eur_per_mwh"),
        *("reference_price_eur_per_mwh", "gross_pnl_eur", "pnl_eur"),
    )
    return shown.sort("pnl_eur").head(WORST_UNITS).join(told, on="signal_id", how="left").drop("signal_id")


@app.cell
def _():
    desk = spotdesk.open()
    zones = desk.money()["zone"].unique().sort().to_list()
    mo.stop(
        not zones, mo.md("Nothing is settled yet: `spotdesk run` settles a day once its prices are known.")
    )
    zone = mo.ui.dropdown(options=zones, value=zones[0], label="zone")
    mo.vstack([mo.md("# A lost day"), zone])
    return desk, zone


@app.cell
def _(desk, zone):
    days = worst_days(desk, zone.value)
    names = [str(day) for day in days["delivery_day"]]
    day = mo.ui.dropdown(options=names, value=names[0], label="day")
    mo.vstack([days, day])
    return (day,)


@app.cell
def _(day, desk, zone):
    fan(desk, zone.value, day.value)


@app.cell
def _(day, desk, zone):
    worst_units(desk, zone.value, day.value)


@app.cell
def _(day, desk, zone):
    limits = desk.table("risk_events", zone=zone.value, first_day=day.value, last_day=day.value)
    mo.vstack([mo.md("## Limits that changed the orders of this day"), limits])


if __name__ == "__main__":
    app.run()
