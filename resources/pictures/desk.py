"""Pictures of forecasts, P&L, drift and calibration: frames under contract in, PNG bytes out.

Assets (inline metadata), the demo and reports use them, so a picture looks the same everywhere. Colours are
those of Okabe and Ito (readable with any colour vision) and never the only carrier of meaning. Pictures of
simulated data say so. Figures are made without pyplot, so there is no global state and no display.
"""

from typing import Any

import numpy as np
import polars as pl

from resources.pictures.canvas import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PRICE_KEY,
    VERMILION,
    blank,
    canvas,
    outcomes,
    time_axis,
)
from resources.pictures.story import Marks, mark_days
from spot.contracts.forecast_tables import QUANTILE_COLUMNS

MAX_DRIFT_BARS = 18
"""Chosen by hand: more bars have labels too small to read."""
MAX_FAN_DAYS = 7
"""Chosen by hand: a week; hours of more days cannot be told apart in a picture of this width."""
_BANDS = ((0.025, 0.975, "95 %", 0.16), (0.1, 0.9, "80 %", 0.28), (0.25, 0.75, "50 %", 0.45))


def forecast_fan(forecasts: pl.DataFrame, prices: pl.DataFrame) -> bytes:
    """Quantile bands and median of the champion, with the outcome where it is known.

    The newest seven days of one zone.

    `forecasts` is under `day_ahead_forecasts`, `prices` under `day_ahead_prices`.
    """
    champion = forecasts.filter(pl.col("role") == "champion")
    if champion.is_empty():
        return blank("Forecast of the day-ahead price", "no forecast yet")
    zone, last_day = champion["zone"][0], champion["delivery_day"].max()
    shown = champion.filter(
        pl.col("zone") == zone, pl.col("delivery_day") > pl.lit(last_day).dt.offset_by(f"-{MAX_FAN_DAYS}d")
    )
    both = shown.join(outcomes(prices), on=PRICE_KEY, how="left").sort("delivery_start_utc")
    axes, done = canvas(f"{zone}: day-ahead price forecast to {last_day!s}, champion", "EUR/MWh", both)
    times = both["delivery_start_utc"].to_numpy()
    for lower, upper, label, alpha in _BANDS:
        axes.fill_between(
            times,
            both[QUANTILE_COLUMNS[lower]],
            both[QUANTILE_COLUMNS[upper]],
            step="post",
            color=BLUE,
            alpha=alpha,
            lw=0,
            label=f"{label} interval",
        )
    axes.step(
        times, both["price_point_eur_per_mwh"], where="post", color=BLUE, lw=1.4, ls="--", label="forecast"
    )
    # Outer tails may reach the price limits; the picture is for the prices around them.
    shown_values = both.select(QUANTILE_COLUMNS[0.1], QUANTILE_COLUMNS[0.9], "outcome").drop_nulls(
        QUANTILE_COLUMNS[0.1]
    )
    low, high = (np.nanmin(shown_values.to_numpy()), np.nanmax(shown_values.to_numpy()))
    axes.set_ylim(low - 0.15 * max(high - low, 10.0), high + 0.30 * max(high - low, 10.0))
    if both["outcome"].is_not_null().any():
        axes.step(times, both["outcome"], where="post", color=BLACK, lw=1.4, label="outcome")
    time_axis(axes, "delivery start, UTC")
    return done()


def pnl_curve(settlements: pl.DataFrame, *, marks: Marks | None = None) -> bytes:
    """Accumulated net P&L per zone and role against delivery day, and perfect foresight's share in the title.

    `settlements` is under its contract; `marks` is label to day.
    """
    if settlements.is_empty():
        return blank("Profit and loss", "nothing settled yet")
    daily = (
        settlements.group_by("zone", "role", "delivery_day")
        .agg(pl.col("pnl_eur", "perfect_foresight_eur").sum())
        .sort("delivery_day")
    )
    traded = daily.filter(pl.col("role") == "champion")
    best, made = (float(traded[name].sum()) for name in ("perfect_foresight_eur", "pnl_eur"))
    share = f", {made / best:.1%} of perfect foresight" if best > 0 else ""
    axes, done = canvas(f"P&L after costs, champion: {made:,.0f} EUR{share}", "EUR, accumulated", settlements)
    axes.axhline(0.0, color=GREY, lw=0.8)
    colours = dict(
        zip(
            daily["zone"].unique(maintain_order=True),
            (BLUE, ORANGE, GREEN, VERMILION, GREY) * 6,
            strict=False,
        )
    )
    for group in daily.partition_by("zone", "role", maintain_order=True):
        zone, role = str(group["zone"][0]), str(group["role"][0])
        style = "-" if role == "champion" else ":"
        axes.plot(
            group["delivery_day"].to_numpy(),
            group["pnl_eur"].cum_sum(),
            style,
            color=colours[zone],
            lw=1.6,
            label=f"{zone} {role}",
        )
    mark_days(axes, marks or {})
    time_axis(axes, "delivery day")
    return done()


def drift_by_feature(drift: pl.DataFrame, *, source: str = "") -> bytes:
    """Distance over its threshold, per feature, on the newest judged day of each zone.

    `drift` is under `feature_drift`; `source` is the source of its data.
    """
    judged = drift.filter(pl.col("value").is_not_null(), pl.col("threshold") > 0)
    if judged.is_empty():
        return blank("Drift by feature", "no feature could be judged")
    newest = judged.filter(pl.col("delivery_day") == pl.col("delivery_day").max().over("zone"))
    bars = (
        newest.with_columns(ratio=pl.col("value") / pl.col("threshold"))
        .sort("ratio", descending=True)
        .head(MAX_DRIFT_BARS)
        .reverse()
    )
    several = bars["zone"].n_unique() > 1
    names = [
        f"{row['zone']} {row['feature']}" if several else str(row["feature"])
        for row in bars.iter_rows(named=True)
    ]
    who = " and ".join(sorted(set(bars["zone"])))
    axes, done = canvas(
        f"{who}: drift by feature on {bars['delivery_day'].max()!s}",
        "",
        bars.with_columns(source=pl.lit(source)),
        height=1.6 + 0.24 * len(names),
    )
    is_alert = (bars["status"] == "alert").to_numpy()
    places = np.arange(len(names))
    for chosen, colour, hatch, label in (
        (~is_alert, BLUE, "", "within"),
        (is_alert, VERMILION, "//", "alert"),
    ):
        if chosen.any():
            axes.barh(
                places[chosen],
                bars["ratio"].to_numpy()[chosen],
                color=colour,
                hatch=hatch,
                edgecolor="white",
                label=label,
            )
    axes.axvline(1.0, color=BLACK, lw=1.2, ls="--", label="threshold")
    axes.set_yticks(places, names, fontsize=8)
    axes.set_xlabel("distance from days of the same season, as a multiple of the threshold")
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    return done()


def calibration(forecasts: pl.DataFrame, prices: pl.DataFrame) -> bytes:
    """Share of outcomes below each quantile against its level. On the diagonal, the probabilities are right.

    It shows the champion, per zone.
    """
    champion = forecasts.filter(pl.col("role") == "champion")
    both = champion.join(outcomes(prices), on=PRICE_KEY, how="inner")
    if both.is_empty():
        return blank("Calibration of the quantiles", "no forecast with an outcome yet")
    n_days = both["delivery_day"].n_unique()
    axes, done = canvas(
        f"Calibration over {n_days} days, champion", "share of outcomes below, %", both, width=5.4, height=5.0
    )
    axes.plot([0, 100], [0, 100], color=GREY, lw=1.0, ls="--", label="honest")
    levels = [100 * level for level in QUANTILE_COLUMNS]
    for group in both.partition_by("zone", maintain_order=True):
        below = [
            100 * float(np.mean(group["outcome"].to_numpy() <= group[column].to_numpy()))
            for column in QUANTILE_COLUMNS.values()
        ]
        axes.plot(levels, below, "o-", lw=1.4, ms=5, label=str(group["zone"][0]))
    axes.set_xlabel("quantile level, %")
    axes.legend(fontsize=8, frameon=False)
    return done()


def error_over_time(daily_errors: pl.DataFrame, *, marks: dict[str, Any] | None = None) -> bytes:
    """Mean absolute error per day, seven-day mean, with vertical marks at named days.

    `daily_errors` has `zone`, `delivery_day`, `mae_eur_per_mwh`, `source`; `marks` is label to date.
    """
    if daily_errors.is_empty():
        return blank("Forecast error", "no forecast with an outcome yet")
    axes, done = canvas("Forecast error, champion, seven-day mean", "MAE, EUR/MWh", daily_errors)
    zones = daily_errors.sort("delivery_day").partition_by("zone", maintain_order=True)
    for group, colour in zip(zones, (BLUE, ORANGE, GREEN) * 9, strict=False):
        smooth = group["mae_eur_per_mwh"].rolling_mean(7, min_samples=1)
        axes.plot(group["delivery_day"].to_numpy(), smooth, color=colour, lw=1.6, label=str(group["zone"][0]))
    top = axes.get_ylim()[1]
    for position, (label, day) in enumerate((marks or {}).items()):
        axes.axvline(np.datetime64(day), color=BLACK, lw=1.0, ls=("--", ":", "-.")[position % 3])
        axes.annotate(
            label,
            (np.datetime64(day), top * (0.98 - 0.07 * (position % 4))),
            fontsize=8,
            xytext=(3, 0),
            textcoords="offset points",
            va="top",
        )
    time_axis(axes, "delivery day")
    return done()


def publication_lags(lags: pl.DataFrame) -> bytes:
    """When each series was first seen against its due time by rule.

    Median, and the range from the 10th to the 90th percentile of days.
    """
    if lags.is_empty():
        return blank(
            "Publication against the rule", "nothing captured yet: history is dated by the rule itself"
        )
    lag = pl.col("lag_minutes")
    series = (
        lags.group_by("zone", "source", "table_name", "series")
        .agg(
            low=lag.quantile(0.1, "nearest"),
            mid=lag.median(),
            high=lag.quantile(0.9, "nearest"),
            n_days=pl.len(),
        )
        .sort("zone", "source", "table_name", "series")
    )
    axes, done = canvas(
        "First seen, minutes after due by the publication rule", "", lags, height=1.2 + 0.32 * series.height
    )
    at = np.arange(series.height)[::-1]
    axes.hlines(at, series["low"].to_numpy(), series["high"].to_numpy(), color=BLUE, lw=3, alpha=0.5)
    axes.plot(series["mid"].to_numpy(), at, "o", color=BLUE, ms=6)
    axes.axvline(0.0, color=BLACK, lw=1.0, ls="--")
    # Two tables may have a series of the same name: load, wind and solar are forecast and measured.
    names = (
        series.select(
            pl.format("{}  {}  {}, {} ({} days)", "zone", "source", "table_name", "series", "n_days")
        )
        .to_series()
        .to_list()
    )
    axes.set_yticks(at, names, fontsize=8)
    axes.set_xlabel("minutes; left of the line is early")
    return done()


def contributions(reasons: pl.DataFrame, what: str = "the forecast") -> bytes:
    """Mean contribution of each family of inputs to the forecast of a day, EUR/MWh.

    `reasons` is under `signal_reasons`, of one thing explained.
    """
    moved = reasons.filter(pl.col("contribution_eur_per_mwh") != 0.0)
    if moved.is_empty():
        return blank(f"What moved {what}", "nothing to explain")
    bars = (
        moved.group_by("feature")
        .agg(pl.col("contribution_eur_per_mwh").mean())
        .sort(pl.col("contribution_eur_per_mwh").abs())
    )
    title = f"{moved['zone'][0]} {moved['delivery_day'].max()!s}: what moved {what}"
    axes, done = canvas(title, "", pl.DataFrame({"source": ["lake"]}), height=1.6 + 0.3 * bars.height)
    values = bars["contribution_eur_per_mwh"].to_list()
    axes.barh(
        bars["feature"].to_list(), values, color=[BLUE if value >= 0 else VERMILION for value in values]
    )
    axes.axvline(0.0, color=GREY, lw=0.8)
    axes.set_xlabel("EUR/MWh against a usual day, mean of the units where it is among the five largest")
    return done()
