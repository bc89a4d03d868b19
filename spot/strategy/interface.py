"""What a strategy is: its settings, and the answers that the desk asks of it.

There is one frozen class per strategy, chosen by the name `strategy` in `conf/strategies/*.yaml`. Only
`propose` is required. The other members have defaults that fit most strategies.

Prices are in EUR/MWh, powers in MW. P&L is in EUR.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from spot.arrays import Floats
from spot.contracts.signal_tables import SETTLED_AGAINST
from spot.contracts.words import STRATEGY_NAME
from spot.risk.fees import FeeSchedule
from spot.strategy.blocks.fills import FillRules
from spot.strategy.proposals.view import MarketView, Proposal
from spot.strict_settings import StrictSettings

NaiveRule = Literal["always_buy", "always_sell", "last_week"]
NAIVE_RULES: tuple[NaiveRule, ...] = ("always_buy", "always_sell", "last_week")
"""Rules that need no model: one side every day, or the mean sign of the last known week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedDay:
    """The prices that settle one delivery day of one zone. P market time units."""

    delivery_day: date
    hours: float
    """Length of a unit."""
    day_ahead: Floats
    """(P,) EUR/MWh, NaN where unknown."""
    second: Floats
    """(P,) the price that closes a position, EUR/MWh, NaN where unknown."""


class Strategy(StrictSettings, ABC):
    """Base of all strategies. A strategy is pure: it knows only its settings and its arguments."""

    naive_rules: ClassVar[tuple[NaiveRule, ...]] = ()
    """Rules on the sign of the spread that a backtest compares with the strategy. A strategy without any is
    compared with itself on the naive price forecast.
    """
    code_version: ClassVar[str] = ""
    """Hash of the source of a strategy from a plug-in, set when it is loaded; part of `settings_hash`."""

    fees: FeeSchedule = FeeSchedule()
    volume_step_mw: float = Field(default=0.1, gt=0)
    """Orders are rounded towards zero to this step."""
    strategy: str = Field(pattern=STRATEGY_NAME)
    """The strategy's name: a `Literal` with itself as default in each class."""
    settled_against: str
    """The second price that closes a position; `nothing` for a physical asset."""

    @field_validator("settled_against")
    @classmethod
    def _known_price(cls, value: str) -> str:
        if value not in SETTLED_AGAINST:
            raise ValueError(f"no second price {value!r}: known are {', '.join(SETTLED_AGAINST)}")
        return value

    @abstractmethod
    def propose(self, view: MarketView) -> Proposal:
        """The orders that the strategy wants, before any limit."""

    @property
    def label(self) -> str:
        """Its name in tables: the strategy's name, and the second price where that is a choice."""
        is_fixed = self.settled_against in ("nothing", "reference_curve")
        return self.strategy if is_fixed else f"{self.strategy}/{self.settled_against}"

    @property
    def history_days(self) -> int:
        """Complete days of outcomes that the strategy looks back on."""
        return 0

    @property
    def closes_at_desk_price(self) -> bool:
        """Whether a position closes at the price that the desk itself gave when it decided."""
        return self.settled_against == "reference_curve"

    @property
    def needs_spread_model(self) -> bool:
        """Whether it needs the zone's model of the spread to be trained and served.

        Without one it stays flat.
        """
        return False

    @property
    def wear_eur_per_mwh(self) -> float:
        """Cost of each MWh that a physical asset delivers, besides the fees."""
        return 0.0

    @property
    def fill_rules(self) -> FillRules:
        """How exclusive groups of block orders are assumed to be executed."""
        return FillRules()

    def perfect_foresight_eur(self, day: PricedDay) -> Floats:
        """(P,) net P&L per unit of the best orders if every price had been known.

        NaN where it is undefined.
        """
        return np.full(len(day.day_ahead), np.nan)

    def why_impossible(self, exposure_mw: Floats, hours: float) -> str:  # noqa: ARG002 - for physical assets
        """Why the asset cannot do these orders, (P,) MW, long is positive; empty where it can."""
        return ""

    def costs_eur_per_mwh(self, day: date) -> float:
        """Fees of both trades and the slippage, per MWh of a position that is opened and closed."""
        fees = self.fees.on(day)
        return fees.day_ahead_fee_eur_per_mwh + fees.reference_fee_eur_per_mwh + fees.slippage_eur_per_mwh


def better_side_eur(gaps: Floats, costs: float, *, max_mw: float, hours: float) -> Floats:
    """(P,) gain of the better side of each unit at full size where its gap (P,) pays the costs, else zero."""
    return np.maximum(np.abs(gaps) - costs, 0.0) * max_mw * hours
