"""What the ledger knew at an instant, and what became known afterwards.

Open it with `spotdesk notebook ask_as_of`.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium")

with app.setup:
    from datetime import datetime, timedelta

    import marimo as mo
    import polars as pl

    import spotdesk


@app.function
def known_and_later(desk: spotdesk.Desk, zone: str, instant: datetime) -> pl.DataFrame:
    """For each raw table: values known at the instant, later vintages of these, and values that came later.

    `newest_known` is when the newest of the known values became known.
    """
    found = []
    for name in desk.tables().filter("is_raw", "is_there")["table"]:
        rows = desk.table(name, zone=zone)
        known = desk.table(name, zone=zone, as_of=instant)
        value = [
            column for column in ("zone", "series", "delivery_start_utc", "source") if column in rows.columns
        ]
        later = rows.filter(pl.col("available_at_utc") > instant)
        found.append(
            {
                "table": name,
                "known": known.height,
                "revised_later": later.join(known, on=value, how="semi").height,
                "came_later": later.join(known, on=value, how="anti").height,
                "newest_known": known["available_at_utc"].max(),
            }
        )
    return pl.DataFrame(found)


@app.function
def day_before_the_newest(prices: pl.DataFrame) -> datetime:
    """A day before the newest price became known."""
    newest: datetime = prices["available_at_utc"].sort().to_list()[-1]
    return newest - timedelta(days=1)


@app.cell
def _():
    desk = spotdesk.open()
    mo.stop(not desk.zones, mo.md("The desk has no prices yet: `spotdesk run` loads them."))
    zone = mo.ui.dropdown(options=list(desk.zones), value=desk.zones[0], label="zone")
    instant = mo.ui.text(
        value=day_before_the_newest(desk.prices()).isoformat(), label="instant", full_width=True
    )
    mo.vstack([mo.md("# What was known at an instant"), zone, instant])
    return desk, instant, zone


@app.cell
def _(desk, instant, zone):
    known_and_later(desk, zone.value, datetime.fromisoformat(instant.value))


@app.cell
def _(desk, instant, zone):
    mo.vstack(
        [
            mo.md("## The newest forecasts that existed then, beside the prices that were known then"),
            desk.forecasts(zone=zone.value, as_of=instant.value).tail(96),
        ]
    )


if __name__ == "__main__":
    app.run()
