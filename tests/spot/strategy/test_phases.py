"""The phases of a battery on paths of the day: as often as pays, and where the difference is."""

from itertools import pairwise

import numpy as np
import pytest

from spot.arrays import Floats
from spot.strategy.blocks.groups import best_profiles
from spot.strategy.blocks.phases import PhaseMarket, WindowPhase, phases_on_paths

LOSSLESS = {"charge_efficiency": 1.0, "discharge_efficiency": 1.0}


def market(**changes: object) -> PhaseMarket:
    own: dict[str, object] = {
        "hours": 1.0,
        "power_mw": 1.0,
        "energy_mwh": 2.0,
        "charge_efficiency": 0.95,
        "discharge_efficiency": 0.95,
        "most_cycles": 2.0,
        "start_frac": 0.0,
        "costs_eur_per_mwh": (0.05, 2.05),
    }
    return PhaseMarket(**{**own, **changes})  # type: ignore[arg-type]


def wavy(n_units: int = 24) -> Floats:
    return 80.0 - 40.0 * np.cos(np.arange(n_units) / n_units * 4 * np.pi)


def noisy(prices: Floats, width: float, seed: int = 1) -> Floats:
    return prices + np.random.default_rng(seed).normal(0, width, (60, len(prices)))


def worth(phases: tuple[WindowPhase, ...], paths: Floats, own: PhaseMarket) -> float:
    """Mean over paths of the phases in the best units of their windows, costs taken off."""
    total = 0.0
    for phase in phases:
        inside = paths[:, phase.window]
        profiles = best_profiles(inside, phase.side, phase.energy_mw, own.power_mw)
        cost = own.costs_eur_per_mwh[0 if phase.side > 0 else 1]
        total += float((-phase.side * (profiles * inside).sum(axis=1)).mean()) - cost * phase.energy_mw
    return total * own.hours


@pytest.mark.parametrize("n_units", [23, 24, 25, 92, 96, 100])
def test_two_valleys_and_two_peaks_are_four_phases_that_close(n_units: int) -> None:
    own = market(hours=1.0 if n_units < 30 else 0.25)
    phases = phases_on_paths(noisy(wavy(n_units), 5.0), own)
    assert [phase.side for phase in phases] == [1, -1, 1, -1]
    assert all(before.window.stop <= after.window.start for before, after in pairwise(phases))
    level = 0.0
    for phase in phases:
        factor = own.charge_efficiency if phase.side > 0 else 1.0 / own.discharge_efficiency
        level += phase.side * factor * phase.energy_mw * own.hours
        assert -1e-9 <= level <= own.energy_mwh + 1e-9
        assert phase.energy_mw <= own.power_mw * (phase.window.stop - phase.window.start) + 1e-9
    assert level == pytest.approx(0.0, abs=1e-9)


def test_a_level_day_rests_unless_its_paths_differ_enough() -> None:
    level = np.full(24, 60.0)
    assert phases_on_paths(noisy(level, 0.5), market()) == ()
    lively = phases_on_paths(noisy(level, 25.0), market())
    assert len(lively) >= 2
    assert worth(lively, noisy(level, 25.0), market()) > 0.0


def test_no_other_cut_of_a_short_day_is_worth_more() -> None:
    own = market(energy_mwh=1.0, most_cycles=1.0, **LOSSLESS)
    paths = noisy(np.array([30.0, 50.0, 20.0, 70.0, 60.0]), 15.0)
    found = worth(phases_on_paths(paths, own), paths, own)
    every = [
        worth((WindowPhase(1, slice(a, b), 1.0 * part), WindowPhase(-1, slice(b, c), 1.0 * part)), paths, own)
        for part in (0.5, 1.0)
        for a in range(4)
        for b in range(a + 1, 5)
        for c in range(b + 1, 6)
    ]
    assert found >= max(0.0, *every) - 1e-6


def test_cycles_start_and_missing_paths_are_kept() -> None:
    paths = noisy(wavy(), 5.0)
    once = phases_on_paths(paths, market(most_cycles=1.0))
    assert sum(phase.energy_mw for phase in once if phase.side < 0) <= 2.0
    full = phases_on_paths(paths, market(start_frac=1.0))
    assert full[0].side == -1
    assert phases_on_paths(paths, market(start_frac=0.3)) == ()
    assert phases_on_paths(paths[:0], market()) == ()
