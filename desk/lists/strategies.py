"""`spotdesk strategies`: the strategies that a zone can trade."""

from typing import Any

from desk.lists.settings import Entry, entries
from desk.screen.console import JsonFlag, emit
from resources.plugins.strategies import STRATEGIES
from spot.strategy.strategies import load_strategy


def strategies(*, as_json: JsonFlag = False) -> None:
    """List the files in `conf/strategies` and their settings.

    It shows the strategy, its second price, and the zones that trade it.

    A strategy without a file stands at the end. A strategy from a plug-in shows its package, or the reason
    why it cannot be used.
    """
    found = entries("strategies", "strategy", STRATEGIES, used_by=lambda zone: zone.strategies)
    emit([_row(entry) for entry in found], as_json=as_json, title="strategies")


def _row(entry: Entry) -> dict[str, Any]:
    loaded, problem = entry.load(lambda document: load_strategy(document, STRATEGIES))
    return {
        "name": entry.name,
        "strategy": entry.kind,
        "settled_against": None if loaded is None else loaded.settled_against,
        "needs_spread_model": None if loaded is None else loaded.needs_spread_model,
        "zones": entry.zones,
        "package": entry.package,
        "problem": problem,
    }
