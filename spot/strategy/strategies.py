"""The strategies that come with Spotdesk. A new strategy is one line here."""

from collections.abc import Mapping
from types import MappingProxyType

from spot.strategy.interface import Strategy
from spot.strategy.proposals.price_view import PriceView
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.strategy.proposals.storage_groups import StorageGroups
from spot.wrong_settings import checked_settings, chosen_by_name

_BUILT_IN: tuple[type[Strategy], ...] = (SettlementSpread, Storage, StorageGroups, PriceView)


def strategy_name(strategy: type[Strategy]) -> str:
    """The name by which settings choose a class of strategies."""
    return str(strategy.model_fields["strategy"].default)


STRATEGIES: Mapping[str, type[Strategy]] = MappingProxyType({strategy_name(one): one for one in _BUILT_IN})
"""Name to class of the strategies that come with Spotdesk."""


def load_strategy(
    mapping: Mapping[str, object], strategies: Mapping[str, type[Strategy]] = STRATEGIES
) -> Strategy:
    """The strategy of a parsed YAML document, one of `strategies`.

    Raises:
        WrongSettingsError: unknown strategy or setting, or a value outside its range.
    """
    chosen: type[Strategy] = chosen_by_name(mapping, "strategy", strategies, subject="settings of a strategy")
    return checked_settings(chosen, mapping, subject=f"settings of strategy {mapping['strategy']}")
