"""A trading backtest as rows for the terminal, as JSON and as a page.

It shows equity, drawdown, months, hours, direction, and the naive rivals.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import polars as pl

from desk.screen.console import as_table, emit_json, out
from desk.screen.report import Picture, Report, Section, Table, table_of
from resources.pictures.desk import pnl_curve
from spot.backtest.assumptions import Assumption
from spot.backtest.judged import JudgedStrategy
from spot.backtest.trading import BacktestResult
from spot.backtest.trading_report import attribution, compare_with, equity_curve, trading_figures

_HIDDEN = ("daily_shortfall_eur",)
"""Figures that JSON and tables leave out, because the risk tables have them."""
ATTRIBUTIONS = ("month", "hour", "direction", "zone", "model_version")
"""Properties to which P&L is attributed."""


def figure_rows(judged: JudgedStrategy) -> list[dict[str, Any]]:
    """The strategy's figures with its verdict, then those of each rival.

    It also gives the strategy's gain over each rival: mean per day, 90 % interval, p-value.
    """
    days = judged.coverage.judged
    rows = [_row(judged.strategy.label, judged.settlements, judged, {}) | {"verdict": judged.verdict}]
    for name, settlements in judged.rivals.items():
        versus = compare_with(judged.settlements, settlements, days)
        rows.append(_row(name, settlements, judged, {} if versus is None else asdict(versus)))
    return rows


def _row(
    name: str, settlements: pl.DataFrame, judged: JudgedStrategy, versus: dict[str, float]
) -> dict[str, Any]:
    figures = trading_figures(settlements, judged.coverage.judged)
    return {
        "strategy": name,
        **{key: value for key, value in asdict(figures).items() if key not in _HIDDEN},
        "verdict": figures.verdict,
        "own_minus_this_eur_per_day": versus.get("mean"),
        "own_minus_this_low": versus.get("low"),
        "own_minus_this_high": versus.get("high"),
        "p_own_not_better": versus.get("p_not_above"),
    }


def show(
    zone: str,
    result: BacktestResult,
    judged: Sequence[JudgedStrategy],
    assumptions: Sequence[Assumption],
    *,
    source: str,
    as_json: bool,
) -> None:
    """The figures on the terminal, or all of them as JSON."""
    if as_json:
        emit_json(_as_json(judged, assumptions, source))
        return
    if source == "simulated":
        out.print("[bold]simulated market: these are not real prices[/bold]")
    for one in judged:
        _show_strategy(zone, result, one)
    for row in assumptions:
        out.print(f"assumed: {row.parameter} = {row.value}: {row.meaning}", markup=False, soft_wrap=True)


def _as_json(
    judged: Sequence[JudgedStrategy], assumptions: Sequence[Assumption], source: str
) -> dict[str, Any]:
    money = pl.concat([one.settlements for one in judged])
    days = [
        {
            "strategy": one.strategy.label,
            "asked": len(one.coverage.asked),
            "with_forecast": one.coverage.n_forecast,
            "judged": len(one.coverage.judged),
        }
        for one in judged
    ]
    return {
        "figures": [{**row, "beside": one.strategy.label} for one in judged for row in figure_rows(one)],
        "days": days,
        **{f"{by}s": attribution(money, by).to_dicts() for by in ATTRIBUTIONS},
        "assumptions": [asdict(row) for row in assumptions],
        "source": source,
    }


def _show_strategy(zone: str, result: BacktestResult, judged: JudgedStrategy) -> None:
    rows, coverage = figure_rows(judged), judged.coverage
    if len(coverage.judged) < len(coverage.asked):
        out.print(
            f"[bold]{coverage.words}[/bold]; {len(coverage.judged)} days are judged, the others are left out"
        )
    names = [name for name in rows[0] if name != "strategy"]
    figures = [{"figure": name, **{str(row["strategy"]): row[name] for row in rows}} for name in names]
    out.print(as_table(figures, title=f"{zone} {coverage.judged[0]} to {coverage.judged[-1]}"))
    months = attribution(judged.settlements, "month")
    if months.height:
        out.print(as_table(months.to_dicts(), title="by month"))
    out.print(f"verdict: [bold]{judged.verdict}[/bold]")
    if rows[0]["n_traded_units"] == 0:
        own = result.walked.signals.filter(pl.col("strategy") == judged.strategy.strategy)
        out.print(
            f"why flat, the most frequent reason: {own['reasons'].mode().sort()[0]}",
            markup=False,
            soft_wrap=True,
        )


def backtest_report(
    zone: str,
    result: BacktestResult,
    judged: Sequence[JudgedStrategy],
    assumptions: Sequence[Assumption],
    *,
    source: str,
) -> Report:
    """The page of one zone's backtest."""
    asked, labels = judged[0].coverage.asked, ", ".join(one.strategy.label for one in judged)
    verdicts = "; ".join(
        f"{one.strategy.label}: {one.verdict}, {len(one.coverage.judged)} days judged: {one.coverage.words}"
        for one in judged
    )
    return Report(
        title=f"Trading backtest: {labels} in {zone}, {asked[0]} to {asked[-1]}",
        summary=(
            f"{verdicts}. Decided as of each gate by the walk that trades live, after fees and slippage."
        ),
        badge="SIMULATED" if source == "simulated" else "",
        sections=(
            *(section for one in judged for section in _sections(zone, result, one)),
            Section(
                "Assumptions",
                "What the past does not record, and this backtest assumes.",
                tables=(
                    Table(
                        ("parameter", "value", "meaning"),
                        [(row.parameter, row.value, row.meaning) for row in assumptions],
                        "Assumptions",
                    ),
                ),
            ),
        ),
        footer=f"Source of the data: {source}.",
    )


def _sections(zone: str, result: BacktestResult, judged: JudgedStrategy) -> tuple[Section, ...]:
    """Figures, money and risk of one strategy."""
    label, settlements = judged.strategy.label, judged.settlements
    curve = equity_curve(settlements, judged.coverage.judged)
    tables = tuple(
        table_of(attribution(settlements, by), f"P&L by {by.replace('_', ' ')}", is_folded=by == "hour")
        for by in ATTRIBUTIONS
    )
    deepest = curve.sort("drawdown_eur", descending=True).head(10)
    return (
        Section(
            f"{label}: figures, and the naive rivals on the same days",
            "The interval is a block bootstrap over days (7-day blocks, 90 %).",
            tables=(_across(figure_rows(judged)),),
            pictures=(
                Picture(
                    pnl_curve(settlements),
                    f"accumulated P&L of {label} in {zone}, ending at {curve['equity_eur'][-1]:,.0f} EUR",
                ),
            ),
        ),
        Section(f"{label}: where the money came from", tables=(*tables, *_group_tables(result, judged))),
        Section(
            f"{label}: risk",
            tables=(_limits_at_work(result, judged), table_of(deepest, "Days of deepest drawdown")),
        ),
    )


def _group_tables(result: BacktestResult, judged: JudgedStrategy) -> tuple[Table, ...]:
    """What the auction could choose and what was executed, by group; nothing where no groups were sent."""
    blocks = result.walked.block_orders.filter(pl.col("strategy") == judged.strategy.strategy)
    if blocks.is_empty():
        return ()
    energy = pl.col("volume_mw") * pl.col("resolution_minutes") / 60.0
    of_day = blocks.group_by("delivery_day", "block_group", "side").agg(
        blocks=pl.col("block").n_unique(), mwh=energy.filter(pl.col("block") == 1).sum()
    )
    rows = of_day.group_by("block_group", "side").agg(
        days=pl.len(),
        blocks_per_group=pl.col("blocks").mean().round(1),
        mwh_per_day=pl.col("mwh").mean().round(2),
    )
    done = judged.settlements.select(pl.col("filled_mwh", "unfilled_mwh").sum().round(1))
    said = "Exclusive groups: {} MWh executed, {} MWh not, simulated".format(*done.row(0))
    return (table_of(rows.sort("block_group", "side"), said),)


def _limits_at_work(result: BacktestResult, judged: JudgedStrategy) -> Table:
    events = result.walked.events.filter(pl.col("strategy") == judged.strategy.strategy)
    if events.is_empty():
        return Table(("limits",), (("no limit was touched",),), "Limits at work")
    counts = events.group_by("limit_name", "scope", "kind", "action").agg(pl.len().alias("days"))
    return table_of(counts.sort("days", descending=True), "Limits at work")


def _across(rows: list[dict[str, Any]]) -> Table:
    """Figures as rows, strategies as columns."""
    names = [name for name in rows[0] if name != "strategy"]
    return Table(
        ("figure", *(str(row["strategy"]) for row in rows)),
        [[name, *(row[name] for row in rows)] for name in names],
        "Figures",
    )
