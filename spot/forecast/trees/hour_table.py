"""One row per day and clock hour: the table that tree models read."""

from dataclasses import dataclass

import numpy as np

from spot.arrays import Bools, Floats, Singles
from spot.forecast.days.anchors import Anchors
from spot.forecast.days.features import EVENING, FeatureBuilder, FilledHistory, NormalisationWindow
from spot.forecast.days.normalisation import transform
from spot.market.clock import HOURS

WINDOW = NormalisationWindow(14, 28, 0.5, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class HourTable:
    """n days of 24 rows."""

    names: tuple[str, ...]
    columns: Singles
    """(n, 24, F)"""
    outcomes: Floats
    """(n, 24) transformed prices."""
    centre: Floats
    spread: Floats
    is_known: Bools


def hour_table(history: FilledHistory, anchors: Anchors, rows: slice) -> HourTable:
    """Rows of the hour table for the days `rows`.

    The hour's own values of every group of 24, and the day's means, extremes, level and calendar.
    """
    features = FeatureBuilder(history, anchors, rows).build(WINDOW)
    columns: dict[str, Floats] = {
        "hour": np.broadcast_to(np.arange(HOURS, dtype=np.float64), (len(features.centre), HOURS))
    }
    for name, group in features.groups.items():
        columns |= _columns_of(name, group.astype(np.float64), len(features.centre))
    outcomes = transform(history.prices[rows], features.centre, features.spread)
    stacked = np.stack(list(columns.values()), axis=2).astype(np.float32)
    return HourTable(
        names=tuple(columns),
        columns=stacked,
        outcomes=outcomes,
        centre=features.centre,
        spread=features.spread,
        is_known=history.is_known[rows],
    )


def _columns_of(name: str, group: Floats, n_days: int) -> dict[str, Floats]:
    """The columns (n, 24) that a feature group gives; the evening's hours are in those of yesterday."""
    if name == EVENING:
        return {}
    if name == "dow":
        return {"weekday": np.broadcast_to(group.argmax(axis=1)[:, None].astype(np.float64), (n_days, HOURS))}
    if group.shape[1] != HOURS:
        return {
            f"{name}.{i}": np.broadcast_to(group[:, i : i + 1], (n_days, HOURS))
            for i in range(group.shape[1])
        }
    hourly = group * np.sqrt(HOURS)
    columns = {name: hourly, f"{name}.mean": _daily(hourly.mean(axis=1))}
    if name.endswith("@0") or name in ("r0", "p1"):
        columns |= {
            f"{name}.max": _daily(hourly.max(axis=1)),
            f"{name}.min": _daily(hourly.min(axis=1)),
            f"{name}.ramp": np.diff(hourly, axis=1, prepend=hourly[:, :1]),
        }
    if name == "p1":
        columns["p1.last"] = _daily(hourly[:, -1])
    return columns


def _daily(values: Floats) -> Floats:
    return np.broadcast_to(values[:, None], (len(values), HOURS))
