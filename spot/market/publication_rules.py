"""Publication rules: when a value became known if nobody recorded it.

A captured or stated publication time always wins; these rules serve backfilled history and freshness checks.
Sources: Commission Regulation (EU) No 543/2013, Art. 6 (load forecast: two hours before day-ahead gate
closure; actual load: one hour after the period), Art. 14(1)(d) (wind and solar forecast: 18:00 on the day
before), Art. 16 (actual generation: one hour after), Art. 17 (imbalance prices). Day-ahead results: SDAC
operating times, final by 13:00. Capacities, exchanges and flows of borders: Art. 11 and 12. Intraday
averages: after trading has closed, taken as one hour after delivery. The open-access benchmark (Lago et al.
2021) lets a model see every forecast of the delivery day, so its zones publish them two hours before the
gate.

US operators: day-ahead results by 13:30 local time (PJM Manual 11; ERCOT Nodal Protocols 4.5.3). Their load
forecasts are renewed every hour and state when (PJM: `evaluated_at`, ERCOT: `postedDatetime`); the newest
before the gate is due an hour before it. Verified real-time prices of PJM come on later business days, those
of ERCOT minutes after the interval.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from spot.errors import ConfigurationError
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone

Table = str


@dataclass(frozen=True, slots=True)
class PublicationRule:
    """A value is known `hours_after` an anchor.

    The anchor is the gate closure, a local hour of the day before delivery, or the end of the period.
    """

    anchor: Literal["gate_closure", "day_before", "period_end"]
    offset: timedelta
    source: str


RULES: dict[Table, PublicationRule] = {
    "day_ahead_prices": PublicationRule("day_before", timedelta(hours=13), "SDAC operating times"),
    "load_forecasts": PublicationRule("gate_closure", timedelta(hours=-2), "Reg. (EU) 543/2013 Art. 6(2)(b)"),
    "renewable_forecasts": PublicationRule(
        "day_before", timedelta(hours=18), "Reg. (EU) 543/2013 Art. 14(2)(d)"
    ),
    "load_actuals": PublicationRule("period_end", timedelta(hours=1), "Reg. (EU) 543/2013 Art. 6(2)(a)"),
    "generation_actuals": PublicationRule(
        "period_end", timedelta(hours=1), "Reg. (EU) 543/2013 Art. 16(2)(c)"
    ),
    "intraday_prices": PublicationRule("period_end", timedelta(hours=1), "after trading has closed"),
    "imbalance_prices": PublicationRule(
        "period_end", timedelta(hours=24), "Reg. (EU) 543/2013 Art. 17, conservative"
    ),
}
BORDER_RULES: dict[Table, PublicationRule] = {
    "net_transfer_capacities": PublicationRule(
        "gate_closure", timedelta(hours=-1), "Reg. (EU) 543/2013 Art. 11: an hour before the gate"
    ),
    "net_positions": PublicationRule(
        "day_before", timedelta(hours=14), "Reg. (EU) 543/2013 Art. 12: an hour after the results"
    ),
    "scheduled_exchanges": PublicationRule(
        "day_before",
        timedelta(hours=18),
        "Reg. (EU) 543/2013 Art. 12: an hour after the last cut-off; taken late",
    ),
    "cross_border_flows": PublicationRule(
        "period_end", timedelta(hours=1), "Reg. (EU) 543/2013 Art. 12: an hour after the period"
    ),
}
"""Rules of tables that many borders lack, so no day of them is awaited: they date values of the past."""

SERIES_RULES: dict[Table, PublicationRule] = {
    "other_auction_prices.sequence_2": PublicationRule(
        "day_before", timedelta(hours=10, minutes=45), "EXAA: order book closes 10:15; half an hour added"
    ),
    "earlier_auction_prices.swiss": PublicationRule(
        "day_before", timedelta(hours=11, minutes=30), "as day_ahead_prices of CH"
    ),
    "earlier_auction_prices.exaa": PublicationRule(
        "day_before", timedelta(hours=10, minutes=45), "as other_auction_prices.sequence_2"
    ),
    "earlier_auction_prices.british": PublicationRule(
        "day_before", timedelta(hours=11, minutes=30), "as day_ahead_prices of GB: 10:30 UK time"
    ),
    "intraday_prices.ida1": PublicationRule(
        "day_before", timedelta(hours=15, minutes=30), "SIDC: IDA1 closes 15:00; half an hour added"
    ),
    "intraday_prices.ida2": PublicationRule(
        "day_before", timedelta(hours=22, minutes=30), "SIDC: IDA2 closes 22:00; half an hour added"
    ),
    "intraday_prices.ida3": PublicationRule(
        "day_before",
        timedelta(hours=34, minutes=30),
        "SIDC: IDA3 closes 10:00 of the day; half an hour added",
    ),
    "fuel_prices.gas_vtp": PublicationRule(
        "day_before", timedelta(hours=30), "formed on the day before; taken as known when the gas day begins"
    ),
    "fuel_prices.eua_auction": PublicationRule(
        "day_before", timedelta(hours=35, minutes=30), "EEX primary auction closes 11:00; half an hour added"
    ),
    "fuel_prices.brent": PublicationRule(
        "day_before", timedelta(hours=84), "spot price, published within two working days; conservative"
    ),
}
"""Rules of single series, by table and series, where they differ from their table or it has none."""
BENCHMARK_FORECASTS = PublicationRule(
    "gate_closure", timedelta(hours=-2), "protocol of the open-access benchmark"
)
_HALF_PAST_ONE = PublicationRule(
    "day_before", timedelta(hours=13, minutes=30), "PJM Manual 11; ERCOT Nodal Protocols 4.5.3"
)
_HOURLY_FORECAST = PublicationRule(
    "gate_closure", timedelta(hours=-1), "renewed every hour, stated in the data"
)
_OPERATOR_RULES: dict[tuple[str, Table], PublicationRule] = {
    ("CH", "day_ahead_prices"): PublicationRule(
        "day_before",
        timedelta(hours=11, minutes=30),
        "EPEX SPOT: the Swiss auction closes 11:00; half an hour",
    ),
    ("GB", "day_ahead_prices"): PublicationRule(
        "day_before",
        timedelta(hours=10, minutes=30),
        "N2EX: the hourly auction closes 09:50; 40 minutes added",
    ),
    **{(operator, "day_ahead_prices"): _HALF_PAST_ONE for operator in ("PJM", "ERCOT")},
    **{(operator, "load_forecasts"): _HOURLY_FORECAST for operator in ("PJM", "ERCOT")},
    ("PJM", "imbalance_prices"): PublicationRule(
        "period_end", timedelta(hours=72), "PJM verifies on the next business days"
    ),
    ("ERCOT", "imbalance_prices"): PublicationRule(
        "period_end", timedelta(hours=1), "ERCOT posts each interval; conservative"
    ),
}
"""Rules of the US operators, and of auctions that clear before the coupled one, where they differ."""
_EVERY_RULE = {**RULES, **BORDER_RULES, **SERIES_RULES}


def has_rule(table: Table) -> bool:
    """Whether the raw table, or the series as `table.series`, has a rule."""
    return table in _EVERY_RULE


def publication_rule(table: Table, zone: str | None = None) -> PublicationRule:
    """The rule of a raw table, or of one series as `table.series`, as it holds in `zone`.

    Raises:
        ConfigurationError: the table has no rule.
    """
    own = None if zone is None else _OPERATOR_RULES.get((find_zone(zone).operator or zone, table))
    if own is not None:
        return own
    try:
        return _EVERY_RULE[table]
    except KeyError:
        raise ConfigurationError(
            f"no publication rule for table {table!r}: known are {', '.join(sorted(RULES))}"
        ) from None


def published_by_utc(table: Table, zone: str, delivery_day: date, delivery_end_utc: datetime) -> datetime:
    """When the value for a period became known by rule, aware UTC.

    The period ends at `delivery_end_utc` on `delivery_day`.
    """
    rule = publication_rule(table, zone)
    if find_zone(zone).is_benchmark and table in {"load_forecasts", "renewable_forecasts"}:
        rule = BENCHMARK_FORECASTS
    if rule.anchor == "gate_closure":
        return gate_closure_utc(zone, delivery_day) + rule.offset
    if rule.anchor == "period_end":
        return delivery_end_utc + rule.offset
    local_midnight = datetime.combine(
        delivery_day - timedelta(days=1), time(), tzinfo=ZoneInfo(find_zone(zone).market_time_zone)
    )
    return (local_midnight + rule.offset).astimezone(UTC)
