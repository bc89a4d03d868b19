"""The figures of a desk as Prometheus reads them: gates, age of data, runs, alerts, money and limits.

All are gauges of what the desk has written. Nothing is counted in this process, so a restart loses nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import polars as pl
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from desk.trading.zone_status import ZoneStatus, zone_statuses
from resources.home.daemon_state import daemon_state
from resources.instance.prepare import prepare_dagster_home
from resources.instance.workers import UNDER_WAY
from resources.lake.lake import Lake
from resources.settings.desk import desk_resource
from resources.settings.environment import Environment, read_environment
from resources.trading.state import TradingStateStore
from resources.wall_clock import utc_now
from resources.wiring import make_lake
from spot.contracts.words import OPEN_REQUESTS
from spot.errors import SpotdeskError
from spot.risk.state import TradingState

_AGED_TABLES = ("day_ahead_prices", "load_forecasts", "day_ahead_forecasts", "signals", "settlements")
_RECENT = timedelta(hours=24)
"""Runs that count as recent. Chosen by hand: every job of a zone runs once a day."""
_PNL_DAYS = 30
"""Days of the sum of P&L. Chosen by hand: a month, as the trader's screen shows it."""
Family = GaugeMetricFamily
Row = tuple[Sequence[str], float]


class DeskCollector(Collector):
    """Reads the desk anew at each scrape."""

    def collect(self) -> Iterator[Family]:
        """Every family of figures; `spotdesk_up` is 0 where the desk cannot be read."""
        environment, now = read_environment(), utc_now()
        try:
            families = list(families_of(environment, now))
        except (SpotdeskError, OSError):
            families = []
        yield _family("spotdesk_up", "1 where the desk could be read", (), [((), float(bool(families)))])
        yield from families

    def describe(self) -> list[Family]:
        """No family before the first scrape."""
        return []


def families_of(environment: Environment, now: datetime) -> Iterator[Family]:
    """The figures of a desk at an instant.

    Raises:
        ConfigurationError: the settings of the desk are wrong.
        ContractError: a table cannot be read.
    """
    lake = make_lake(environment)
    desk = desk_resource(environment, zones=lake.zones("day_ahead_forecasts"))
    zones = list(desk.zones)
    next_days = [zone_statuses(lake, environment, desk, zone, now)[-1] for zone in zones]
    yield from _of_gates(next_days, now)
    yield _family(
        "spotdesk_trading_state",
        "0 HALTED, 1 REDUCING, 2 ACTIVE; `desk` is the whole desk",
        ("zone",),
        [(("desk",), _state(environment, None)), *(((zone,), _state(environment, zone)) for zone in zones)],
    )
    yield _family(
        "spotdesk_newest_day_age_days",
        "days from the newest delivery day of a table to today; negative for a day to come",
        ("zone", "table"),
        _ages(lake, zones, now),
    )
    yield from _of_runs(environment, now)
    yield from _of_records(lake, now)
    yield from _of_money(lake, now)


def _of_gates(next_days: Sequence[ZoneStatus], now: datetime) -> Iterator[Family]:
    yield _family(
        "spotdesk_next_gate_seconds",
        "seconds until the gate of the next auction closes",
        ("zone",),
        [((one.zone,), (one.gate_utc - now).total_seconds()) for one in next_days],
    )
    yield _family(
        "spotdesk_can_trade",
        "1 where the zone can trade at the next gate",
        ("zone",),
        [((one.zone,), float(one.tradeability.can_trade)) for one in next_days],
    )
    yield _family(
        "spotdesk_essential_data_age_seconds",
        "since the essential feed with the oldest data had a new day",
        ("zone",),
        [
            ((one.zone,), (now - one.essential_data_utc).total_seconds())
            for one in next_days
            if one.essential_data_utc is not None
        ],
    )
    yield _family(
        "spotdesk_champion_age_days",
        "age of the model that serves",
        ("zone",),
        [
            ((one.zone,), float(one.tradeability.model_age_days))
            for one in next_days
            if one.tradeability.model_age_days is not None
        ],
    )


def _state(environment: Environment, zone: str | None) -> float:
    order = (TradingState.HALTED, TradingState.REDUCING, TradingState.ACTIVE)
    store = TradingStateStore(environment.trading_state)
    record = store.record("desk") if zone is None else store.record(f"zone-{zone}")
    return float(order.index(record.state))


def _ages(lake: Lake, zones: Sequence[str], now: datetime) -> list[Row]:
    newest = {(zone, table): lake.newest_day(table, zone) for zone in zones for table in _AGED_TABLES}
    return [(key, float((now.date() - day).days)) for key, day in newest.items() if day is not None]


def _of_runs(environment: Environment, now: datetime) -> Iterator[Family]:
    prepare_dagster_home(environment)
    with DagsterInstance.get() as instance:

        def count(statuses: Sequence[DagsterRunStatus], since: datetime | None = None) -> float:
            return float(instance.get_runs_count(RunsFilter(statuses=statuses, updated_after=since)))

        rows = [
            (("queued",), count([DagsterRunStatus.QUEUED])),
            (("under_way",), count(UNDER_WAY)),
            (("failed_24h",), count([DagsterRunStatus.FAILURE], now - _RECENT)),
            (("succeeded_24h",), count([DagsterRunStatus.SUCCESS], now - _RECENT)),
        ]
    yield _family("spotdesk_runs", "runs of the graph by their state", ("state",), rows)
    sign = daemon_state(environment.dagster_home, now).last_sign_utc
    yield _family(
        "spotdesk_daemon_silent_seconds",
        "since the last sign of life of the daemon; missing where there was none",
        (),
        [] if sign is None else [((), (now - sign).total_seconds())],
    )


def _of_records(lake: Lake, now: datetime) -> Iterator[Family]:
    alerts = lake.read("alerts").filter(pl.col("raised_at_utc") >= now - _RECENT)
    yield _counts("spotdesk_alerts_24h", "alerts of the last 24 hours", alerts, ("kind", "severity"))
    requests = lake.read("retrain_requests").filter(pl.col("status").is_in(list(OPEN_REQUESTS)))
    yield _counts("spotdesk_open_retrains", "retrains that were asked for and are open", requests, ("zone",))


def _of_money(lake: Lake, now: datetime) -> Iterator[Family]:
    since = now.date() - timedelta(days=_PNL_DAYS)
    champions = pl.col("role") == "champion"
    settled = lake.read("settlements", first_day=since).filter(champions)
    keys = ("zone", "strategy", "mode", "currency")
    said = f"net P&L of the last {_PNL_DAYS} days"
    yield _grouped(f"spotdesk_pnl_{_PNL_DAYS}d", said, settled, keys, pl.col("pnl_eur").sum())
    used = lake.read("limit_conformance", first_day=now.date()).filter(
        champions & (pl.col("delivery_day") == pl.col("delivery_day").max().over("zone"))
    )
    yield _family(
        "spotdesk_limit_used_fraction",
        "share of a limit that the newest signals use; 1 is the limit",
        ("zone", "strategy", "scope", "limit"),
        [
            ((row["zone"], row["strategy"], row["scope"], row["limit_name"]), 1.0 - row["headroom_frac"])
            for row in used.drop_nulls("headroom_frac").iter_rows(named=True)
        ],
    )


def _counts(name: str, said: str, frame: pl.DataFrame, keys: tuple[str, ...]) -> Family:
    return _grouped(name, said, frame, keys, pl.len())


def _grouped(name: str, said: str, frame: pl.DataFrame, keys: tuple[str, ...], figure: pl.Expr) -> Family:
    found = frame.group_by(keys).agg(figure.alias("figure")).sort(keys)
    return _family(
        name, said, keys, [([str(key) for key in row[:-1]], float(row[-1])) for row in found.rows()]
    )


def _family(name: str, said: str, labels: Sequence[str], rows: Sequence[Row]) -> Family:
    family = GaugeMetricFamily(name, said, labels=labels)
    for values, figure in rows:
        family.add_metric([str(value) for value in values], figure)
    return family
