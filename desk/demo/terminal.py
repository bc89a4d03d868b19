"""What the demo prints: its headline, the timelines, and the findings of each zone."""

from rich.table import Table as RichTable

from desk.demo.report import headline
from desk.demo.summary import DemoSummary, ZoneSummary


def story_lines(summary: DemoSummary) -> list[str]:
    """The headline, and what happened in each zone, in order."""
    told = [f"{headline(summary)}."]
    for zone in summary.zones:
        told += ["", zone.zone, *(f"  {event.day}  {summary.text_of(event)}" for event in zone.events)]
    return told


def rows_for_people(summary: DemoSummary) -> list[tuple[str, ...]]:
    """What the table shows: one line per finding, one column per zone."""
    zones = summary.zones
    return [
        ("Error before the change, EUR/MWh", *(_number(z.mae_before) for z in zones)),
        ("  after it, old model", *(_number(z.mae_after_old) for z in zones)),
        ("  since the new model serves", *(_number(z.mae_after_new) for z in zones)),
        ("Error / naive forecast's error", *(_share(z.rmae) for z in zones)),
        ("Drift found after the change", *(_found(z) for z in zones)),
        ("Days with a false drift alarm", *(str(z.n_false_alarms) for z in zones)),
        ("Retrained, by cause", *(_causes(z) for z in zones)),
        ("New champion", *(_champion(z) for z in zones)),
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


def _found(zone: ZoneSummary) -> str:
    if not zone.is_changed:
        return "no change here"
    days = zone.n_days_to_drift
    if days is None:
        return "not found"
    return "the same day" if days == 0 else f"{days} day{'s' if days != 1 else ''}"


def _champion(zone: ZoneSummary) -> str:
    return f"v{zone.promoted_version} from {zone.promoted_for}" if zone.promoted_version else "none yet"


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
