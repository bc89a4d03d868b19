"""Whether a version of the spread model is fit to be judged: files, data, range, order, reload, odd inputs.

No check needs an outcome. Every check runs on the files as stored.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from spot.arrays import Floats
from spot.errors import SpotdeskError
from spot.lifecycle.sanity import (
    SanityCheck,
    SanitySettings,
    SanityVerdict,
    enough_days,
    known_data,
    native_files,
)
from spot.strategy.spread.model import SpreadModel
from spot.strategy.spread.training_rows import inputs_of, learning_rows

_SMALLEST_RANGE = 10.0
"""Smallest range that past spreads are assumed to have, EUR/MWh, so that a quiet market does not bind the
model. Chosen by hand; not tuned.
"""


def assess_spread_sanity(
    files: Mapping[str, bytes],
    rows: pl.DataFrame,
    days: Sequence[date],
    *,
    from_files: Callable[[Mapping[str, bytes]], SpreadModel],
    learn_through: date,
    data_version: str,
    settings: SanitySettings,
) -> SanityVerdict:
    """Check a version as stored.

    Args:
        files: the version's files.
        rows: the training set, under the contract `spread_training_set`.
        days: days that the version never saw; the newest `n_days` of them are forecast.
        from_files: makes the model of the files.
        learn_through: newest day that it learnt from.
        data_version: of the rows that it learnt from.
        settings: limits.
    """
    learnt, spreads = learning_rows(rows, learn_through)
    n_trained = learnt["delivery_day"].n_unique()
    checks = [known_data(data_version), enough_days(n_trained, settings), native_files(files)]
    unseen = inputs_of(rows.filter(pl.col("delivery_day").is_in(list(days)[-settings.n_days :])))
    if unseen.is_empty():
        failed = SanityCheck("forecasts", passed=False, detail="no day that the version never saw")
        return SanityVerdict((*checks, failed))
    try:
        model = from_files(files)
        quantiles = model.predict(unseen)
        again = from_files(model.to_files()).predict(unseen)
        absurd = {name: model.predict(_scaled(unseen, by)) for name, by in _absurd(settings).items()}
    except SpotdeskError as error:
        failed = SanityCheck("forecasts", passed=False, detail=f"{type(error).__name__}: {error}")
        return SanityVerdict((*checks, failed))
    bounds = _bounds(spreads, settings)
    same = quantiles.tobytes() == again.tobytes()
    checks += [
        _range("range", quantiles, bounds),
        SanityCheck("reload", passed=same, detail="" if same else "a reloaded version says other numbers"),
        *(_range(name, stated, bounds) for name, stated in absurd.items()),
    ]
    return SanityVerdict(tuple(checks))


def _absurd(settings: SanitySettings) -> dict[str, float]:
    return {f"inputs x{settings.scale_factor:g}": settings.scale_factor, "inputs missing": np.nan}


def _scaled(inputs: pl.DataFrame, factor: float) -> pl.DataFrame:
    return inputs.with_columns(pl.col(pl.Float64) * factor)


def _bounds(spreads: Floats, settings: SanitySettings) -> tuple[float, float]:
    """Spreads that a sane model may give: the range of past ones, and some such ranges beyond it."""
    known = spreads[np.isfinite(spreads)]
    if not len(known):
        return 0.0, 0.0
    low, high = np.quantile(known, [0.01, 0.99])
    margin = settings.range_widths * max(float(high - low), _SMALLEST_RANGE)
    return float(known.min()) - margin, float(known.max()) + margin


def _range(name: str, quantiles: Floats, bounds: tuple[float, float]) -> SanityCheck:
    """Every quantile is a number within the bounds, and none crosses another."""
    is_within = bool((quantiles >= bounds[0]).all() and (quantiles <= bounds[1]).all())
    is_ordered = bool((np.diff(quantiles, axis=1) >= 0).all())
    faults = [] if is_within else [_far(quantiles, bounds)]
    faults += [] if is_ordered else ["quantiles cross"]
    return SanityCheck(name, passed=not faults, detail="; ".join(faults))


def _far(quantiles: Floats, bounds: tuple[float, float]) -> str:
    return (
        f"{quantiles.min():.0f} to {quantiles.max():.0f} EUR/MWh stated, {bounds[0]:.0f} to"
        f" {bounds[1]:.0f} plausible"
    )
