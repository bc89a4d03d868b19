"""What a person asks with "what if": the situation read from the desk, and the words of the changes.

Nothing is written. `spot.walk.what_if` answers.
"""

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import lineage_of, read_features, read_raw
from resources.models.registry import ModelRegistry
from resources.settings.zones import Desk
from spot.errors import ConfigurationError
from spot.features.known_prices import known_prices
from spot.features.matrix import build_panel
from spot.market.delivery import ZoneDays
from spot.market.gates import gate_closure_utc
from spot.walk.forecasts import ForecastAuthor
from spot.walk.inputs import decision_instant
from spot.walk.what_if import Change, Situation, make_situation
from workflows.decisions.inputs import book_before, walk_inputs

_FORM = re.compile(
    r"\s*(?P<name>[A-Za-z_]+)\s*=\s*(?P<amount>[+-]?\d+(?:\.\d+)?)\s*(?P<unit>%|MW)\s*", re.IGNORECASE
)
_MOST_PERCENT, _MOST_MW = 1000.0, 250_000.0
"""Bounds of what may be asked. Chosen by hand: far beyond any day; not tuned."""
_LIKE = 0.5
"""How alike a mistyped name is to the one that is meant. Chosen by hand; not tuned."""
READ_TABLES = (
    "day_ahead_features",
    "day_ahead_prices",
    "day_ahead_forecasts",
    "feature_drift",
    "intraday_prices",
    "imbalance_prices",
    "signals",
    "settlements",
)
"""Tables whose newest versions say whether a situation is still that of the desk."""


def load_situation(
    zone: str, day: date, lake: Lake, desk: Desk, registry: ModelRegistry, state_folder: Path, now: datetime
) -> Situation:
    """Everything that the decision on the day rests on; takes about as long as the decision itself.

    Raises:
        ConfigurationError: no champion serves the day, or it has no features.
        ModelIntegrityError: the files of the champion are damaged.
    """
    settings, span = desk.zone(zone), ZoneDays(zone, day, day)
    version = registry.serving(zone, [day], lineage_of(settings))[day]
    if version is None:
        raise ConfigurationError(f"{zone}: no champion serves {day}, so there is nothing to ask")
    first_day = version.trained_through + timedelta(days=1)
    features = read_features(lake, zone, settings, first_day=first_day, last_day=day)
    own = features.filter(pl.col("delivery_day") == day).sort("delivery_start_utc")
    if own.is_empty():
        raise ConfigurationError(f"{zone}: {day} has no inputs yet, so there is nothing to move")
    prices = read_raw(lake, "day_ahead_prices", zone, settings, first_day=first_day, last_day=day)
    panel = build_panel(features, prices, zone=zone)
    published = known_prices(prices, zone=zone, first_day=panel.days[0].astype(object), last_day=day)
    known = published.as_of(panel.known_at_gate(len(panel) - 1), gate_closure_utc(zone, day))
    inputs = walk_inputs(span, lake, desk, registry, state_folder, now)
    return make_situation(
        inputs,
        book_before(span, lake),
        decision_instant(inputs, day, halted_until=date.min),
        known,
        own,
        registry.load(zone, version.version)[0],
        ForecastAuthor(model_name=version.name, model_version=version.version, role="champion"),
    )


def read_changes(texts: Iterable[str], situation: Situation) -> tuple[Change, ...]:
    """Changes from the form `wind=+20%` or `load=-1500MW`, each of an input that the champion reads.

    Raises:
        ConfigurationError: not of that form, no such input, or more than anybody can mean.
    """
    return tuple(_change(text, situation) for text in texts)


def _change(text: str, situation: Situation) -> Change:
    found = _FORM.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{text!r} is not of the form INPUT=+20% or INPUT=-1500MW")
    name, amount, unit = found["name"].lower(), float(found["amount"]), found["unit"].upper()
    names = {column: name for name, column in situation.names.items()}
    name = names.get(name, name)
    if name not in situation.names:
        near = get_close_matches(name, situation.names, n=1, cutoff=_LIKE)
        meant = f"did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"the champion of {situation.panel.zone} does not read {name}: {meant}It reads"
            f" {', '.join(situation.names) or 'no input at all'}"
        )
    least, most = (-100.0, _MOST_PERCENT) if unit == "%" else (-_MOST_MW, _MOST_MW)
    if not least <= amount <= most:
        raise ConfigurationError(f"{text}: from {least:+,.0f} to {most:+,.0f} {unit} can be asked")
    return Change(name, amount, "%" if unit == "%" else "MW")
