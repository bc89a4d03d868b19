"""Features of load, wind and solar.

They are the forecasts of the delivery day, their change from the day before, and the last day that was fully
measured.

All of them are in MW.
"""

from collections.abc import Iterable

import numpy as np

from spot.arrays import Bools, Floats
from spot.features.gatekeeper import Gatekeeper
from spot.market.clock import LONGEST_DAY_QUARTERS

_LOOK_BACK_DAYS = 7
"""Days in which a zone must have published a series to count as one that has it. Chosen by hand: a provider
that is silent for a weekend does not change what the sum of wind means.
"""
_WIND_PARTS = ("wind_onshore", "wind_offshore")


def fundamental_features(keeper: Gatekeeper) -> dict[str, Floats]:
    """(D, S) matrices of all features made of load, wind and solar."""
    load, load_1d = (_load_forecast(keeper, lag) for lag in (0, 1))
    wind, solar = (_renewable_forecasts(keeper, series) for series in ("wind", "solar"))
    return {
        "load_forecast_mw": load,
        "wind_forecast_mw": wind[0],
        "solar_forecast_mw": solar[0],
        "residual_load_mw": _residual(load, (wind[0], wind[2]), (solar[0], solar[2])),
        "load_forecast_change_1d_mw": load - load_1d,
        "wind_forecast_change_1d_mw": wind[0] - wind[1],
        "solar_forecast_change_1d_mw": solar[0] - solar[1],
        "wind_forecast_1d_mw": wind[1],
        "solar_forecast_1d_mw": solar[1],
        "load_actual_mw": _last_whole_day(keeper, "load_actuals", ("load",), "load_mw"),
        "wind_actual_mw": _last_whole_day(
            keeper, "generation_actuals", ("wind", *_WIND_PARTS), "generation_mw"
        ),
        "solar_actual_mw": _last_whole_day(keeper, "generation_actuals", ("solar",), "generation_mw"),
    }


def _load_forecast(keeper: Gatekeeper, lag_days: int) -> Floats:
    read = keeper.at_gate if lag_days == 0 else keeper.at_gate_clock
    return read("load_forecasts", "load", "load_forecast_mw", lag_days=lag_days)


def _renewable_forecasts(keeper: Gatekeeper, kind: str) -> tuple[Floats, Floats, Bools]:
    """Forecast of the day, that of the day before by the local clock, and whether the zone has the series.

    The forecasts are `(D, S)`. The last is `(D,)` and looks at recent days.
    """
    names = ("wind", *_WIND_PARTS) if kind == "wind" else (kind,)
    history = {name: [_renewables(keeper, name, lag) for lag in range(_LOOK_BACK_DAYS + 1)] for name in names}
    has = {name: _any_known(days) for name, days in history.items()}
    today = _total({name: days[0] for name, days in history.items()}, has)
    before = _total({name: days[1] for name, days in history.items()}, has)
    return today, keeper.to_target(before, 1), _either(has.values())


def _renewables(keeper: Gatekeeper, series: str, lag_days: int) -> Floats:
    return keeper.at_gate("renewable_forecasts", series, "generation_forecast_mw", lag_days=lag_days)


def _total(parts: dict[str, Floats], has: dict[str, Bools]) -> Floats:
    """The total that a provider states, else the sum of both parts, else the only part that the zone has."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    onshore, offshore = (parts[name] for name in _WIND_PARTS)
    has_total, has_onshore, has_offshore = (has[name][:, None] for name in ("wind", *_WIND_PARTS))
    summed = onshore + offshore
    summed = np.where(~has_total & ~has_offshore, onshore, summed)
    summed = np.where(~has_total & ~has_onshore, offshore, summed)
    return np.where(np.isfinite(parts["wind"]), parts["wind"], summed)


def _residual(load: Floats, *renewables: tuple[Floats, Bools]) -> Floats:
    """Load minus the renewables that the zone has.

    NaN where no renewables are known: missing data is then more likely than zero generation.
    """
    rest = load.copy()
    for forecast, has in renewables:
        rest -= np.where(has[:, None], forecast, 0.0)
    return np.where(_either(has for _, has in renewables)[:, None], rest, np.nan)


def _any_known(days: Iterable[Floats]) -> Bools:
    """(D,) whether any slot of any of these days holds a value."""
    known: Bools = np.isfinite(np.stack(list(days))).sum(axis=(0, 2)) > 0
    return known


def _either(conditions: Iterable[Bools]) -> Bools:
    first, *others = conditions
    for other in others:
        first = first | other
    return first


def _last_whole_day(keeper: Gatekeeper, table: str, series: tuple[str, ...], value: str) -> Floats:
    """(D, S) actual values, by the local clock, of the newest earlier day that was known in full at the gate.

    A day is known in full when every part that the zone has is known.
    """
    n_days = len(keeper.target.days)
    chosen, is_found = np.full((n_days, LONGEST_DAY_QUARTERS), np.nan), np.zeros(n_days, dtype=bool)
    lags = range(1, _LOOK_BACK_DAYS + 1 if keeper.has_rows(table, *series) else 1)
    seen = {name: {lag: keeper.look(table, name, value, lag_days=lag) for lag in lags} for name in series}
    has = {name: _any_known([matrix for matrix, _ in days.values()]) for name, days in seen.items() if days}
    for lag in lags:
        total = _total({name: days[lag][0] for name, days in seen.items()}, has)
        take = ~is_found & (np.isfinite(total).sum(axis=1) == keeper.lagged(lag).n_slots)
        chosen[take] = keeper.to_target(total, lag)[take]
        for days in seen.values():
            keeper.use(days[lag][1], take)
        is_found |= take
    return chosen
