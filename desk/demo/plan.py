"""The plan of the demo: zones, days, and what is planted in their markets."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import yaml


class Regime(StrEnum):
    """Regime changes that the demo can switch on.

    Only the first needs a retrain. The bank of Gaussian processes absorbs the others by itself.
    """

    WIND_PARKS = "wind_parks"
    SOLAR_BOOM = "solar_boom"
    GAS_SHOCK = "gas_shock"

    @property
    def words(self) -> str:
        """What happens, as the beginning of a sentence."""
        return {
            Regime.WIND_PARKS: "The first wind parks went on line",
            Regime.SOLAR_BOOM: "Solar capacity doubled",
            Regime.GAS_SHOCK: "Gas became 2.4 times as expensive",
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPlan:
    """The plan of the demo, day by day. The days are fixed, so the numbers never change."""

    zones: tuple[str, ...] = ("SK", "FR")
    """The market of the first changes. One day of the second has bad data."""
    scenario: Regime = Regime.WIND_PARKS
    seed: int = 1
    training_days: int = 377
    evaluation_days: int = 14
    """The first days on which a version is judged. Chosen by hand: two weeks hold each day of the week twice.
    """
    first_forecast: date = date(2025, 1, 27)
    change_day: date = date(2025, 2, 24)
    fault_day: date = date(2025, 3, 5)
    """The load forecast of the second zone is frozen on this day."""
    tomorrow: date = date(2025, 4, 10)
    block_days: int = 7
    """Days between two looks of the monitors."""
    model: str = "fast"

    @classmethod
    def quick(cls, scenario: Regime, seed: int) -> "DemoPlan":
        """One zone and four weeks, to see that everything works. It is too short to promote a new model."""
        return cls(
            zones=("SK",),
            scenario=scenario,
            seed=seed,
            training_days=90,
            first_forecast=date(2025, 5, 20),
            change_day=date(2025, 6, 3),
            tomorrow=date(2025, 6, 18),
        )

    @property
    def first_day(self) -> date:
        """Oldest day from which a model learns."""
        return self.first_forecast - timedelta(days=self.training_days + self.evaluation_days + 8)

    def zones_text(self) -> str:
        """`zones.yaml` of the demo's desk.

        No schedule serves it, because its days are past and a model of today would be trained on them.
        """
        document = {
            "defaults": {**self.overrides(), "is_scheduled": False},
            "zones": {
                self.zones[0]: {"scenarios": [self._change()], "strategies": ["storage"]},
                **{zone: {"scenarios": [self._fault()]} for zone in self.zones[1:]},
            },
        }
        return "# Made by `spotdesk demo`, which makes this folder anew.\n" + yaml.safe_dump(
            document, sort_keys=False
        )

    def overrides(self) -> dict[str, Any]:
        """Settings of every zone.

        The age of a model causes no retrain here, so only the monitors can.
        """
        return {
            "source": "simulated",
            "assume_known": [],
            "fallback_sources": {},
            "seed": self.seed,
            "model": self.model,
            "strategies": ["settlement_spread", "storage"],
            "training_days": self.training_days,
            "evaluation_days": self.evaluation_days,
            "retrain_after_days": 1000,
        }

    def _change(self) -> dict[str, str]:
        return {"name": self.scenario.value, "start_day": self.change_day.isoformat()}

    def _fault(self) -> dict[str, str]:
        day = self.fault_day.isoformat()
        return {"name": "sensor_fault", "start_day": day, "end_day": day}
