"""Settings of the strategies: one frozen class each, chosen by `strategy` in `conf/strategies/*.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from spot.errors import ConfigurationError
from spot.risk.fees import FeeSchedule


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    fees: FeeSchedule = FeeSchedule()
    volume_step_mw: float = Field(default=0.1, gt=0)
    """Orders are rounded towards zero to this step."""


class SettlementSpreadSettings(_Settings):
    """Day-ahead against a later price of the same market time unit."""

    strategy: Literal["settlement_spread"] = "settlement_spread"
    settled_against: Literal[
        "intraday_vwap", "intraday_vwap_60", "ida1", "ida2", "ida3", "imbalance", "real_time"
    ] = "intraday_vwap"
    max_mw: float = Field(default=10.0, gt=0)
    full_size_ratio: float = Field(default=0.5, gt=0)
    """Edge over risk at which the full size is traded; below it the size is proportional."""
    min_edge_ratio: float = Field(default=0.05, ge=0)
    """Edge over risk below which the strategy stays flat."""
    window_days: int = Field(default=182, ge=14)
    """Days of history behind the empirical spread distribution and the risk scenarios."""
    distribution: Literal["empirical", "catboost"] = "empirical"
    """Where the distribution of the spread comes from: a fitted model, without which the strategy is flat, or
    its past at the same time of day.
    """
    takes_curve: bool = False
    """Send price and volume steps instead of one price-taking order."""
    n_curve_steps: int = Field(default=5, ge=2, le=50)


class StorageSettings(_Settings):
    """A battery that buys and sells in the day-ahead auction."""

    strategy: Literal["storage"] = "storage"
    settled_against: Literal["nothing"] = "nothing"
    power_mw: float = Field(default=1.0, gt=0)
    energy_mwh: float = Field(default=2.0, gt=0)
    charge_efficiency: float = Field(default=0.95, gt=0, le=1)
    discharge_efficiency: float = Field(default=0.95, gt=0, le=1)
    max_cycles_per_day: float = Field(default=2.0, gt=0)
    """Energy discharged per day over `energy_mwh`."""
    degradation_eur_per_mwh: float = Field(default=2.0, ge=0)
    """Wear, per MWh discharged."""
    initial_charge_frac: float = Field(default=0.0, ge=0, le=1)
    """State of charge at the start and the end of every day."""
    risk_aversion: float = Field(default=0.0, ge=0, le=1)
    """Buys are valued at the mean plus this share of the distance to the 75 % quantile, sells at the mean minus
    that to the 25 % one.
    """
    window_days: int = Field(default=182, ge=14)
    volume_step_mw: float = Field(default=0.001, gt=0)
    """Plans are made in whole steps that close. Auctions take 0.1 MW: of the value of 1 MW and 2 MWh that costs
    below 1 % in quarter hours, but 2 to 4 % in hours, where a step is a twentieth of the battery.
    """


class PriceViewSettings(_Settings):
    """Buy or sell base, peak or single units against a reference price that the desk gives."""

    strategy: Literal["price_view"] = "price_view"
    settled_against: Literal["reference_curve"] = "reference_curve"
    product: Literal["base", "peak", "offpeak", "mtu"] = "base"
    max_mw: float = Field(default=10.0, gt=0)
    full_size_ratio: float = Field(default=0.5, gt=0)
    min_edge_ratio: float = Field(default=0.1, ge=0)
    window_days: int = Field(default=182, ge=14)
    reference_eur_per_mwh: float | None = None
    """One price for every unit; a curve per unit is handed over with the request and wins."""

    @model_validator(mode="after")
    def _not_absurd(self) -> "PriceViewSettings":
        if self.reference_eur_per_mwh is not None and abs(self.reference_eur_per_mwh) > 10_000:
            raise ValueError("reference price beyond 10,000 EUR/MWh")
        return self


StrategySettings = Annotated[
    SettlementSpreadSettings | StorageSettings | PriceViewSettings, Field(discriminator="strategy")
]
_ADAPTER: TypeAdapter[SettlementSpreadSettings | StorageSettings | PriceViewSettings] = TypeAdapter(
    StrategySettings
)


def load_strategy_settings(
    mapping: Mapping[str, object],
) -> SettlementSpreadSettings | StorageSettings | PriceViewSettings:
    """The settings of a parsed YAML document.

    Raises:
        ConfigurationError: unknown strategy or field, or a value outside its range.
    """
    try:
        return _ADAPTER.validate_python(mapping)
    except ValidationError as error:
        raise ConfigurationError(f"strategy settings: {error}") from error
