"""Paths of a day's prices: its quantiles, read at the ranks that past days had.

Quantiles per unit say nothing about a day. Hours err together, and that dependence is in the past: each past
day has a place of its price in its own forecast at every unit. The ranks of these places are the order in
which today's quantiles are read, so that each unit keeps its distribution and units go together as they did.
Method: the Schaake shuffle (Clark et al., "The Schaake Shuffle", Journal of Hydrometeorology, 2004) on the
model's own past, an empirical copula. Recent days count more.

Prices and quantiles are in EUR/MWh; places and ranks are between 0 and 1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from spot.arrays import Floats, Ints
from spot.errors import ContractError
from spot.forecast.joint.places import prices_at

N_PATHS = 500
MIN_DAYS = 30
"""Fewest past days that give paths. Chosen by hand; not tuned."""
HALF_LIFE_DAYS = 45.0
"""Days after which a past day counts half. Chosen on days before 2024, among 30, 45, 90 and no decay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneDay:
    """A zone's forecast of a day of P units, and how its past days came out on these units."""

    quantiles: Floats
    """(P, L) EUR/MWh, ascending."""
    past: Floats
    """(S, P) places, or errors, of past days. Only their order matters."""
    days: Sequence[date]
    """The S past days, ascending."""


def day_paths(
    quantiles: Floats, past: Floats, *, n_paths: int = N_PATHS, half_life_days: float = HALF_LIFE_DAYS
) -> Floats:
    """(n_paths, P) equally likely paths of the price, EUR/MWh; (0, P) with fewer than `MIN_DAYS` past days.

    Every unit has its quantiles (P, L) as its distribution. `past` (S, P) are the places of past days, oldest
    first; only their order matters. The same arguments give the same paths: nothing is drawn at random.

    Raises:
        ContractError: the units of `quantiles` and `past` differ in number, or a place is not finite.
    """
    if past.ndim != 2 or past.shape[1] != len(quantiles):
        raise ContractError(f"paths: {len(quantiles)} units, past days of shape {past.shape}")
    if not np.isfinite(past).all():
        raise ContractError("paths: a past day has a unit without a place; leave that day out")
    if len(past) < MIN_DAYS:
        return np.zeros((0, len(quantiles)))
    chosen = past[days_of_paths(len(past), n_paths, half_life_days)]
    ranks = np.argsort(np.argsort(chosen, axis=0, kind="stable"), axis=0, kind="stable")
    return prices_at(quantiles, (ranks + 0.5) / n_paths)


def zone_paths(zones: Mapping[str, ZoneDay], *, n_paths: int = N_PATHS) -> dict[str, Floats]:
    """Zone to its paths (n_paths, P). Path k of one zone and path k of another belong together.

    The zones of a day erred together on past days too, so all take the ranks of the same days: those that
    every zone has. With fewer than `MIN_DAYS` of them there are no paths.

    Raises:
        ContractError: as `day_paths`.
    """
    if not zones:
        return {}
    common = set.intersection(*(set(zone.days) for zone in zones.values()))
    rows = [zone.past[[day in common for day in zone.days]] for zone in zones.values()]
    joined = day_paths(
        np.concatenate([zone.quantiles for zone in zones.values()]),
        np.concatenate(rows, axis=1),
        n_paths=n_paths,
    )
    ends = np.cumsum([len(zone.quantiles) for zone in zones.values()])
    return dict(zip(zones, np.split(joined, ends[:-1], axis=1), strict=True))


def days_of_paths(n_days: int, n_paths: int, half_life_days: float = HALF_LIFE_DAYS) -> Ints:
    """(n_paths,) past day of each path, by systematic sampling: the share of a day is its weight."""
    weights = 0.5 ** (np.arange(n_days)[::-1] / half_life_days)
    ends = np.cumsum(weights) / weights.sum()
    points = (np.arange(n_paths) + 0.5) / n_paths
    return np.minimum(np.searchsorted(ends, points), n_days - 1)
