"""The report of the demo: one page that tells the story, with its dates on every picture."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl

from desk.demo.evidence import evidence_section
from desk.demo.summary import DemoSummary, ZoneSummary, daily_errors
from desk.screen.report import Picture, Report, Section, Table, table_of
from resources.pictures.desk import drift_by_feature, forecast_fan, pnl_curve
from resources.pictures.story import Marks, errors_of_versions
from spot.market.clock import local_time

_SIGNAL_HEADINGS = {
    "delivery_start": "Delivery start, local time",
    "strategy": "Strategy",
    "side": "Side",
    "volume_mw": "Volume, MW",
    "limit_price_eur_per_mwh": "Limit price, EUR/MWh",
    "expected_price_eur_per_mwh": "Expected price, EUR/MWh",
    "edge_eur_per_mwh": "Edge after costs, EUR/MWh",
    "reasons": "Why",
}
_MONEY_NOTE = (
    "Paper trading after fees and slippage. The strategy storage is a battery of 1 MW and 2 MWh, charged and"
    " discharged on the forecast. The strategy settlement_spread trades the auction against the intraday"
    " average price. Perfect foresight is the same strategy with all prices known."
)
_MARK_OF = {
    "change": "market changes",
    "drift": "drift found",
    "retrain": "retrained",
    "promotion": "promoted",
    "bad_data": "bad data",
}


def demo_report(
    summary: DemoSummary, tables: Mapping[str, pl.DataFrame], next_steps: tuple[tuple[str, str], ...]
) -> Report:
    """The page: the story, the other market, money, tomorrow, decisions, and what to open next."""
    changed, *others = summary.zones
    return Report(
        title=headline(summary),
        summary=_lead(summary),
        badge="SIMULATED",
        sections=(
            _story_section(changed, summary, tables),
            *(_calm_section(zone, summary) for zone in others),
            _money_section(summary, tables),
            *(_tomorrow_section(zone, summary, tables) for zone in summary.zones),
            evidence_section(summary, tables),
            Section("What to open next", commands=next_steps),
        ),
        footer=(
            f"All numbers come from a simulated market, seed {summary.seed}; the same command gives the same"
            " numbers again. They say nothing about what would be earned on a real one."
        ),
    )


def write_report(path: Path, html: str) -> None:
    """Write the page, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, encoding="utf-8")


def headline(summary: DemoSummary) -> str:
    """The story in one sentence."""
    zone = summary.zones[0]
    if zone.promotion is None:
        found = (
            f"drift was found after {_days(zone.n_days_to_drift)}"
            if zone.drift_found
            else "no drift was found"
        )
        return f"{summary.change} in {zone.zone}; {found}, and no new model has won yet"
    saved = 1 - zone.promotion.new_mae_eur_per_mwh / zone.promotion.old_mae_eur_per_mwh
    return f"{summary.change} in {zone.zone}; the desk noticed, retrained, and cut its error by {saved:.0%}"


def _lead(summary: DemoSummary) -> str:
    zone = summary.zones[0]
    n_days = (summary.last_day - summary.first_day).days + 1
    words = [f"{n_days} simulated days of {' and '.join(z.zone for z in summary.zones)}."]
    if zone.drift_found:
        words.append(
            f"The change came on {summary.change_day}. Drift was found on {zone.drift_found}, after"
            f" {_days(zone.n_days_to_drift)}."
        )
    if won := zone.promotion:
        words.append(
            f"v{won.version} ran in the shadow of v{won.old_version} for {won.n_days} days: error"
            f" {won.new_mae_eur_per_mwh:.1f} against {won.old_mae_eur_per_mwh:.1f} EUR/MWh. It serves from"
            f" {won.serves_from} on. No person was involved."
        )
    return " ".join(words)


def marks_of(zone: ZoneSummary) -> Marks:
    """Label to day of the story's steps, for pictures; of several of a kind, the newest but for drift."""
    marks: Marks = {}
    for event in zone.events:
        label = _MARK_OF.get(event.kind)
        if label is not None:
            marks[f"v{event.version} {label}" if event.version else label] = event.day
    return marks


def timeline(zone: ZoneSummary, summary: DemoSummary) -> Table:
    """What happened, day by day."""
    rows = [(f"{event.day:%d %b %Y}", summary.text_of(event)) for event in zone.events]
    return Table(("Day", "What happened"), rows, f"Timeline of {zone.zone}")


def _story_section(zone: ZoneSummary, summary: DemoSummary, tables: Mapping[str, pl.DataFrame]) -> Section:
    errors = daily_errors(tables["day_ahead_forecasts"], tables["day_ahead_prices"]).filter(
        pl.col("zone") == zone.zone
    )
    near = errors.filter(pl.col("delivery_day") >= summary.change_day - timedelta(days=21))
    new = "" if zone.mae_after_new is None else f", {_number(zone.mae_after_new)} since the new one serves"
    text = (
        f"Mean absolute error of the day-ahead price in {zone.zone}: {_number(zone.mae_before)} EUR/MWh"
        f" before the change, {_number(zone.mae_after_old)} after it with the old model{new}."
    )
    pictures = [
        Picture(
            errors_of_versions(near, marks_of(zone)),
            f"Forecast error of each model version of {zone.zone} against delivery day. {text}",
            "Solid while a version serves, dotted while it runs in shadow.",
        )
    ]
    drift = tables["feature_drift"].filter(pl.col("zone") == zone.zone)
    if zone.drift_found:
        pictures.append(
            Picture(
                drift_by_feature(
                    drift.filter(pl.col("delivery_day") == zone.drift_found), source="simulated"
                ),
                f"Distance of each input of {zone.zone} from its season on {zone.drift_found}, when drift was"
                " found.",
                f"What the monitors saw on {zone.drift_found}.",
            )
        )
    return Section(
        f"{zone.zone}: a change, and a new model",
        text,
        tables=(timeline(zone, summary),),
        pictures=tuple(pictures),
    )


def _calm_section(zone: ZoneSummary, summary: DemoSummary) -> Section:
    n_retrains = sum(number for cause, number in zone.n_retrains.items() if cause != "schedule")
    bad = any(event.kind == "bad_data" for event in zone.events)
    text = (
        f"{'Bad data is not drift. ' if bad else ''}{zone.zone} was retrained {n_retrains} times after its"
        f" first training. Its error over all {zone.n_forecast_days} days is {_share(zone.rmae)} of that of"
        " the naive forecast, the price of the week before."
    )
    return Section(f"{zone.zone}: no new model without a cause", text, tables=(timeline(zone, summary),))


def _money_section(summary: DemoSummary, tables: Mapping[str, pl.DataFrame]) -> Section:
    settled = tables["settlements"].filter(pl.col("role") == "champion")
    rows = (
        settled.group_by("zone", "strategy")
        .agg(
            pl.col("pnl_eur", "perfect_foresight_eur").sum(),
            worst=pl.col("pnl_eur").sum(),
            n_days=pl.col("delivery_day").n_unique(),
        )
        .with_columns(
            share=pl.format(
                "{} %", (100 * pl.col("pnl_eur") / pl.col("perfect_foresight_eur")).round(0).cast(pl.Int64)
            ),
            per_day=pl.col("pnl_eur") / pl.col("n_days"),
        )
        .sort("zone", "strategy")
        if settled.height
        else settled.with_columns(share=pl.lit(""), per_day=pl.lit(0.0), n_days=pl.lit(0))
    )
    table = table_of(
        rows,
        "Profit and loss after costs",
        headings={
            "zone": "Zone",
            "strategy": "Strategy",
            "n_days": "Days",
            "pnl_eur": "EUR",
            "per_day": "EUR a day",
            "share": "Of perfect foresight",
        },
        note=_MONEY_NOTE,
    )
    curve = Picture(
        pnl_curve(tables["settlements"], marks=marks_of(summary.zones[0])),
        "Accumulated profit and loss after costs, per zone, in EUR.",
        f"Dates are those of {summary.zones[0].zone}.",
    )
    return Section("The money", tables=(table,), pictures=(curve,))


def _tomorrow_section(zone: ZoneSummary, summary: DemoSummary, tables: Mapping[str, pl.DataFrame]) -> Section:
    rows = tables["signals"].filter(
        pl.col("zone") == zone.zone, pl.col("role") == "champion", pl.col("delivery_day") == summary.last_day
    )
    table = table_of(
        rows.sort("strategy", "delivery_start_utc").with_columns(delivery_start=local_time(zone.zone)),
        f"All market time units of {summary.last_day}",
        headings=_SIGNAL_HEADINGS,
        is_folded=True,
    )
    before = summary.last_day - timedelta(days=1)
    text = (
        f"Decided on {before} before the auction's gate, with what was known then: {zone.n_buy} buy,"
        f" {zone.n_sell} sell, {zone.n_flat} flat."
    )
    fan = Picture(
        forecast_fan(
            tables["day_ahead_forecasts"].filter(pl.col("zone") == zone.zone), tables["day_ahead_prices"]
        ),
        f"Forecast of the {zone.zone} day-ahead price over the last week with 50, 80 and 95 % intervals and"
        " the outcome where it is known.",
    )
    return Section(f"Tomorrow, {zone.zone}", text, tables=(table,), pictures=(fan,))


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _days(value: int | None) -> str:
    return "no day" if value is None else f"{value} day{'s' if value != 1 else ''}"
