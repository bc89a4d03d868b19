"""Fits the prior of the kernel weights again.

    python -m benchmarks.forecasts.prior_weights --data DIR [--write]

For each market of the open-access benchmark and each window of the table, the weights are fitted on days 728
to 1455, beginning from the stored prior. The mean of the logarithms over the markets is the new table. The
command prints how far it lies from the stored one; `--write` replaces the stored one.

The stored table was made by the first version of the fit. The weight of the evening and the nearness in time
came later, so a new fit differs from the stored table.
"""

import csv
import io
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from desk.benchmark.data import read_epf_market
from spot.arrays import Floats
from spot.forecast.days.anchors import anchors_of
from spot.forecast.days.clock_grid import grid_of
from spot.forecast.days.features import NormalisationWindow, filled_history
from spot.forecast.gp.bank import STANDARD_WINDOWS
from spot.forecast.gp.fit_weights import fit_bank_weights
from spot.forecast.gp.hyper_parameters import GradientSettings
from spot.forecast.gp.kernel import KernelWeights, kind_of_group
from spot.forecast.gp.prior_weights import DISTANCE_KINDS, LINEAR_KINDS, prior_table

MARKETS = ("NP", "PJM", "BE", "FR", "DE")
DAYS = slice(728, 1456)
_FILE = Path(__file__).resolve().parents[2] / "spot" / "forecast" / "gp" / "prior_weights.csv"


def main(
    data: Annotated[Path, typer.Option(help="Folder of the benchmark's files.")],
    market: Annotated[
        list[str] | None, typer.Option(help="One of the five markets; repeat. All if left out.")
    ] = None,
    steps: Annotated[int, typer.Option(help="Steps of the gradient per fit.")] = GradientSettings().steps,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Put the new table in place of the stored one.")
    ] = False,
) -> None:
    """Fit the prior again, and print how far it lies from the stored one."""
    settings, stored = GradientSettings(steps=steps), prior_table()
    logs: dict[tuple[int, int], list[Floats]] = {key: [] for key in stored}
    for name in market or MARKETS:
        history = filled_history(grid := grid_of(read_epf_market(data, name).rows(DAYS)))
        for window in (w for w in STANDARD_WINDOWS if (w.centre_days, w.spread_days) in stored):
            fitted = fit_bank_weights(history, anchors_of(grid), (window,), settings)[0]
            logs[window.centre_days, window.spread_days].append(_log_numbers(fitted, window))
            typer.echo(f"{name}: window of {window.centre_days} and {window.spread_days} days fitted")
    table = {key: np.exp(np.nanmean(rows, axis=0)) for key, rows in logs.items() if rows}
    for key, numbers in table.items():
        table[key] = np.where(np.isfinite(numbers), numbers, stored[key])
        apart = np.abs(np.log(table[key] / stored[key]))
        typer.echo(
            f"window {key[0]}/{key[1]}: median factor {np.exp(np.median(apart)):.2f} from the stored numbers"
        )
    if write:
        _FILE.write_text(_as_csv(table), encoding="utf-8")
        typer.echo(f"written: {_FILE.name}")


def _log_numbers(weights: KernelWeights, window: NormalisationWindow) -> Floats:
    """Logarithms of the numbers in the order of the table; NaN for a kind that the market does not have."""
    kinds = [kind_of_group(group) for group in weights.groups]

    def summed(row: Floats, wanted: tuple[str, ...]) -> list[float]:
        # Inputs of one role share that role's weight, so their weights add up to it.
        return [sum(w for w, kind in zip(row, kinds, strict=True) if kind == k) or np.nan for k in wanted]

    numbers = [
        *summed(weights.distance[0], DISTANCE_KINDS),
        *summed(weights.distance[1], DISTANCE_KINDS),
        *summed(weights.linear, LINEAR_KINDS),
        *weights.amplitude,
        *weights.exponent,
        weights.noise,
    ]
    if len(numbers) != len(prior_table()[window.centre_days, window.spread_days]):
        raise ValueError("the table and the kernel have different parts")
    return np.log(np.array(numbers, dtype=np.float64))


def _as_csv(table: dict[tuple[int, int], Floats]) -> str:
    header, *rows = csv.reader(_FILE.read_text(encoding="utf-8").splitlines())
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    for i, row in enumerate(rows):
        numbers = [table[int(c), int(s)][i] for c, s in (name.split("/") for name in header[2:])]
        writer.writerow([*row[:2], *(f"{number:.4g}" for number in numbers)])
    return out.getvalue()


if __name__ == "__main__":
    typer.run(main)
