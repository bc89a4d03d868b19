"""Fixed prior of the kernel weights, by normalisation window and kind of feature group.

The numbers are data: `prior_weights.csv` beside this file has a row for each number and a column for each
window, headed by its days of centre and of spread. `python -m benchmarks.forecasts.prior_weights` fits them
on the five markets of the open-access benchmark, days 728 to 1455, takes the mean of their logarithms, and
compares.

Parts: two distance components, the linear one, two amplitudes, two exponents and the variance of the noise.
Kinds: `p` lagged price, `x` input (0 demand, 1 supply) and its lag, `d` difference to that lag, `r` residual
load, then calendar and level.
"""

import csv
from functools import cache
from importlib.resources import files

import numpy as np

from spot.arrays import Floats


@cache
def prior_table() -> dict[tuple[int, int], Floats]:
    """Days of the centre and of the spread to the numbers of that window, `(rows,)`, in the table's order."""
    _, rows = _parts()
    columns = np.array([row[2:] for row in rows], dtype=np.float64).T
    return dict(zip(_windows(), columns, strict=True))


def kinds_of(part: str) -> tuple[str, ...]:
    """The kinds of feature groups of a part, in the order of its numbers."""
    _, rows = _parts()
    return tuple(row[1] for row in rows if row[0] == part)


def _windows() -> list[tuple[int, int]]:
    header, _ = _parts()
    pairs = (name.split("/") for name in header[2:])
    return [(int(centre), int(spread)) for centre, spread in pairs]


@cache
def _parts() -> tuple[list[str], list[list[str]]]:
    """The header and the rows of the file."""
    text = files(__package__).joinpath("prior_weights.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    return header, rows


DISTANCE_KINDS = kinds_of("distance 1")
LINEAR_KINDS = kinds_of("linear")
