"""The strategies of a zone, as the files in `conf/strategies` set them."""

from collections.abc import Mapping

from resources.plugins.strategies import STRATEGIES
from resources.settings.zones import Desk
from spot.strategy.interface import Strategy
from spot.strategy.strategies import load_strategy


def strategies_of(desk: Desk, zone: str) -> tuple[Strategy, ...]:
    """The zone's strategies, in the order of `zones.yaml`.

    Raises:
        ConfigurationError: a file is missing, names no strategy that there is or a plug-in that cannot be
            used, or a
            setting is wrong.
    """
    return tuple(read_strategy(desk, name) for name in desk.zone(zone).strategies)


def read_strategy(desk: Desk, name: str, changes: Mapping[str, object] | None = None) -> Strategy:
    """The strategy that `conf/strategies/<name>.yaml` sets, with `changes` to its settings.

    Raises:
        ConfigurationError: the file is missing, names no strategy that there is or a plug-in that cannot be
            used, or
            a setting is wrong.
    """
    file = desk.document("strategies", name)
    with file.naming_lines():
        strategy = load_strategy(file.content, STRATEGIES)
    return load_strategy({**file.content, **changes}, STRATEGIES) if changes else strategy
