"""The cost of a daily LEAR recalibration, and whether its forecasts are as good as the published ones.

It measures each calibration window.

    python -m benchmarks.forecasts.lear --data ../shared/data [--market NP ...] [--json]

The published forecasts come from epftoolbox, whose procedure takes 1.0 to 1.3 CPU seconds per day for a
window of 56 days and 5.7 to 10.4 for 1,092 or 1,456 days on one thread. Set OMP_NUM_THREADS=1 to compare.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from desk.benchmark.data import EPF_MARKETS, read_epf_market, read_published_forecasts
from desk.screen.console import JsonFlag, emit
from spot.forecast.days.clock_grid import grid_of
from spot.forecast.days.features import filled_history
from spot.forecast.lear.window import LearSettings, LearWindow
from spot.forecast.one_thread import one_thread

TEST_DAYS = 728


def lear(
    *,
    data: Annotated[
        Path, typer.Option(help="Folder with the open-access benchmark and its published forecasts.")
    ],
    market: Annotated[
        list[str] | None, typer.Option(help="NP, PJM, BE, FR or DE; repeat for several. Default: all.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """One row per market and calibration window, and one for their mean."""
    rows: list[dict[str, Any]] = []
    for name in market or EPF_MARKETS:
        panel = read_epf_market(data, name)
        history, first = filled_history(grid_of(panel)), len(panel) - TEST_DAYS
        published, actual = read_published_forecasts(data, name), panel.prices[first:]
        forecasts = []
        for days in LearSettings().windows_days:
            window = LearWindow(days, LearSettings())
            with one_thread():
                begun = time.process_time()
                forecasts.append(window.walk(history, range(first, len(panel))))
                seconds = time.process_time() - begun
            rows.append(
                {
                    **_row(name, f"lear_{days}", forecasts[-1], actual, published),
                    "cpu_ms_per_day": round(1e3 * seconds / TEST_DAYS, 1),
                }
            )
        rows.append(
            _row(name, "lear_ensemble", np.mean(forecasts, axis=0), actual, published)
            | {"cpu_ms_per_day": None}
        )
    emit(rows, as_json=as_json, title="Fast LEAR beside the published one")


def _row(market: str, name: str, forecast: Any, actual: Any, published: dict[str, Any]) -> dict[str, Any]:
    ours, theirs = float(np.abs(forecast - actual).mean()), float(np.abs(published[name] - actual).mean())
    return {
        "market": market,
        "model": name,
        "mae": round(ours, 4),
        "published_mae": round(theirs, 4),
        "difference_percent": round(100 * (ours / theirs - 1), 2),
    }


if __name__ == "__main__":
    typer.run(lear)
