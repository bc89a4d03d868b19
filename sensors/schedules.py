"""Schedules: before each zone's gate, after the auction's results, after delivery.

Their hours follow from the market's own rules.

Times are local times of the market, so a clock change does not move them. None of them is in the hour that
spring skips.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dagster import DefaultScheduleStatus, RunRequest, ScheduleDefinition, ScheduleEvaluationContext, schedule

from resources.market.earlier_inputs import remakes_forecast
from resources.settings.zones import DeskSettings, ZoneSettings
from spot.market.delivery import day_bounds_utc
from spot.market.gates import gate_closure_utc
from spot.market.publication_rules import published_by_utc
from spot.market.zones import find_zone
from trading_assets.jobs import auction_results_loaded, delivered_days_settled, signals_ready
from trading_assets.partitions import FIRST_DAY_TAG, partition_key, tomorrow_of

REVISED_DAYS = 14
"""Delivered days that are settled again each day, because prices and actual values are revised. Chosen by
hand.
"""
_AFTER_RESULTS = timedelta(minutes=15)
"""Chosen by hand: providers are a little late at times. A later price is fetched by the run after delivery.
"""
_DELIVERED = time(14, 30)
"""Local time at which the day before is settled. Chosen by hand: after the auction's results have come in, so
that the two runs of a zone do not meet.
"""
_ANY_DAY = date(2026, 1, 15)
"""Any day without a change of the clock: a gate has the same local time all year."""


def schedules_of(settings: DeskSettings) -> list[ScheduleDefinition]:
    """All schedules of the zones that are scheduled."""
    return [
        made
        for zone, own in settings.zones.items()
        if own.is_scheduled
        for made in _zone_schedules(zone, own)
    ]


def gate_time(zone: str, lead_minutes: int) -> time:
    """Local time of the market, `lead_minutes` before the day-ahead gate."""
    gate = gate_closure_utc(zone, _ANY_DAY).astimezone(ZoneInfo(find_zone(zone).market_time_zone))
    return (gate - timedelta(minutes=lead_minutes)).time()


def results_time(zone: str) -> time:
    """Local time of the market a little after the auction's results are due by its publication rule."""
    end = day_bounds_utc(zone, _ANY_DAY)[1]
    due = published_by_utc("day_ahead_prices", zone, _ANY_DAY, end).astimezone(
        ZoneInfo(find_zone(zone).market_time_zone)
    )
    return (due + _AFTER_RESULTS).time()


def _zone_schedules(zone: str, settings: ZoneSettings) -> Iterator[ScheduleDefinition]:
    time_zone = find_zone(zone).market_time_zone

    @schedule(
        name=f"after_day_ahead_results_{zone}",
        job=auction_results_loaded,
        cron_schedule=_cron(results_time(zone)),
        execution_timezone=time_zone,
        default_status=DefaultScheduleStatus.RUNNING,
        description=f"After the auction for {zone}: its prices for tomorrow.",
    )
    def after_day_ahead_results(context: ScheduleEvaluationContext) -> RunRequest:
        day = tomorrow_of(_local(context, time_zone).date())
        return RunRequest(run_key=f"results-{zone}-{day}", partition_key=partition_key(zone, day))

    @schedule(
        name=f"after_delivery_{zone}",
        job=delivered_days_settled,
        cron_schedule=_cron(_DELIVERED),
        execution_timezone=time_zone,
        default_status=DefaultScheduleStatus.RUNNING,
        description=(
            f"Delivered days of {zone}: settled again with revised data, inputs and forecasts judged."
        ),
    )
    def after_delivery(context: ScheduleEvaluationContext) -> RunRequest:
        day = _local(context, time_zone).date() - timedelta(days=1)
        since = day - timedelta(days=REVISED_DAYS - 1)
        return RunRequest(
            run_key=f"judged-{zone}-{day}",
            partition_key=partition_key(zone, day),
            tags={FIRST_DAY_TAG: since.isoformat()},
        )

    yield from _before_gate(zone, settings)
    yield from (after_day_ahead_results, after_delivery)


def _before_gate(zone: str, settings: ZoneSettings) -> Iterator[ScheduleDefinition]:
    """The run before the gate, and one more where results of earlier auctions may come after it.

    The second run waits for nothing. Its signals replace those of the first, which stand if it fails.
    """
    first, last = settings.gate_lead_minutes, settings.last_safe_minutes
    yield _signals_at(
        zone,
        minutes=first,
        name="before_day_ahead_gate",
        run_key="signals",
        description=(
            f"{first} minutes before the gate of {zone}: newest data, forecast and signals for tomorrow."
        ),
    )
    if remakes_forecast(zone, settings):
        yield _signals_at(
            zone,
            minutes=last,
            name="again_before_day_ahead_gate",
            run_key="signals-again",
            description=(
                f"{last} minutes before the gate of {zone}: the forecast is remade with"
                " results of earlier auctions that came after the first one."
            ),
        )


def _signals_at(zone: str, *, minutes: int, name: str, run_key: str, description: str) -> ScheduleDefinition:
    """Signals for tomorrow, made some minutes before the gate."""
    time_zone = find_zone(zone).market_time_zone

    @schedule(
        name=f"{name}_{zone}",
        job=signals_ready,
        cron_schedule=_cron(gate_time(zone, minutes)),
        execution_timezone=time_zone,
        default_status=DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def before_gate(context: ScheduleEvaluationContext) -> RunRequest:
        day = tomorrow_of(_local(context, time_zone).date())
        return RunRequest(run_key=f"{run_key}-{zone}-{day}", partition_key=partition_key(zone, day))

    return before_gate


def _local(context: ScheduleEvaluationContext, time_zone: str) -> datetime:
    return context.scheduled_execution_time.astimezone(ZoneInfo(time_zone))


def _cron(at: time) -> str:
    return f"{at.minute} {at.hour} * * *"
