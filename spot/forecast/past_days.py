"""The features of past days, kept ready for the kernels of all windows between them and a new day.

Calendar and residual load are the same in every window, inputs in those that centre them alike; only what is made of prices belongs to one window.
So a group of features is kept, and multiplied with the new day, once for all windows in which it is the same.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from spot.forecast.day_features import DayFeatures, Scope, Singles
from spot.forecast.kernel import BIAS, NEARNESS, KernelWeights, distance_part, largest_distance_part, nearness
from spot.forecast.normalisation import Floats

Part = tuple[str, Scope]
"""A feature group, and what of the normalisation window it depends on: windows that agree in it share the part."""
DayParts = Mapping[Part, Singles]
"""Part to (n, width) its features on n days."""
_SPARE_ROWS = 64


class PastDays:
    """n past days as W windows see them, in P parts."""

    def __init__(self, features: Sequence[DayFeatures], weights: Sequence[KernelWeights]) -> None:
        """Features of the same days and hyper-parameters, both by window."""
        self._weights = weights
        self._parts = dict(self.parts_of(features))
        self._days, self._n_days = features[0].rows, len(features[0].rows)
        self._starts = np.cumsum([0, *(part.shape[1] for part in self._parts.values())])[:-1]
        place = {part: index for index, part in enumerate(self._parts)}
        self._linear, self._distance = (np.zeros((rows, len(place)), dtype=np.float32) for rows in (len(weights), 2 * len(weights)))
        for window, (each, its) in enumerate(zip(weights, features, strict=True)):
            own = [place[name, its.scopes[name]] for name in each.groups]
            self._linear[window, own] = each.linear
            self._distance[2 * window : 2 * window + 2, own] = each.distance
        self._amplitude = np.concatenate([each.amplitude for each in weights])[:, None]
        self._exponent = np.concatenate([each.exponent for each in weights])[:, None]
        self._largest = np.array([largest_distance_part(each) for each in weights])
        self._squares = self._distance @ self._norms(self._parts)

    def parts_of(self, features: Sequence[DayFeatures]) -> DayParts:
        """The parts of some days from their features by window."""
        return {(name, its.scopes[name]): its.groups[name] for each, its in zip(self._weights, features, strict=True) for name in each.groups}

    def kernels(self, new: DayParts, day: Singles) -> tuple[Singles, Floats]:
        """(W, n) kernel between day number `day` (1,) with features `new` and every past day, and (W,) its own variances without noise."""
        norms, products = self._norms(new), self._products(new)
        rows = self._linear @ products + np.float32(BIAS) + self._distance_parts(norms, products) * nearness(day, self._days[: self._n_days])
        return rows, BIAS + self._largest + (self._linear @ norms)[:, 0]

    def likeness(self, new: DayParts) -> Floats:
        """(W, n) how like in features every past day is: 1 for a day with the same, 0 for one unlike in all."""
        return np.asarray(self._distance_parts(self._norms(new), self._products(new)) * (1 + NEARNESS) / self._largest[:, None])

    def mean_of_newest(self, n_days: int) -> DayParts:
        """Mean features of the newest `n_days` days, as of one day."""
        newest = slice(max(0, self._n_days - n_days), self._n_days)
        return {part: past[newest].mean(axis=0, keepdims=True) for part, past in self._parts.items()}

    def append(self, new: DayParts, day: Singles) -> None:
        """Remember day number `day` (1,) with features `new`."""
        if self._n_days == len(self._days):
            self._make_room()
        self._days[self._n_days] = day[0]
        self._squares[:, self._n_days] = (self._distance @ self._norms(new))[:, 0]
        for part, past in self._parts.items():
            past[self._n_days] = new[part][0]
        self._n_days += 1

    def _make_room(self) -> None:
        """Room for more days at once: copying the past every day would cost more than the forecast."""
        self._days = np.concatenate([self._days, np.empty(_SPARE_ROWS, dtype=np.float32)])
        self._squares = np.concatenate([self._squares, np.empty((len(self._squares), _SPARE_ROWS), dtype=np.float32)], axis=1)
        for part, past in self._parts.items():
            self._parts[part] = np.concatenate([past, np.empty((_SPARE_ROWS, past.shape[1]), dtype=np.float32)])

    def _products(self, new: DayParts) -> Singles:
        """(P, n) inner product of every part of one new day with that of every past day."""
        products = np.empty((len(self._parts), self._n_days), dtype=np.float32)
        for (part, past), product in zip(self._parts.items(), products, strict=True):
            np.dot(past[: self._n_days], new[part][0], out=product)
        return products

    def _norms(self, days: DayParts) -> Singles:
        """(P, n) squared norm of every part of n days."""
        columns = np.concatenate([days[part] for part in self._parts], axis=1)
        return np.asarray(np.add.reduceat(columns**2, self._starts, axis=1).T)

    def _distance_parts(self, norms: Singles, products: Singles) -> Singles:
        """(W, n) distance part of the kernel before nearness in time, both components together, for a new day of these norms (P, 1)."""
        past = self._squares[:, : self._n_days]
        components = distance_part(self._distance @ products, self._distance @ norms, past, amplitude=self._amplitude, exponent=self._exponent)
        return components[::2] + components[1::2]
