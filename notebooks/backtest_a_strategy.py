"""A strategy traded over past days of this desk, beside naive rivals.

Open it with `spotdesk notebook backtest_a_strategy`. `spotdesk backtest` has the whole report.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")

with app.setup:
    from datetime import timedelta

    import marimo as mo
    import matplotlib.pyplot as plt
    import polars as pl
    from matplotlib.figure import Figure

    import spotdesk
    from spot.backtest.judged import JudgedStrategy
    from spotdesk.study import backtest, walk


@app.function
def figures(judged: JudgedStrategy) -> pl.DataFrame:
    """Net P&L, perfect foresight and hit rate of the strategy and of each rival, in EUR."""
    found = {judged.strategy.label: judged.settlements, **judged.rivals}
    rows = [
        {
            "who": name,
            "n_days": rows["delivery_day"].n_unique(),
            "pnl_eur": rows["pnl_eur"].sum(),
            "perfect_foresight_eur": rows["perfect_foresight_eur"].sum(),
            "days_with_a_gain_frac": rows.group_by("delivery_day")
            .agg(pl.col("pnl_eur").sum())
            .select((pl.col("pnl_eur") > 0).mean())
            .item(),
        }
        for name, rows in found.items()
    ]
    return pl.DataFrame(rows).with_columns(pl.selectors.float().round(2))


@app.function
def running_money(judged: JudgedStrategy) -> Figure:
    """Running net P&L of the strategy and of its rivals, in EUR."""
    figure, axes = plt.subplots(figsize=(9, 3))
    for name, rows in {judged.strategy.label: judged.settlements, **judged.rivals}.items():
        daily = rows.group_by("delivery_day").agg(pl.col("pnl_eur").sum()).sort("delivery_day")
        axes.plot(daily["delivery_day"].to_list(), daily["pnl_eur"].cum_sum().to_list(), label=name)
    axes.set(ylabel="EUR")
    axes.legend()
    figure.autofmt_xdate()
    return figure


@app.cell
def _():
    desk = spotdesk.open()
    mo.stop(not desk.zones, mo.md("The desk has no prices yet: `spotdesk run` loads them."))
    zone = mo.ui.dropdown(options=list(desk.zones), value=desk.zones[0], label="zone")
    profile = mo.ui.text(value="naive", label="profile in conf/models")
    strategy = mo.ui.text(value="storage", label="file in conf/strategies")
    n_days = mo.ui.slider(3, 90, value=7, label="newest days")
    mo.vstack([mo.md("# Backtest a strategy"), zone, profile, strategy, n_days])
    return desk, n_days, profile, strategy, zone


@app.cell
def _(desk, n_days, profile, strategy, zone):
    last = desk.prices(zone=zone.value)["delivery_day"].max()
    data = walk(
        desk, zone.value, profile.value, first_day=last - timedelta(days=n_days.value - 1), last_day=last
    )
    judged = backtest(desk, data, [strategy.value])
    mo.stop(not judged, mo.md("No day can be judged: the prices that settle this strategy are missing."))
    return (judged,)


@app.cell
def _(judged):
    mo.vstack([mo.md(f"Verdict: **{judged[0].verdict}**"), figures(judged[0]), running_money(judged[0])])


if __name__ == "__main__":
    app.run()
