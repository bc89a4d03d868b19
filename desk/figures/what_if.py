"""What if, as a person sees it: the answer beside the machine's own, for the command and for the screen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl

from desk.figures.day import newest_decided_day
from desk.figures.opened import OpenedDesk
from spot.errors import ConfigurationError, ForecastError
from spot.market.clock import local_time
from spot.walk.what_if import Situation, WhatIf, what_if
from workflows.decisions.what_if import load_situation, read_changes

MARK = "WHAT IF: nothing is stored, nothing is sent"
_POINT = "price_point_eur_per_mwh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One zone and day that may be asked, and the machine's own answer."""

    zone: str
    situation: Situation
    machine: WhatIf

    @property
    def inputs(self) -> list[dict[str, Any]]:
        """Inputs that can be moved: name, mean and largest value of the day, and the range learnt from."""
        ranges, panel = self.situation.forecaster.seen_ranges, self.situation.panel
        return [
            {
                "name": name,
                "mean_mw": float(np.nanmean(panel.inputs[column][-1])),
                "max_mw": float(np.nanmax(panel.inputs[column][-1])),
                "learnt_from_mw": ranges[column][0],
                "learnt_to_mw": ranges[column][1],
            }
            for name, column in self.situation.names.items()
        ]


def ask(opened: OpenedDesk, zone: str, now: datetime, day: date | None = None) -> Asked:
    """Read what the newest decided day, or `day`, rests on; takes seconds.

    Raises:
        ConfigurationError: the desk does not have the zone, or there is no forecast to ask.
    """
    (name,) = opened.zones(zone)
    chosen = day or newest_decided_day(opened.lake, name)
    if chosen is None:
        raise ConfigurationError(f"{name}: no day was decided yet, so there is nothing to change")
    try:
        situation = load_situation(
            name, chosen, opened.lake, opened.desk, opened.registry, opened.environment.trading_state, now
        )
    except ForecastError as error:
        raise ConfigurationError(f"{name}: the champion makes no forecast of {chosen}: {error}") from error
    return Asked(zone=name, situation=situation, machine=what_if(situation, ()))


def answer(asked: Asked, texts: Sequence[str]) -> tuple[WhatIf, dict[str, Any]]:
    """What would follow from the changes, and the same as plain values beside the machine's own.

    Raises:
        ConfigurationError: no such input, a wrong form, or so far away that no honest forecast can be made.
    """
    changes = read_changes(texts, asked.situation)
    try:
        found = what_if(asked.situation, changes)
    except ForecastError as error:
        raise ConfigurationError(
            f"these inputs are too far from anything that the model has seen: {error}"
        ) from error
    machine = asked.machine
    return found, {
        "what_if": MARK,
        "zone": asked.zone,
        "delivery_day": asked.situation.day,
        "model_version": asked.situation.author.model_version,
        "changes": [str(change) for change in changes],
        "notes": list(found.notes),
        "mean_eur_per_mwh": _mean(found),
        "machine_mean_eur_per_mwh": _mean(machine),
        "expected_eur": found.expected_eur,
        "machine_expected_eur": machine.expected_eur,
        "change_eur": found.expected_eur - machine.expected_eur,
        "n_orders": found.orders.height,
        "machine_n_orders": machine.orders.height,
        "inputs": asked.inputs,
        "forecast": _units(found.forecast, asked.zone).to_dicts(),
        "orders": found.orders.with_columns(local=local_time(asked.zone).dt.strftime("%H:%M")).to_dicts(),
    }


def _mean(found: WhatIf) -> float:
    return float(found.forecast[_POINT].mean())  # type: ignore[arg-type]  # a forecast has rows


def _units(forecast: pl.DataFrame, zone: str) -> pl.DataFrame:
    quantiles = [name for name in forecast.columns if name.startswith("price_")]
    return forecast.select(
        "delivery_start_utc", local_time(zone).dt.strftime("%H:%M").alias("local"), *quantiles
    )
