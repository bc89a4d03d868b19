"""A trading backtest as rows for the terminal and as a page.

Equity, drawdown, months, hours, direction, and the naive strategies beside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import polars as pl

from desk.screen.report import Picture, Report, Section, Table, table_of
from resources.pictures.desk import pnl_curve
from spot.backtest.trading import TradingReplay
from spot.backtest.trading_report import attribution, compare_with, equity_curve, trading_figures
from spot.strategy.interface import Strategy

_HIDDEN = ("daily_shortfall_eur",)
"""Figures that JSON and tables leave out: they stand in the risk tables."""
SIGNIFICANT = 0.05
ATTRIBUTIONS = ("month", "hour", "direction", "zone", "model_version")
"""What the money is attributed to."""


def figure_rows(
    replays: Mapping[str, TradingReplay], days: Sequence[date], strategy: Strategy
) -> list[dict[str, Any]]:
    """One row per replay, that of `strategy` first.

    Its figures, the verdict, and how far the strategy lies above it (mean per day, 90 % interval, p).
    """
    rows, own = [], strategy.label
    for name in (own, *(other for other in replays if other != own)):
        figures = trading_figures(replays[name].settlements, days)
        versus = (
            None if name == own else compare_with(replays[own].settlements, replays[name].settlements, days)
        )
        rows.append(
            {
                "strategy": name,
                **{key: value for key, value in asdict(figures).items() if key not in _HIDDEN},
                "verdict": figures.verdict,
                "own_minus_this_eur_per_day": None if versus is None else versus.mean,
                "own_minus_this_low": None if versus is None else versus.low,
                "own_minus_this_high": None if versus is None else versus.high,
                "p_own_not_better": None if versus is None else versus.p_not_above,
            }
        )
    if strategy.closes_at_desk_price and rows[0]["n_traded_units"] > 0:
        rows[0]["verdict"] = _verdict_of_view(rows[1:])
    return rows


def _verdict_of_view(others: Sequence[Mapping[str, Any]]) -> str:
    """A limit at the desk's own price cannot lose against that price.

    Only the naive forecast, which trades against it too, is a yardstick.
    """
    chances = [other["p_own_not_better"] for other in others]
    if not chances or None in chances:
        return "too few days to judge"
    return (
        "edge over the naive forecast"
        if max(chances) < SIGNIFICANT
        else "no significant edge over the naive forecast"
    )


def backtest_report(
    zone: str,
    replays: Mapping[str, TradingReplay],
    days: Sequence[date],
    strategy: Strategy,
    *,
    source: str,
    coverage: str = "",
) -> Report:
    """The page of one zone's backtest; `coverage` says how many of the days asked for are judged."""
    own = strategy.label
    settlements = replays[own].settlements
    rows = figure_rows(replays, days, strategy)
    tables = tuple(
        table_of(attribution(settlements, by), f"P&L by {by.replace('_', ' ')}", is_folded=by == "hour")
        for by in ATTRIBUTIONS
    )
    events = replays[own].events
    limits = (
        table_of(
            events.group_by("limit_name", "scope", "kind", "action")
            .agg(pl.len().alias("days"))
            .sort("days", descending=True),
            "Limits at work",
        )
        if events.height
        else Table(("limits",), (("no limit was touched",),), "Limits at work")
    )
    curve = equity_curve(settlements, days)
    return Report(
        title=f"Trading backtest: {own} in {zone}, {days[0]} to {days[-1]}",
        summary=(
            f"Verdict: {rows[0]['verdict']}. Decided as of each gate by the functions that trade live, after"
            f" fees and slippage. {len(days)} days judged{': ' if coverage else ''}{coverage}."
        ),
        badge="SIMULATED" if source == "simulated" else "",
        sections=(
            Section(
                "Figures, and the naive strategies on the same days",
                "The interval is a block bootstrap over days (7-day blocks, 90 %).",
                tables=(_across(rows),),
                pictures=(
                    Picture(
                        pnl_curve(settlements),
                        f"accumulated P&L of {own} in {zone}, ending at {curve['equity_eur'][-1]:,.0f} EUR",
                    ),
                ),
            ),
            Section("Where the money came from", tables=tables),
            Section(
                "Risk",
                tables=(
                    limits,
                    table_of(
                        curve.sort("drawdown_eur", descending=True).head(10), "Days of deepest drawdown"
                    ),
                ),
            ),
        ),
        footer=f"Source of the data: {source}.",
    )


def _across(rows: list[dict[str, Any]]) -> Table:
    """Figures down, strategies across."""
    names = [name for name in rows[0] if name != "strategy"]
    return Table(
        ("figure", *(str(row["strategy"]) for row in rows)),
        [[name, *(row[name] for row in rows)] for name in names],
        "Figures",
    )
