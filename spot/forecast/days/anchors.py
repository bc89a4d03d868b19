"""Constants of the history that a model was fitted on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spot.arrays import Floats
from spot.errors import ForecastError
from spot.forecast.days.clock_grid import ClockGrid
from spot.forecast.days.files import Arrays
from spot.forecast.days.input_ranges import with_margin
from spot.forecast.days.input_roles import residual_load
from spot.forecast.days.normalisation import NORMAL_MAD

_MINIMUM_SHARE_OF_DAYS = 0.5
"""Share of days that must know an input before a model uses it. Chosen by hand; not tuned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """Constants of a history. Later days never change them."""

    first_day: np.datetime64
    price_centre: float
    price_spread: float
    input_mean: Mapping[str, float]
    input_spread: Mapping[str, float]
    input_range: Mapping[str, tuple[float, float]]
    """Lowest and highest value of each input that counts after the fit; see InputRanges."""
    residual_mean: float
    residual_spread: float


def anchors_of(grid: ClockGrid) -> Anchors:
    """The constants of a history, from known values only.

    Inputs that are mostly absent or constant are left out.

    Raises:
        ForecastError: there is no price, or all prices are the same: nothing can be learnt.
    """
    prices = grid.prices[np.isfinite(grid.prices)]
    if not len(prices):
        raise ForecastError(f"no price is known in the history of {grid.zone}")
    centre = float(np.median(prices))
    spread = float(np.median(np.abs(prices - centre)) / NORMAL_MAD)
    if spread <= 1e-9 * max(1.0, abs(centre)):
        raise ForecastError(
            f"the prices of {grid.zone} do not vary between {grid.days[0]} and {grid.days[-1]}: nothing can"
            " be learnt from them"
        )
    usable = {name: array for name, array in grid.inputs.items() if _is_usable(array)}
    residual = residual_load(usable)
    return Anchors(
        first_day=grid.days[0],
        price_centre=centre,
        price_spread=spread,
        input_mean={name: float(np.nanmean(array)) for name, array in usable.items()},
        input_spread={name: float(np.nanstd(array)) for name, array in usable.items()},
        input_range={name: _plausible(array) for name, array in usable.items()},
        residual_mean=float(np.nanmean(residual)) if residual is not None else 0.0,
        residual_spread=float(np.nanstd(residual)) if residual is not None else 1.0,
    )


def _is_usable(values: Floats) -> bool:
    known = np.isfinite(values)
    if known.any(axis=1).mean() < _MINIMUM_SHARE_OF_DAYS:
        return False
    return bool(np.std(values[known]) > 1e-9 * max(1.0, float(np.abs(values[known]).max())))


def _plausible(values: Floats) -> tuple[float, float]:
    low, high = np.nanquantile(values, [0.001, 0.999])
    return with_margin(float(low), float(high))


def anchor_arrays(anchors: Anchors) -> Arrays:
    """Anchors as arrays."""
    names = sorted(anchors.input_mean)
    return {
        "anchor.first_day": np.array(anchors.first_day.astype("datetime64[D]").astype(np.int64)),
        "anchor.scalars": np.array(
            [anchors.price_centre, anchors.price_spread, anchors.residual_mean, anchors.residual_spread]
        ),
        "anchor.names": np.array(names, dtype=np.str_),
        "anchor.inputs": (
            np.array(
                [[anchors.input_mean[n], anchors.input_spread[n], *anchors.input_range[n]] for n in names]
            ).reshape(len(names), 4)
        ),
        "anchor.order": np.array([names.index(name) for name in anchors.input_mean], dtype=np.int64),
    }


def anchors_from_arrays(arrays: Arrays) -> Anchors:
    """The inverse of `anchor_arrays`."""
    names = [str(arrays["anchor.names"][i]) for i in arrays["anchor.order"]]
    table = arrays["anchor.inputs"][arrays["anchor.order"]]
    centre, spread, residual_mean, residual_spread = arrays["anchor.scalars"]
    return Anchors(
        first_day=np.datetime64(int(arrays["anchor.first_day"]), "D"),
        price_centre=float(centre),
        price_spread=float(spread),
        input_mean={name: float(row[0]) for name, row in zip(names, table, strict=True)},
        input_spread={name: float(row[1]) for name, row in zip(names, table, strict=True)},
        input_range={name: (float(row[2]), float(row[3])) for name, row in zip(names, table, strict=True)},
        residual_mean=float(residual_mean),
        residual_spread=float(residual_spread),
    )
