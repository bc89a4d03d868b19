"""A forecast is remade when the result of an earlier auction arrives before the last safe minute."""

from datetime import date, datetime, timedelta

import polars as pl
from dagster import DefaultSensorStatus, RunRequest, SensorResult, sensor

from resources.clock import Clock
from resources.lake.lake import Lake
from resources.market.earlier_inputs import earlier_auctions_of, of_same_market
from resources.settings.zones import Desk, ZoneSettings
from spot.contracts.feature_tables import EARLIER_PRICE_FEATURES
from spot.market.delivery import delivery_day_of
from spot.market.earlier_auctions import TABLE, EarlierAuction
from spot.market.gates import gate_closure_utc
from trading_assets.jobs import signals_ready
from trading_assets.partitions import partition_key, tomorrow_of


@sensor(
    job=signals_ready,
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="The result of an earlier auction came after the forecast: it is made again with it.",
)
def earlier_result_arrived(lake: Lake, desk: Desk, clock: Clock) -> SensorResult:
    """One run per zone, day and set of results that the forecast lacks and the ledger has.

    From the first forecast of the day to the last safe minute. Later, the forecast without the result stands.
    """
    now, runs = clock.now(), []
    for zone in desk.zones:
        settings = desk.zone(zone)
        day = tomorrow_of(delivery_day_of(zone, now))
        if not settings.is_scheduled or not may_remake(zone, settings, day, now):
            continue
        new = results_not_used(lake, zone, settings, day, now)
        if new:
            key = f"remade-{zone}-{day}-{'-'.join(new)}"
            runs.append(RunRequest(run_key=key, partition_key=partition_key(zone, day)))
    return SensorResult(run_requests=runs, skip_reason=None if runs else "no result is new")


def may_remake(zone: str, settings: ZoneSettings, day: date, now: datetime) -> bool:
    """Whether `now` lies between the first forecast of `day` and the last safe minute before its gate."""
    gate = gate_closure_utc(zone, day)
    first = gate - timedelta(minutes=settings.gate_lead_minutes)
    return first <= now <= gate - timedelta(minutes=settings.last_safe_minutes)


def results_not_used(
    lake: Lake, zone: str, settings: ZoneSettings, day: date, now: datetime
) -> tuple[str, ...]:
    """Names of the auctions whose result for `day` is in the ledger and not in the features.

    None where the day has no features yet, because the first forecast will see it.
    """
    auctions = earlier_auctions_of(zone, settings)
    if not auctions:
        return ()
    features = lake.read("day_ahead_features", zones=[zone], first_day=day, last_day=day)
    if features.is_empty():
        return ()
    return tuple(
        auction.name
        for auction in auctions
        if features[EARLIER_PRICE_FEATURES[auction.series]].null_count() == features.height
        and _is_there(lake, zone, settings, auction, day, now)
    )


def _is_there(
    lake: Lake, zone: str, settings: ZoneSettings, auction: EarlierAuction, day: date, now: datetime
) -> bool:
    """Whether the ledger has the result, under the reader's name or where the auction's own rows stand."""
    places = ((TABLE, zone, auction.series), (auction.table, auction.zone_of(zone), auction.result_series))
    for table, of_zone, series in places:
        rows = lake.read(table, zones=[of_zone], first_day=day, last_day=day)
        known = of_same_market(rows, settings).filter(
            pl.col("series") == series, pl.col("available_at_utc") <= now
        )
        if not known.is_empty():
            return True
    return False


EARLIER_RESULT_SENSORS = (earlier_result_arrived,)
