"""Dated fees, slippage and the currency they are paid in.

The defaults are round figures of the size that exchanges publish (EPEX SPOT and OKTE price lists: some euro
cents per MWh, plus clearing). A desk puts its own contract into `conf/strategies/*.yaml`.
"""

from datetime import date

from pydantic import Field, model_validator

from spot.errors import ConfigurationError
from spot.strict_settings import StrictSettings


class FeeRule(StrictSettings):
    """Costs in force from a delivery day on."""

    valid_from: date
    day_ahead_fee_eur_per_mwh: float = Field(ge=0)
    """Exchange and clearing, per MWh filled in the auction."""
    reference_fee_eur_per_mwh: float = Field(ge=0)
    """Per MWh closed in the second market."""
    slippage_eur_per_mwh: float = Field(ge=0)
    """Expected distance between the second price and the price really obtained."""
    order_fee_eur: float = Field(default=0.0, ge=0)


class FeeSchedule(StrictSettings):
    """Fee rules in ascending order of their first day."""

    currency: str = "EUR"
    rules: tuple[FeeRule, ...] = (
        FeeRule(
            valid_from=date(2000, 1, 1),
            day_ahead_fee_eur_per_mwh=0.05,
            reference_fee_eur_per_mwh=0.10,
            slippage_eur_per_mwh=0.50,
        ),
    )

    @model_validator(mode="after")
    def _ascending(self) -> "FeeSchedule":
        days = [rule.valid_from for rule in self.rules]
        if not days or days != sorted(set(days)):
            raise ValueError("fee rules need ascending first days")
        return self

    def on(self, delivery_day: date) -> FeeRule:
        """The rule in force on the day.

        Raises:
            ConfigurationError: no rule is old enough.
        """
        valid = [rule for rule in self.rules if rule.valid_from <= delivery_day]
        if not valid:
            raise ConfigurationError(
                f"no fee rule for delivery on {delivery_day}: the first is valid from"
                f" {self.rules[0].valid_from}"
            )
        return valid[-1]
