"""A model trained on this desk's rows, compared with the champion on the same days.

Open it with `spotdesk notebook train_and_compare`. Nothing is registered: `spotdesk retrain` does that.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")

with app.setup:
    from datetime import date, timedelta

    import marimo as mo
    import polars as pl

    import spotdesk
    from spotdesk.study import walk


@app.function
def compared(desk: spotdesk.Desk, zone: str, profile: str, first: date, last: date) -> pl.DataFrame:
    """Error and coverage of a profile and of the champion, in EUR/MWh, on days that both have forecast.

    The profile learns from days before the first only. The champion may have learnt from some of the days:
    `desk.models` says through which day.
    """
    champion = desk.forecasts(zone=zone, first_day=first, last_day=last, role="champion")
    champion = champion.drop_nulls("price_eur_per_mwh")
    known = champion.select("zone", "delivery_start_utc", "price_eur_per_mwh").unique("delivery_start_utc")
    own = walk(desk, zone, profile, first_day=first, last_day=last).forecasts
    rows = [scored(own.join(known, on=["zone", "delivery_start_utc"]), profile), scored(champion, "champion")]
    both: pl.DataFrame = pl.concat(rows)
    return both


@app.function
def scored(rows: pl.DataFrame, who: str) -> pl.DataFrame:
    """Mean absolute error of the point forecast, and coverage of the 80 % interval."""
    price = pl.col("price_eur_per_mwh")
    return rows.select(
        who=pl.lit(who),
        n_units=pl.len(),
        mae_eur_per_mwh=(pl.col("price_point_eur_per_mwh") - price).abs().mean().round(3),
        coverage_80_frac=price.is_between("price_q100_eur_per_mwh", "price_q900_eur_per_mwh").mean().round(3),
    )


@app.cell
def _():
    desk = spotdesk.open()
    zones = desk.forecasts(role="champion")["zone"].unique().sort().to_list()
    mo.stop(not zones, mo.md("There is no champion yet: `spotdesk run` trains the first."))
    zone = mo.ui.dropdown(options=zones, value=zones[0], label="zone")
    profile = mo.ui.text(value="naive", label="profile in conf/models")
    n_days = mo.ui.slider(3, 60, value=7, label="newest days")
    mo.vstack([mo.md("# Train a model and compare it with the champion"), zone, profile, n_days])
    return desk, n_days, profile, zone


@app.cell
def _(desk, zone):
    desk.models(zone=zone.value).select(
        "model_name", "version", "stage", "trained_from", "trained_through", "serves_from", "cause"
    )


@app.cell
def _(desk, n_days, profile, zone):
    told = desk.forecasts(zone=zone.value, role="champion").drop_nulls("price_eur_per_mwh")
    last = told["delivery_day"].max()
    first = max(told["delivery_day"].min(), last - timedelta(days=n_days.value - 1))
    compared(desk, zone.value, profile.value, first, last)


if __name__ == "__main__":
    app.run()
