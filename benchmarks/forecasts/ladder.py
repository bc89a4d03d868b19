"""What the Swiss auction, which clears an hour before the coupled one, is worth to the engine.

    python -m benchmarks.forecasts.ladder --data ../shared/data [--first DAY --last DAY] [--json]

Each zone is forecast twice from inputs known at the gate: without the Swiss price of the delivery day, and
with it. By default the test days are those of 2017 and 2018, with one fit before them. It exits with 1 where
fewer than four of the five zones have an error that is 5 % lower, or where the model that learnt with the
Swiss price is more than 0.5 % behind the one without it on days on which the price does not come.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import polars as pl
import typer

from desk.benchmark.data import read_zone
from desk.screen.console import JsonFlag, emit
from resources.plugins.members import new_forecaster
from resources.settings.model_profiles import read_profile
from spot.arrays import Floats
from spot.contracts.panel import DeliveryPanel
from spot.errors import ConfigurationError
from spot.scores.significance import diebold_mariano

PROFILES = Path("resources/home/templates/conf/models")
FILE = "eu6_with_ch_2015_2018.parquet"
ZONES = {"BE": "BE", "DE": "DE_AT_LU", "DK_1": "DK_1", "FR": "FR", "NL": "NL"}
"""Name in the file to the bidding zone, whose calendar holds for the whole file."""
EARLIER = "earlier_price_swiss_eur_per_mwh"
AIM_PERCENT, AIM_ZONES, LOSS_PERCENT = 5.0, 4, 0.5


def read_panel(path: Path, zone: str, folder: Path) -> DeliveryPanel:
    """One zone of the file with the Swiss price of each day as an input; nothing later than the gate."""
    frame = pl.read_parquet(path).filter(pl.col("ts_utc").dt.year() <= 2018)
    panels = {}
    for name, known_as in ((zone, ZONES[zone]), ("CH", "CH")):
        own = folder / f"{known_as}.parquet"
        frame.filter(pl.col("zone") == name).with_columns(zone=pl.lit(known_as)).write_parquet(own)
        panels[name] = read_zone(own, known_as, known_at_gate_only=True)
    panel, swiss = panels[zone], panels["CH"]
    prices = np.full_like(panel.prices, np.nan)
    _, here, there = np.intersect1d(panel.days, swiss.days, return_indices=True)
    prices[here] = swiss.prices[there]
    return replace(panel, inputs={**panel.inputs, EARLIER: prices})


def without(panel: DeliveryPanel, first_row: int = 0) -> DeliveryPanel:
    """The panel whose Swiss price is not there from `first_row` on."""
    prices = panel.inputs[EARLIER].copy()
    prices[first_row:] = np.nan
    return replace(panel, inputs={**panel.inputs, EARLIER: prices})


def walked_points(panel: DeliveryPanel, first_row: int, settings: dict[str, Any]) -> Floats:
    """(D, P) forecasts of the days from `first_row` on by a model of the days before."""
    forecasts = new_forecaster(settings).fit(panel.first(first_row)).walk_forward(panel, first_row)
    points = np.full((len(forecasts), panel.prices.shape[1]), np.nan)
    for row, forecast in enumerate(forecasts):
        points[row, : len(forecast.point)] = forecast.point
    return points


def ladder(
    *,
    data: Annotated[Path, typer.Option(help="Folder of the recorded data.")],
    first: Annotated[str, typer.Option(help="First test day, YYYY-MM-DD.")] = "2017-01-01",
    last: Annotated[str, typer.Option(help="Last test day.")] = "2018-12-31",
    profile: Annotated[str, typer.Option(help="Profile of the engine.")] = "fast",
    as_json: JsonFlag = False,
) -> None:
    """One row per zone.

    Exit code 1: the aim is missed.

    Raises:
        ConfigurationError: the file of the six zones is not there.
    """
    path = data / FILE
    if not path.is_file():
        raise ConfigurationError(f"{data} has no {FILE}: name the folder of the recorded data with --data")
    settings, rows = read_profile(PROFILES / f"{profile}.yaml"), []
    with TemporaryDirectory() as folder:
        for zone in ZONES:
            panel = read_panel(path, zone, Path(folder))
            rows.append(_row(zone, panel, (date.fromisoformat(first), date.fromisoformat(last)), settings))
    emit(rows, as_json=as_json, title=f"The Swiss price before the gate, profile {profile}")
    n_reached = sum(row["lower_percent"] >= AIM_PERCENT for row in rows)
    is_robust = all(row["loss_when_absent_percent"] <= LOSS_PERCENT for row in rows)
    if n_reached < AIM_ZONES or not is_robust:
        raise typer.Exit(1)


def _row(
    zone: str, panel: DeliveryPanel, days: tuple[date, date], settings: dict[str, Any]
) -> dict[str, Any]:
    start, stop = (int(np.searchsorted(panel.days, np.datetime64(day))) for day in days)
    panel = panel.first(stop + 1)
    actual = panel.prices[start:]
    shown = {"without": without(panel), "with": panel, "absent": without(panel, start)}
    losses = {name: np.abs(walked_points(one, start, settings) - actual) for name, one in shown.items()}
    mae = {name: float(np.nanmean(loss)) for name, loss in losses.items()}
    return {
        "zone": zone,
        "mae_without": round(mae["without"], 3),
        "mae_with": round(mae["with"], 3),
        "lower_percent": round(100 * (1 - mae["with"] / mae["without"]), 2),
        "p_value": float(f"{diebold_mariano(losses['with'], losses['without']).p_value:.2g}"),
        "loss_when_absent_percent": round(100 * (mae["absent"] / mae["without"] - 1), 2),
    }


if __name__ == "__main__":
    typer.run(ladder)
