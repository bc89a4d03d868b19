"""The electricity price tasks of fev-bench, with its published figures.

Five tasks on the markets of the open benchmark: 20 rolling days at the end, a horizon of 24 hours, deciles,
seasonality 24, the two day-ahead forecasts known. `fev_published.csv` has the figures of the repository
autogluon/fev, folder benchmarks/fev_bench/results, to four digits: columns model, market, mase, sql.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from desk.benchmark.run import BenchmarkRun
from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.scores.scaled import daily_scales, mean_scaled_error, scaled_quantile_loss

N_DAYS = 20
"""Rolling windows of a task: num_windows in the repository's tasks.yaml."""
_DECILES = tuple(round(level / 10, 1) for level in range(1, 10))
_NAIVE = "seasonal naive"
_SAME_TO = 5e-5
"""Half of the last of four digits, to which the seasonal naive must agree with the published one."""
_PUBLISHED = Path(__file__).with_name("fev_published.csv")


def fev_rows(market: str, runs: Mapping[str, BenchmarkRun], panel: DeliveryPanel) -> list[dict[str, Any]]:
    """Scores of one market: our profiles, our seasonal naive and every published model.

    Args:
        market: name of the market.
        runs: profile to its run over at least the last 20 days of the panel.
        panel: the market's prices, whole days of 24 hours.

    Returns:
        Rows with market, model, mase, sql and is_ours; sql is None for our seasonal naive.
    """
    actual, scales = panel.prices[-N_DAYS:], daily_scales(panel.prices, N_DAYS)
    ours = [
        {
            "model": f"Spotdesk {profile}",
            "mase": mean_scaled_error(actual, _quantiles(run, (0.5,))[..., 0], scales),
            "sql": scaled_quantile_loss(actual, _quantiles(run, _DECILES), _DECILES, scales),
        }
        for profile, run in runs.items()
    ]
    naive = mean_scaled_error(actual, panel.prices[-N_DAYS - 1 : -1], scales)
    ours.append({"model": _NAIVE, "mase": naive, "sql": None})
    published = pl.read_csv(_PUBLISHED).filter(market=market).drop("market").to_dicts()
    return [
        {"market": market, **row, "is_ours": is_ours}
        for rows, is_ours in ((ours, True), (published, False))
        for row in rows
    ]


def ranked(rows: list[dict[str, Any]], score: str) -> list[dict[str, Any]]:
    """One row per model, best first: the score in each market, their mean, and in how many it is best.

    Our seasonal naive is left out: the published one is the same.
    """
    table = pl.DataFrame([row for row in rows if not (row["is_ours"] and row["model"] == _NAIVE)])
    markets = table["market"].unique(maintain_order=True).to_list()
    is_best = pl.col(score) == pl.col(score).min().over("market")
    summed = (
        table.with_columns(is_best=is_best)
        .group_by("model")
        .agg(pl.col(score).mean().round(4).alias("mean"), pl.col("is_best").sum().alias("n_best"))
    )
    wide = table.with_columns(pl.col(score).round(4)).pivot("market", index="model", values=score)
    joined = wide.join(summed, on="model").sort("mean", "model")
    return joined.select("model", *markets, "mean", "n_best").to_dicts()


def unlike_published(rows: list[dict[str, Any]]) -> list[str]:
    """Markets whose seasonal naive is not the published one to four digits: other data, or another span."""
    naive = [row for row in rows if row["model"] == _NAIVE]
    published = {row["market"]: row["mase"] for row in naive if not row["is_ours"]}
    return [
        row["market"]
        for row in naive
        if row["is_ours"] and abs(row["mase"] - published[row["market"]]) > _SAME_TO
    ]


def _quantiles(run: BenchmarkRun, levels: tuple[float, ...]) -> Floats:
    """(20, 24, Q) forecasts of the last days at some of the run's levels."""
    return run.quantiles[-N_DAYS:][..., [run.levels.index(level) for level in levels]]
