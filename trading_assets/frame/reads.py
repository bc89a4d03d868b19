"""What assets read: the name, the partitions, and the asset that is the node of a name in the graph."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dagster import (
    AllPartitionMapping,
    AssetDep,
    DimensionPartitionMapping,
    IdentityPartitionMapping,
    MultiPartitionMapping,
    MultiToSingleDimensionPartitionMapping,
    PartitionMapping,
    TimeWindowPartitionMapping,
)

from resources.market.live_sources import LIVE_ONLY_TABLES
from resources.models.version import PRICE_FAMILY, SPREAD_FAMILY, family_name
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.contracts.tables import TABLES
from spot.errors import ConfigurationError

PRICE_MODELS, SPREAD_MODELS = family_name(PRICE_FAMILY), family_name(SPREAD_FAMILY)
RECORDS: Mapping[str, str] = {
    "alert_acknowledgements": "who has seen an alert; a person says so, and no run reads it",
    "alerts": "every asset and sensor raises alerts, once each",
    "captures": "what live sources answered; the raw tables hold the rows",
    "exchange_fills": "what the exchange executed, as `spotdesk ingest` brings it in",
    "exchange_rates": "fetched with the prices of zones that do not trade in euro",
    "local_currency_prices": (
        "prices of zones that do not trade in euro, as published; their raw table is in euro"
    ),
    "order_overrides": "what people have changed about orders; a person says so, or gives it back",
    "override_conformance": "limits of orders that people changed, judged then and with each decision",
    "promotion_decisions": "one row per decision of the policy or of a person",
    "quarantine": "rows that were refused for some table, each with its reason",
    "retrain_requests": "asked for by sensors and people, closed by the runs that answer them",
}
"""Tables without a node, and why: many assets write them, and any may. An asset that reads one declares it.
"""
_NODES: Mapping[str, tuple[str, ...]] = {
    "day_ahead_forecasts": ("day_ahead_forecast",),
    "feature_importance": ("forecast_explanations",),
    "load_forecasts": ("load_forecasts", "own_forecasts"),
    "publications": ("published_signals",),
    "renewable_forecasts": ("renewable_forecasts", "own_forecasts"),
    "settlements": ("settlement",),
    PRICE_MODELS: ("champion",),
    SPREAD_MODELS: ("spread_champion",),
    "model_comparisons": ("model_comparison",),
    "spread_comparisons": ("spread_comparison",),
    "training_windows": ("training_set", "spread_training_set"),
}
"""Name to the assets that write it, where the asset has another name."""
OPTIONAL = frozenset(
    {*LIVE_ONLY_TABLES, "weather_forecasts", "own_forecasts", "earlier_auction_prices", "fuel_prices"}
)
"""Assets that only some desks have. Elsewhere `assets_for` leaves them out, with every dependency on them."""
_RAW = (*RAW_TABLES_OF_A_ZONE, *LIVE_ONLY_TABLES, "weather_forecasts")
_REVISED = "an answer of a live source is judged beside what the source said before"
_STAMPED = "an answer that is stamped before a kept one is refused: the clock stepped back"
_BEGAN = "its verdicts on earlier days say when a state began, so that one alert is raised"
_KNOWN_VERSION = "a version of the same settings, data and code is found again, and not trained twice"
EARLIER_READS: Mapping[str, Mapping[str, str]] = {
    **{table: {table: _REVISED, "captures": _STAMPED} for table in _RAW},
    "earlier_auction_prices": {
        "earlier_auction_prices": "a changed value is a revision",
        "captures": _STAMPED,
    },
    "fuel_prices": {
        "fuel_prices": "files bring it in for one zone, and all coupled zones read it",
        "captures": _STAMPED,
    },
    "day_ahead_forecast": {
        "day_ahead_forecasts": "errors of the serving version on its newest days say whether it may serve",
    },
    "signals": {
        "signals": (
            "positions of the day before and of other zones use up limits; what was live stays as it was"
        ),
        "bid_curves": "curves of days that were live stay as they were sent",
        "block_orders": "blocks of days that were live stay as they were sent",
        "risk_events": "events of days that were live stay on record",
        "limit_conformance": "limits of days that were live stay on record",
        "publications": "what was sent live says which days stay as they are",
        "settlements": "the money of the last 400 days uses up the limits on losses",
    },
    "published_signals": {
        "publications": (
            "a channel that has a batch is not sent it again; messages of a day count against a limit"
        ),
    },
    "data_quality": {"data_quality": _BEGAN},
    "feature_drift": {"feature_drift": _BEGAN},
    "reported_drift": {"reported_drift": _BEGAN},
    "forecast_performance": {"forecast_performance": _BEGAN},
    "forecast_explanations": {
        "feature_importance": "the newest shares are compared with those of the version's first days",
    },
    "price_model": {PRICE_MODELS: _KNOWN_VERSION},
    "champion": {
        "day_ahead_forecasts": "forecasts of champion and challengers are the evidence in error",
        "settlements": "their paper P&L is the evidence in money",
    },
    "spread_model": {SPREAD_MODELS: _KNOWN_VERSION},
    "spread_champion": {
        "spread_forecasts": "spread forecasts of champion and challengers are the evidence in error",
        "spread_shadow_settlements": "the paper P&L of a challenger is the evidence in money",
        "settlements": "it is compared with the desk's P&L on the same days",
    },
    "settlement": {
        "settlements": "live money of a strategy that left the settings stays; half a year of it is drawn",
    },
}
"""Asset to what it reads of earlier days, or of its own rows, and why.

A dependency would close a circle. The list is complete: a test compares it, together with the declared
dependencies, with the reads of a run.
"""


@dataclass(frozen=True, slots=True)
class Read:
    """A table, or a family of the registry, that an asset reads."""

    name: str
    partitions: PartitionMapping | None = None
    """Which partitions of it are read; None for the same zone and day."""
    nodes: tuple[str, ...] | None = None
    """Assets that write it; None for all that write `name`."""

    @property
    def deps(self) -> list[AssetDep]:
        """The dependencies that follow; none for a table without a node."""
        nodes = nodes_of(self.name) if self.nodes is None else self.nodes
        return [AssetDep(node, partition_mapping=self.partitions) for node in nodes]


def nodes_of(name: str) -> tuple[str, ...]:
    """The assets that write a table or a family of the registry; none for a table that many write.

    Raises:
        ConfigurationError: there is no such table or family.
    """
    if name not in TABLES and name not in (PRICE_MODELS, SPREAD_MODELS):
        raise ConfigurationError(f"an asset reads {name}, which is not a table: known are {sorted(TABLES)}")
    return () if name in RECORDS else _NODES.get(name, (name,))


def as_reads(named: Iterable[str | Read]) -> tuple[Read, ...]:
    """Reads from names. A name stands for the same zone and day."""
    return tuple(Read(one) if isinstance(one, str) else one for one in named)


def of_zone(name: str, *, by: str | None = None) -> Read:
    """Rows or models of the same zone: all its days for a model, or its model for a day.

    `by` names the asset, where several write it.
    """
    return Read(name, MultiToSingleDimensionPartitionMapping("zone"), None if by is None else (by,))


def of_days_before(name: str, *, first: int, last: int) -> Read:
    """The same zone's rows of the days from `first` to `last` before the delivery day.

    1 is the day before.
    """
    days = TimeWindowPartitionMapping(start_offset=-first, end_offset=-last)
    return Read(
        name,
        MultiPartitionMapping(
            {
                "zone": DimensionPartitionMapping("zone", IdentityPartitionMapping()),
                "delivery_day": DimensionPartitionMapping("delivery_day", days),
            }
        ),
    )


def training_windows_of(training_set: str) -> Read:
    """The record of the days, data and tables behind the zone's training set of this name."""
    return Read("training_windows", nodes=(training_set,))


def of_every_partition(*names: str) -> tuple[Read, ...]:
    """Everything, of every zone and day."""
    return tuple(Read(name, AllPartitionMapping()) for name in names)
