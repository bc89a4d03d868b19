"""The features of past days, kept ready for the kernels of all windows between them and a new day.

Calendar and residual load are the same in every window. Inputs are the same in windows that centre them
alike. Only features made of prices belong to one window. So a group of features is kept once, and multiplied
with the new day once, for all windows in which it is the same. Where a window has a kernel for each block of
hours, its groups of 24 hours are kept block by block, because the kernels weight the blocks differently.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from spot.arrays import Floats, Singles
from spot.forecast.days.features import DayFeatures, Scope
from spot.forecast.gp.kernel import (
    BIAS,
    NEARNESS,
    KernelWeights,
    distance_part,
    hour_blocks,
    hour_weights,
    largest_distance_part,
    nearness,
)
from spot.market.clock import HOURS

Part = tuple[str, Scope, int]
"""A feature group, its scope (windows with the same scope share the part), and the first of its hours. The
hour is 0 for a group that is not of hours, too.
"""
DayParts = Mapping[Part, Singles]
"""Part to (n, width) its features on n days."""
_SPARE_ROWS = 64
"""Rows made room for at once."""


class PastDays:
    """The n past days as seen by the V kernels of all windows, in P parts.

    Kernels are in the order of windows, and of blocks within each.
    """

    def __init__(
        self, features: Sequence[DayFeatures], weights: Sequence[KernelWeights], n_blocks: Sequence[int]
    ) -> None:
        """Args: features of the same days, hyper-parameters and number of blocks of hours, each by window.

        All numbers of blocks other than 1 must be equal.
        """
        self._weights = weights
        self._cuts = _cuts(features, n_blocks)
        self._parts = dict(self.parts_of(features))
        self._days, self._n_days = features[0].rows, len(features[0].rows)
        self._starts = np.cumsum([0, *(part.shape[1] for part in self._parts.values())])[:-1]
        views = [
            (block, each, its)
            for n, each, its in zip(n_blocks, weights, features, strict=True)
            for block in hour_blocks(n)
        ]
        self._linear = np.concatenate(
            [self._by_part(each.groups, its, each.linear[None]) for _, each, its in views]
        )
        self._distance = np.concatenate(
            [
                self._by_part(each.groups, its, each.distance, hour_weights(block))
                for block, each, its in views
            ]
        )
        self._amplitude = np.concatenate([each.amplitude for _, each, _ in views])[:, None]
        self._exponent = np.concatenate([each.exponent for _, each, _ in views])[:, None]
        self._largest = np.array([largest_distance_part(each) for _, each, _ in views])
        self._squares = self._distance @ self._norms(self._parts)
        self._asked: tuple[Singles, Singles] | None = None

    def _by_part(
        self, groups: Sequence[str], features: DayFeatures, weights: Floats, of_hour: Floats | None = None
    ) -> Singles:
        """(m, P) weights of the groups, (m, G), spread over the parts.

        Parts of hours are multiplied by `of_hour`, (24,), where given.
        """
        place = {part: index for index, part in enumerate(self._parts)}
        spread = np.zeros((len(weights), len(place)), dtype=np.float32)
        for name, weight in zip(groups, weights.T, strict=True):
            is_hourly = features.groups[name].shape[1] == HOURS
            for part, columns in self._parts_of_group(name, features):
                spread[:, place[part]] = (
                    weight * of_hour[columns.start] if is_hourly and of_hour is not None else weight
                )
        return spread

    def _parts_of_group(self, name: str, features: DayFeatures) -> list[tuple[Part, slice]]:
        """The parts of a group with their columns."""
        scope = features.scopes[name]
        return [((name, scope, cut.start), cut) for cut in self._cuts[name, scope]]

    def parts_of(self, features: Sequence[DayFeatures]) -> DayParts:
        """The parts of some days from their features by window."""
        return {
            part: np.ascontiguousarray(its.groups[name][:, columns])
            for each, its in zip(self._weights, features, strict=True)
            for name in each.groups
            for part, columns in self._parts_of_group(name, its)
        }

    def kernels(self, new: DayParts, day: Singles) -> tuple[Singles, Floats]:
        """(V, n) kernels between day number `day`, (1,), with features `new` and every past day.

        It also gives the day's own variances without noise, (V,).
        """
        norms, products = self._norms(new), self._products(new)
        rows = (
            self._linear @ products
            + np.float32(BIAS)
            + self._distance_parts(norms, products) * nearness(day, self._days[: self._n_days])
        )
        return rows, BIAS + self._largest + (self._linear @ norms)[:, 0]

    def expect(self, new: DayParts) -> None:
        """Multiply in advance with the features that are known already of the coming day.

        Features that turn out otherwise are multiplied when they are asked for.
        """
        self._products(new)

    def likeness(self, new: DayParts) -> Floats:
        """(V, n) similarity of the features of every past day: 1 for equal ones, near 0 for unlike ones."""
        return np.asarray(
            self._distance_parts(self._norms(new), self._products(new))
            * (1 + NEARNESS)
            / self._largest[:, None]
        )

    def mean_of_newest(self, n_days: int) -> DayParts:
        """Mean features of the newest `n_days` days, as of one day."""
        newest = slice(max(0, self._n_days - n_days), self._n_days)
        return {part: past[newest].mean(axis=0, keepdims=True) for part, past in self._parts.items()}

    def append(self, new: DayParts, day: Singles) -> None:
        """Append day number `day`, (1,), with features `new`."""
        if self._n_days == len(self._days):
            self._make_room()
        self._days[self._n_days] = day[0]
        self._squares[:, self._n_days] = (self._distance @ self._norms(new))[:, 0]
        for part, past in self._parts.items():
            past[self._n_days] = new[part][0]
        self._n_days += 1
        self._asked = None

    def _make_room(self) -> None:
        """Make room for more days at once. Copying the past every day would cost more than the forecast."""
        self._days = np.concatenate([self._days, np.empty(_SPARE_ROWS, dtype=np.float32)])
        self._squares = np.concatenate(
            [self._squares, np.empty((len(self._squares), _SPARE_ROWS), dtype=np.float32)], axis=1
        )
        for part, past in self._parts.items():
            self._parts[part] = np.concatenate(
                [past, np.empty((_SPARE_ROWS, past.shape[1]), dtype=np.float32)]
            )

    def _products(self, new: DayParts) -> Singles:
        """(P, n) inner product of every part of one new day with that of every past day.

        Parts that have not changed since the last call are not computed again.
        """
        columns = np.concatenate([new[part][0] for part in self._parts])
        if self._asked is None:
            self._asked = (
                np.full_like(columns, np.nan),
                np.empty((len(self._parts), self._n_days), dtype=np.float32),
            )
        asked, products = self._asked
        is_other = np.logical_or.reduceat(columns != asked, self._starts)
        for (part, past), product, must in zip(self._parts.items(), products, is_other, strict=True):
            if must:
                np.dot(past[: self._n_days], new[part][0], out=product)
        asked[:] = columns
        return products

    def _norms(self, days: DayParts) -> Singles:
        """(P, n) squared norm of every part of n days."""
        columns = np.concatenate([days[part] for part in self._parts], axis=1)
        return np.asarray(np.add.reduceat(columns**2, self._starts, axis=1).T)

    def _distance_parts(self, norms: Singles, products: Singles) -> Singles:
        """(V, n) distance part of the kernel before nearness in time, for a new day.

        Both components are summed. (P, 1) are the norms of the day.
        """
        past = self._squares[:, : self._n_days]
        components = distance_part(
            self._distance @ products,
            self._distance @ norms,
            past,
            amplitude=self._amplitude,
            exponent=self._exponent,
        )
        return components[::2] + components[1::2]


def _cuts(
    features: Sequence[DayFeatures], n_blocks: Sequence[int]
) -> dict[tuple[str, Scope], tuple[slice, ...]]:
    """Name and scope of every group to the columns of its parts.

    Groups of hours are cut where a window that uses them has blocks.
    """
    cuts: dict[tuple[str, Scope], tuple[slice, ...]] = {}
    for its, n in sorted(zip(features, n_blocks, strict=True), key=lambda window: window[1]):
        for name, group in its.groups.items():
            width = group.shape[1]
            cuts[name, its.scopes[name]] = hour_blocks(n) if width == HOURS else (slice(0, width),)
    return cuts
