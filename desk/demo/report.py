"""The report of the demo: a table on the terminal, and a page with the pictures."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import polars as pl
from rich.table import Table as RichTable

from desk.demo.summary import DemoSummary, ZoneSummary, daily_errors
from desk.screen.report import Picture, Report, Section, Table, table_of
from resources.pictures.desk import calibration, drift_by_feature, error_over_time, forecast_fan, pnl_curve
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
_DECISION_HEADINGS = {
    "zone": "Zone",
    "decided_at_utc": "When, UTC",
    "action": "Decision",
    "reasons": "Why",
    "model": "Model",
    "candidate_version": "Version",
    "champion_version": "Champion then",
    "candidate_loss_eur_per_mwh": "Its error, EUR/MWh",
    "champion_loss_eur_per_mwh": "Champion's error, EUR/MWh",
    "n_days": "Days of evidence",
}
_MONEY_NOTE = (
    "Paper trading after fees and slippage: a battery charged and discharged on the forecast, and the spread"
    " between the day-ahead auction and the intraday average price. Perfect foresight is the same strategies"
    " with all prices known."
)


def rows_for_people(summary: DemoSummary) -> list[tuple[str, ...]]:
    """What the table shows: one line per finding, one column per zone."""
    zones = summary.zones
    return [
        ("Error before the change, EUR/MWh", *(_number(z.mae_before) for z in zones)),
        ("  after it, as served", *(_number(z.mae_after) for z in zones)),
        (
            "  old / new champion, same days",
            *(f"{_number(z.mae_same_days_old)} / {_number(z.mae_same_days_new)}" for z in zones),
        ),
        ("Error / naive forecast's error", *(_share(z.rmae) for z in zones)),
        ("Drift found after the change", *(_days(z.n_days_to_drift) for z in zones)),
        ("Worse forecasts noticed after the change", *(_days(z.n_days_to_worse_performance) for z in zones)),
        ("Days with a false drift alarm before it", *(str(z.n_false_alarms) for z in zones)),
        ("Retrained, by cause", *(_causes(z) for z in zones)),
        (
            "New champion",
            *(
                f"v{z.promoted_version} from {z.promoted_for}" if z.promoted_version else "none yet"
                for z in zones
            ),
        ),
        ("P&L after costs, EUR", *(f"{z.pnl_eur:,.0f}" for z in zones)),
        ("  share of perfect foresight", *(_share(z.foresight_share) for z in zones)),
        (
            f"Signals for {summary.last_day}",
            *(f"{z.n_buy} buy, {z.n_sell} sell, {z.n_flat} flat" for z in zones),
        ),
    ]


def terminal_table(summary: DemoSummary) -> RichTable:
    """The findings as a table for the terminal."""
    title = f"Simulated market, {summary.scenario} on {summary.change_day}"
    table = RichTable(title=title, title_justify="left", header_style="bold")
    table.add_column("", no_wrap=True)
    for zone in summary.zones:
        table.add_column(zone.zone, justify="right", overflow="fold")
    for row in rows_for_people(summary):
        table.add_row(*row)
    return table


def verdict_lines(summary: DemoSummary) -> list[str]:
    """The result for each new version, one line each."""
    return [f"{zone.zone} {line}" for zone in summary.zones for line in zone.verdicts]


def demo_report(
    summary: DemoSummary, tables: Mapping[str, pl.DataFrame], next_steps: tuple[tuple[str, str], ...]
) -> Report:
    """The page: findings, error, P&L, drift, decisions, tomorrow's signals, and what to open next."""
    return Report(
        title="Spotdesk demo: a market changes, the models notice",
        summary=_headline(summary),
        badge="SIMULATED",
        sections=(
            _findings(summary),
            _error_section(summary, tables),
            _money_section(tables),
            _drift_section(summary, tables),
            _decisions_section(tables),
            *(_signals_section(zone, summary, tables) for zone in summary.zones),
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


def _headline(summary: DemoSummary) -> str:
    n_days = (summary.last_day - summary.first_day).days + 1
    zones = " and ".join(zone.zone for zone in summary.zones)
    found = "; ".join(f"{z.zone}: {_days(z.n_days_to_drift)}" for z in summary.zones)
    change = (
        f"On {summary.change_day} a regime change ({summary.scenario.replace('_', ' ')}) was switched on."
    )
    return f"{n_days} days of {zones}. {change} Drift found after: {found}."


def _findings(summary: DemoSummary) -> Section:
    headings = ("Finding", *(zone.zone for zone in summary.zones))
    text = (
        "Everything below was computed by the asset graph: the same assets, checks and policies that serve a"
        " desk."
    )
    note = "Errors are mean absolute errors of the point forecast of the day-ahead price."
    return Section(
        "What was found", text, tables=(Table(headings, rows_for_people(summary), "Findings per zone", note),)
    )


def _error_section(summary: DemoSummary, tables: Mapping[str, pl.DataFrame]) -> Section:
    errors = daily_errors(tables["day_ahead_forecasts"], tables["day_ahead_prices"]).filter(
        pl.col("role") == "champion"
    )
    marks = {
        "regime change": summary.change_day,
        **{f"{z.zone} drift found": z.drift_found for z in summary.zones if z.drift_found},
    }
    marks |= {f"{z.zone} new champion": z.promoted_for for z in summary.zones if z.promoted_for}
    before_after = "; ".join(
        f"{z.zone} {_number(z.mae_before)} before the change, {_number(z.mae_after)} after it"
        for z in summary.zones
    )
    fans = tuple(
        Picture(
            forecast_fan(
                tables["day_ahead_forecasts"].filter(pl.col("zone") == z.zone), tables["day_ahead_prices"]
            ),
            f"Forecast of the {z.zone} day-ahead price over the last week with 50, 80 and 95 % intervals and"
            " the outcome where it is known.",
        )
        for z in summary.zones
    )
    return Section(
        "The forecast",
        f"Mean absolute error in EUR/MWh: {before_after}.",
        pictures=(
            Picture(
                error_over_time(errors, marks=marks),
                f"Seven-day mean of the champion's forecast error against delivery day. {before_after}.",
            ),
            *fans,
            Picture(
                calibration(tables["day_ahead_forecasts"], tables["day_ahead_prices"]),
                "Share of outcomes below each forecast quantile against its level, per zone.",
            ),
        ),
    )


def _money_section(tables: Mapping[str, pl.DataFrame]) -> Section:
    return Section(
        "The money",
        _MONEY_NOTE,
        pictures=(
            Picture(
                pnl_curve(tables["settlements"]), "Accumulated profit and loss after costs, per zone, in EUR."
            ),
        ),
    )


def _drift_section(summary: DemoSummary, tables: Mapping[str, pl.DataFrame]) -> Section:
    pictures = []
    for zone in summary.zones:
        drift = tables["feature_drift"].filter(pl.col("zone") == zone.zone)
        shown = drift.filter(pl.col("delivery_day") == zone.drift_found) if zone.drift_found else drift
        when = (
            f"on {zone.drift_found}, when drift was first reported after the change"
            if zone.drift_found
            else "on the newest judged day"
        )
        alerts = (
            ", ".join(shown.filter(pl.col("status") == "alert")["feature"].unique().sort().to_list())
            or "none"
        )
        pictures.append(
            Picture(
                drift_by_feature(shown, source="simulated"),
                f"{zone.zone}: distance of each feature from its season {when}. Over the threshold:"
                f" {alerts}.",
            )
        )
    requests = table_of(
        tables["retrain_requests"].sort("requested_at_utc"),
        "Retrains that were asked for",
        headings={
            "zone": "Zone",
            "requested_at_utc": "When, UTC",
            "cause": "Cause",
            "detail": "In words",
            "status": "Status",
            "n_attempts": "Attempts",
        },
    )
    return Section(
        "The drift",
        "Each feature is compared with days of the same season.",
        tables=(requests,),
        pictures=tuple(pictures),
    )


def _decisions_section(tables: Mapping[str, pl.DataFrame]) -> Section:
    decisions = table_of(
        tables["promotion_decisions"].sort(
            "zone", "decided_at_utc", pl.col("candidate_version").cast(pl.Int64, strict=False)
        ),
        "Decisions on model versions",
        headings=_DECISION_HEADINGS,
    )
    return Section(
        "The models",
        "A new version runs in shadow beside the champion and replaces it only on significant evidence. Each"
        " decision is kept.",
        tables=(decisions,),
    )


def _signals_section(zone: ZoneSummary, summary: DemoSummary, tables: Mapping[str, pl.DataFrame]) -> Section:
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
    return Section(f"Signals for tomorrow, {zone.zone}", text, tables=(table,))


def _causes(zone: ZoneSummary) -> str:
    """Causes of retrains. The first training has no cause and is not a retrain."""
    asked = {cause: number - (cause == "schedule") for cause, number in zone.n_retrains.items()}
    return (
        ", ".join(f"{cause.replace('_', ' ')} {number}" for cause, number in asked.items() if number) or "no"
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _days(value: int | None) -> str:
    if value is None:
        return "not found"
    return "the same day" if value == 0 else f"{value} day{'s' if value != 1 else ''}"
