"""Models as files a reader can trust: settings as JSON, arrays as npz without objects.

Arrays have the units that the model gave them; here they are without unit.
"""

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spot.errors import ModelIntegrityError
from spot.forecast.days.bounded import bounded_arrays, bounded_json
from spot.forecast.days.clock_grid import ClockGrid

SETTINGS_FILE = "settings.json"
STATE_FILE = "state.npz"
_MAXIMUM_DAYS = 60 * 366
"""Days of a stored grid. Chosen by hand, above every market's history."""
Arrays = dict[str, npt.NDArray[Any]]


def pack_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """The bytes of an npz file with these arrays, of any shape: `(days,)`, `(days, 24)`."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def unpack_arrays(files: Mapping[str, bytes], name: str = STATE_FILE) -> Arrays:
    """The arrays of an npz file among `files`.

    Raises:
        ModelIntegrityError: the file is missing, not such a file, or larger than is read.
    """
    return bounded_arrays(_file(files, name), name)


def pack_settings(settings: Mapping[str, Any]) -> bytes:
    """Settings as JSON, keys sorted."""
    return json.dumps(settings, indent=1, sort_keys=True).encode()


def unpack_settings(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The settings among `files`.

    Raises:
        ModelIntegrityError: they are missing, not JSON, or larger than is read.
    """
    settings = bounded_json(_file(files, SETTINGS_FILE), SETTINGS_FILE)
    if not isinstance(settings, dict):
        raise ModelIntegrityError(f"model file {SETTINGS_FILE} does not hold settings")
    return settings


def _file(files: Mapping[str, bytes], name: str) -> bytes:
    if name not in files:
        raise ModelIntegrityError(f"model file {name} is missing: got {', '.join(sorted(files))}")
    return files[name]


def grid_arrays(grid: ClockGrid) -> Arrays:
    """A grid as arrays; deviations of days with hourly periods are left out."""
    has_quarters = np.isfinite(grid.deviations).any(axis=(1, 2))
    return {
        "grid.zone": np.array(grid.zone),
        "grid.days": grid.days.astype("datetime64[D]").astype(np.int64),
        "grid.prices": grid.prices,
        "grid.quarter_rows": np.flatnonzero(has_quarters),
        "grid.deviations": grid.deviations[has_quarters],
        "grid.holiday_fraction": grid.holiday_fraction,
        **{f"grid.input.{name}": array for name, array in grid.inputs.items()},
    }


def grid_from_arrays(arrays: Arrays) -> ClockGrid:
    """The inverse of `grid_arrays`.

    Raises:
        ModelIntegrityError: an array is missing, or does not have a row for each day.
    """
    _check_rows(arrays)
    try:
        prices = arrays["grid.prices"]
        deviations = np.full((len(prices), 24, 4), np.nan)
        deviations[arrays["grid.quarter_rows"]] = arrays["grid.deviations"]
        prefix = "grid.input."
        return ClockGrid(
            zone=str(arrays["grid.zone"]),
            days=arrays["grid.days"].astype("datetime64[D]"),
            prices=prices,
            deviations=deviations,
            inputs={
                key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)
            },
            holiday_fraction=arrays["grid.holiday_fraction"],
        )
    except KeyError as error:
        raise ModelIntegrityError(f"model state lacks the array {error}") from None
    except (ValueError, IndexError, TypeError) as error:
        raise ModelIntegrityError(f"model state has an array that does not fit: {error}") from error


def _check_rows(arrays: Arrays) -> None:
    """Every array of the grid must have a row for each day, and there are days of at most 60 years."""
    n_days = arrays["grid.days"].size if "grid.days" in arrays else 0
    hourly = {name: (n_days, 24) for name in arrays if name.startswith("grid.input.")}
    daily = {"grid.days": (n_days,), "grid.holiday_fraction": (n_days,), "grid.prices": (n_days, 24)}
    for name, shape in {**daily, **hourly}.items():
        if name in arrays and (arrays[name].shape != shape or n_days > _MAXIMUM_DAYS):
            raise ModelIntegrityError(
                f"model state: array {name} has the shape {arrays[name].shape}, expected {shape} of at most"
                f" {_MAXIMUM_DAYS} days"
            )
