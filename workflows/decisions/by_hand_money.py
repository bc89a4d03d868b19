"""What people's changes of orders earned beside the machine's own orders, unit by unit: a challenger's score.

`settlements` stays the machine's own. Here both are settled at the same prices, and the difference belongs to
whoever changed the unit last.
"""

import polars as pl

from resources.lake.lake import Lake
from resources.lake.zone_tables import read_settling_tables, read_span
from resources.settings.strategies import strategies_of
from resources.settings.zones import Desk
from spot.market.delivery import ZoneDays
from spot.risk.outcomes import zone_outcomes
from spot.strategy.by_hand.changes import standing_changes, with_changes
from spot.strategy.outbox.standing import as_sent
from spot.strategy.settle import settle_signals

SCHEMA: pl.Schema = pl.Schema(
    {
        "zone": pl.String(),
        "delivery_day": pl.Date(),
        "delivery_start_utc": pl.Datetime("us", "UTC"),
        "strategy": pl.String(),
        "entered_by": pl.String(),
        "action": pl.String(),
        "reason": pl.String(),
        "side": pl.String(),
        "volume_mw": pl.Float64(),
        "limit_price_eur_per_mwh": pl.Float64(),
        "machine_side": pl.String(),
        "machine_volume_mw": pl.Float64(),
        "machine_limit_price_eur_per_mwh": pl.Float64(),
        "machine_pnl": pl.Float64(),
        "override_pnl": pl.Float64(),
        "currency": pl.String(),
    }
)
_UNIT = ["delivery_start_utc", "strategy"]


def override_money(span: ZoneDays, lake: Lake, desk: Desk) -> pl.DataFrame:
    """A row under `SCHEMA` per unit whose newest change stands; money is null until its prices are known.

    Changes that were never judged on the machine's last decision did not leave, and have no row.
    """
    overrides = read_span(lake, "order_overrides", span)
    if overrides.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    signals = read_span(lake, "signals", span).filter(role="champion")
    judged, curves = (read_span(lake, name, span) for name in ("override_conformance", "bid_curves"))
    changed = with_changes(signals, overrides, judged, curves)
    standing = standing_changes(overrides).filter(
        pl.col("action") != "withdraw", ~_is_one_of(list(changed.unjudged))
    )
    if standing.is_empty():
        return pl.DataFrame(schema=SCHEMA)
    raw = read_settling_tables(lake, desk.zone(span.zone), span)
    sent = read_span(lake, "publications", span)
    money = []
    for strategy in strategies_of(desk, span.zone):
        outcomes = zone_outcomes(raw, zone=span.zone, settled_against=strategy.settled_against)
        own = pl.col("strategy") == strategy.strategy
        machine = settle_signals(as_sent(signals.filter(own), sent), outcomes, strategy, bid_curves=curves)
        people = settle_signals(
            as_sent(changed.signals.filter(own), sent), outcomes, strategy, bid_curves=changed.bid_curves
        )
        money.append(
            machine.select(*_UNIT, "currency", machine_pnl="pnl_eur").join(
                people.select(*_UNIT, override_pnl="pnl_eur"), on=_UNIT, how="inner"
            )
        )
    both = standing.join(pl.concat(money), on=_UNIT, how="left")
    return both.select(SCHEMA.keys()).cast(pl.Schema(SCHEMA)).sort("delivery_start_utc", "strategy")


def _is_one_of(keys: list[tuple[object, object, object]]) -> pl.Expr:
    none = pl.lit(value=False)
    each = [
        (pl.col("zone") == zone) & (pl.col("delivery_day") == day) & (pl.col("strategy") == strategy)
        for zone, day, strategy in keys
    ]
    return pl.any_horizontal(none, *each)
