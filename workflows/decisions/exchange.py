"""What the exchange reported of a span of days: kept, compared with what was sent, and raised as an alert."""

from datetime import datetime

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_span
from resources.trading.alerts import Alerts
from spot.contracts.fill_tables import EXCHANGE_FILLS
from spot.market.clock import local_time
from spot.market.delivery import ZoneDays
from spot.strategy.by_hand.changes import with_changes
from spot.strategy.outbox.standing import as_sent
from spot.strategy.reported.compare import COMPARED_SCHEMA, compare_fills
from spot.strategy.reported.fills import REPORTED_SCHEMA, reported_fills

_SHOWN = 3
"""Units that an alert names; `spotdesk fills` has all."""


def reported_of(span: ZoneDays, lake: Lake) -> pl.DataFrame:
    """What was executed of the span's signals, columns `REPORTED_SCHEMA`."""
    fills, sent = read_span(lake, EXCHANGE_FILLS.name, span), _sent(span, lake)
    if fills.is_empty():
        return pl.DataFrame(schema=REPORTED_SCHEMA)
    return reported_fills(read_span(lake, "signals", span), sent, fills)


def compared_fills(span: ZoneDays, lake: Lake, settled: pl.DataFrame | None = None) -> pl.DataFrame:
    """Signals, what was sent and what was filled, unit by unit, under `COMPARED_SCHEMA`.

    `settled` are the span's rows of `settlements`, by default those that are stored.
    """
    fills = read_span(lake, EXCHANGE_FILLS.name, span)
    if fills.is_empty():
        return pl.DataFrame(schema=COMPARED_SCHEMA)
    prices = read_span(lake, "settlements", span) if settled is None else settled
    return compare_fills(
        read_span(lake, "signals", span),
        _sent(span, lake),
        fills,
        prices.filter(pl.col("role") == "champion"),
        read_span(lake, "bid_curves", span),
    )


def alert_on_fills(compared: pl.DataFrame, alerts: Alerts, *, now: datetime) -> int:
    """Raise one alert per day and strategy whose fills differ; returns how many are new.

    The message is the episode: other differences of the same day are another alert.
    """
    n_new = 0
    differ = compared.filter(pl.col("difference") != "")
    for (zone, day, strategy), rows in differ.group_by(
        "zone", "delivery_day", "strategy", maintain_order=True
    ):
        local = rows.select(local_time(str(zone)).dt.strftime("%H:%M").alias("local"), "difference")
        named = "; ".join(f"{at} {what}" for at, what in local.head(_SHOWN).iter_rows())
        more = f"; and {rows.height - _SHOWN} more" if rows.height > _SHOWN else ""
        message = (
            f"{strategy} on {day}: the exchange's report differs in {rows.height} units: {named}{more};"
            " see docs/runbooks/fills_differ.md"
        )
        n_new += alerts.send("fills_differ", message, zone=str(zone), severity="critical", now=now)
    return n_new


def _sent(span: ZoneDays, lake: Lake) -> pl.DataFrame:
    """The orders as they left: with people's changes, flat where no channel took them."""
    names = ("signals", "order_overrides", "override_conformance", "publications")
    signals, overrides, judged, publications = (read_span(lake, name, span) for name in names)
    return as_sent(with_changes(signals, overrides, judged).signals, publications)
