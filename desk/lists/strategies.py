"""`spotdesk strategies`: what a zone can trade by."""

from typing import Any

from desk.lists.settings import Entry, entries
from desk.screen.console import JsonFlag, emit
from resources.plugins.strategies import STRATEGIES
from spot.strategy.strategies import load_strategy


def strategies(*, as_json: JsonFlag = False) -> None:
    """List the files in `conf/strategies` and what each sets.

    The strategy, its second price, and the zones that trade by it.

    A strategy without a file stands at the end. One from a plug-in shows its package, one that cannot be used
    the reason.
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
