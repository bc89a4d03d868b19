"""Settling the signals of a span of days at the prices that followed."""

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_settling_tables, read_span
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from spot.contracts.signal_tables import SETTLEMENTS
from spot.market.delivery import ZoneDays
from spot.risk.outcomes import zone_outcomes
from spot.strategy.outbox.standing import as_sent
from spot.strategy.settle import settle_signals
from workflows.decisions.exchange import reported_of


def settle_span(span: ZoneDays, lake: Lake, desk: Desk) -> pl.DataFrame:
    """Rows of `settlements` for every signal of the span whose prices are known.

    Live orders that were never sent are settled as flat. What the exchange reported takes the place of fills
    that follow from prices. Live P&L of a strategy that was removed from the
    settings stays on record.
    """
    raw = read_settling_tables(lake, desk.zone(span.zone), span)
    signals = as_sent(read_span(lake, "signals", span), read_span(lake, "publications", span))
    curves, blocks = (read_span(lake, table, span) for table in ("bid_curves", "block_orders"))
    reported = reported_of(span, lake)
    parts = [SETTLEMENTS.empty()]
    for strategy in strategies_of(desk, span.zone):
        outcomes = zone_outcomes(raw, zone=span.zone, settled_against=strategy.settled_against)
        own = signals.filter(pl.col("strategy") == strategy.strategy)
        parts.append(
            settle_signals(own, outcomes, strategy, bid_curves=curves, block_orders=blocks, reported=reported)
        )
    settled = pl.concat(parts)
    left_out = (
        read_span(lake, "settlements", span)
        .filter(pl.col("mode") == "live")
        .join(signals.select("signal_id"), on="signal_id", how="semi")
        .join(settled, on="signal_id", how="anti")
    )
    return pl.concat([settled, left_out])


def unsettled(span: ZoneDays, lake: Lake) -> pl.DataFrame:
    """Signals of the span with a position that have no settlement yet."""
    traded = read_span(lake, "signals", span).filter(pl.col("side") != "flat")
    return traded.join(read_span(lake, "settlements", span), on="signal_id", how="anti")
