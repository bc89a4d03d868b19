"""The verdict on a release as one page."""

import polars as pl

from desk.screen.report import Picture, Report, Section, Table
from desk.validation.judged import Verdict
from spot.backtest.release import ReleaseFigures, daily_figures


def release_page(verdict: Verdict) -> Report:
    """The page that a merge request carries."""
    record = verdict.record
    return Report(
        title=f"Release {verdict.candidate} beside {verdict.base}",
        summary=verdict.in_one_line,
        sections=(
            _findings(verdict),
            *(() if verdict.figures is None else (_figures(verdict.figures),)),
            *_by_zone(verdict),
            *_speed(verdict),
        ),
        badge="FAILS" if verdict.failing else "PASSES",
        footer=(
            f"Both were trained on the days before {record.first_day} and replayed day by day until"
            f" {record.last_day}, on the same record of {', '.join(record.zones)}. Zones were decided in the"
            " order of their names, so later ones see the orders of earlier ones."
            " docs/operations/deploy.md explains it."
        ),
    )


def _findings(verdict: Verdict) -> Section:
    if not verdict.findings:
        return Section("What forbids it", text="Nothing.")
    rows = [
        (one.check, one.text, "allowed" if one.check in verdict.allowed else "forbids it")
        for one in verdict.findings
    ]
    return Section("What forbids it", tables=(Table(("Check", "Finding", "Meaning"), rows, "Findings"),))


def _figures(figures: ReleaseFigures) -> Section:
    rows = [
        ("MAE, EUR/MWh", *figures.mae),
        ("Pinball loss, EUR/MWh", *figures.pinball),
        ("Share within the 80 % interval", *figures.coverage_80),
        ("P&L after costs, EUR a day", *figures.pnl_eur_per_day),
    ]
    note = (
        f"{figures.n_days} days. p of a worse error {figures.error_p_value:.2g}, of less money"
        f" {figures.money_p_value:.2g}. {figures.n_changed_side} of {figures.n_signals} signals changed side."
    )
    table = Table(("", "Before", "Now"), rows, "All zones together", note=note)
    return Section("What changed", tables=(table,))


def _by_zone(verdict: Verdict) -> tuple[Section, ...]:
    if verdict.replays is None:
        return ()
    from resources.pictures.comparison import cumulated_gain

    before, now = verdict.replays
    prices = before.frames["prices"]
    one, other = (daily_figures(side.replayed, prices) for side in (before, now))
    both = other.join(one, on=["zone", "delivery_day"], suffix="_before")
    names = ("mae", "pinball", "covered_80", "pnl_eur")
    rows = both.group_by("zone").agg(
        pl.col(name).mean() for pair in names for name in (f"{pair}_before", pair)
    )
    headings = (
        "Zone",
        "MAE before",
        "now",
        "Pinball before",
        "now",
        "Within 80 % before",
        "now",
        "EUR a day before",
        "now",
    )
    table = Table(headings, rows.sort("zone").rows(), "By zone")
    daily = (
        both.group_by("delivery_day")
        .agg(
            mae_a=pl.col("mae").mean(),
            mae_b=pl.col("mae_before").mean(),
            pnl_a=pl.col("pnl_eur").sum(),
            pnl_b=pl.col("pnl_eur_before").sum(),
        )
        .sort("delivery_day")
    )
    is_simulated = bool(before.frames["forecasts"]["source"].str.contains("simulated").any())
    picture = Picture(
        cumulated_gain(daily, is_simulated=is_simulated),
        "gain of the release over the one before it, day by day",
        "A is the release, B the one before it",
    )
    return (Section("By zone", tables=(table,), pictures=(picture,)),)


def _speed(verdict: Verdict) -> tuple[Section, ...]:
    if verdict.speed is None:
        return (Section("Speed", text="It was not measured: only a commit can be run again."),)
    headings = ("Stage", "Before, CPU s", "Now, CPU s", "Ratio", "p of 1.5 times")
    return (
        Section(
            "Speed", tables=(Table(headings, verdict.speed.rows(), "One zone and day, measured in turn"),)
        ),
    )
