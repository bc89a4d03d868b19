"""Which strategies there are. A new strategy is one line here."""

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import ValidationError

from spot.errors import ConfigurationError
from spot.strategy.interface import Strategy
from spot.strategy.proposals.price_view import PriceView
from spot.strategy.proposals.settlement_spread import SettlementSpread
from spot.strategy.proposals.storage import Storage
from spot.wrong_settings import wrong_settings

_BUILT_IN: tuple[type[Strategy], ...] = (SettlementSpread, Storage, PriceView)


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
        ConfigurationError: unknown strategy or setting, or a value outside its range.
    """
    name = mapping.get("strategy")
    chosen = strategies.get(name) if isinstance(name, str) else None
    if chosen is None:
        raise ConfigurationError(
            f"strategy settings: strategy {name!r} is unknown; known are {', '.join(strategies)}"
        )
    try:
        return chosen.model_validate(dict(mapping))
    except ValidationError as error:
        raise ConfigurationError(f"settings of strategy {name}: {wrong_settings(error)}") from error
