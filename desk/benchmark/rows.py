"""Rows of the benchmark's tables: scores of a run, published forecasts and the usual reference models."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from desk.benchmark.data import (
    read_published_forecasts,
)
from desk.benchmark.run import BenchmarkRun
from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.scores.naive import weekly_naive
from spot.scores.scores import absolute_errors, score_forecasts
from spot.scores.significance import diebold_mariano, giacomini_white


def epf_row(
    market: str, profile: str, run: BenchmarkRun, panel: DeliveryPanel, folder: Path
) -> dict[str, Any]:
    """Scores and cost of one run on a market of the open benchmark, with the published forecasts."""
    actual = panel.prices[run.first_row :]
    scores = score_forecasts(
        actual,
        run.points,
        run.quantiles,
        levels=run.levels,
        naive=weekly_naive(panel)[run.first_row :],
    )
    ours = absolute_errors(actual, run.points)
    tests = []
    for name, forecast in read_published_forecasts(folder, market).items():
        theirs = absolute_errors(actual, forecast[-len(actual) :])
        tests.append(
            {
                "against": name,
                "mae": round(float(np.nanmean(theirs)), 4),
                "dm_p": diebold_mariano(ours, theirs).p_value,
                "gw_p": giacomini_white(ours, theirs).p_value,
            }
        )
    return {
        "market": market,
        "profile": profile,
        **rounded(asdict(scores)),
        **run.figures,
        "published": tests,
    }


def zone_rows(
    zone: str, model: str, inputs: str, run: BenchmarkRun, panel: DeliveryPanel
) -> list[dict[str, Any]]:
    """One row per resolution of the test days."""
    actual, naive = panel.prices[run.first_row :], clock_naive(panel)[run.first_row :]
    rows = []
    for minutes in np.unique(panel.resolution_minutes[run.first_row :]):
        days = panel.resolution_minutes[run.first_row :] == minutes
        scores = score_forecasts(
            actual[days], run.points[days], run.quantiles[days], levels=run.levels, naive=naive[days]
        )
        cost = {key: run.figures[key] for key in ("cpu_s", "cpu_served_day_ms", "peak_memory_mib")}
        rows.append(
            {
                "zone": zone,
                "inputs": inputs,
                "model": model,
                "resolution_minutes": int(minutes),
                **rounded(asdict(scores)),
                **cost,
            }
        )
    return rows


def clock_naive(panel: DeliveryPanel) -> Floats:
    """The weekly naive forecast where both days have the same number of periods, NaN elsewhere.

    The published figures leave the other days out of the reference.
    """
    naive = weekly_naive(panel)
    naive[7:][panel.n_periods[7:] != panel.n_periods[:-7]] = np.nan
    return naive


def columns(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
    """The named columns of the rows, in that order."""
    return [{name: row[name] for name in names} for row in rows]


def rounded(scores: dict[str, Any]) -> dict[str, Any]:
    """Scores to four decimals."""
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in scores.items()}
