"""The heartbeat of the desk: sent while sensors run, so that a service outside notices when they do not."""

from dagster import DefaultSensorStatus, SensorEvaluationContext, SkipReason, sensor

from resources.settings.at_use import heartbeat_url
from resources.trading.heartbeat import send_heartbeat


@sensor(
    minimum_interval_seconds=60,
    default_status=DefaultSensorStatus.RUNNING,
    description="Asks the address of SPOTDESK_HEARTBEAT_URL once a minute; without one it does nothing.",
)
def desk_gives_heartbeat(context: SensorEvaluationContext) -> SkipReason:
    """One request to a service that alarms when it stays away."""
    address = heartbeat_url()
    if not address:
        return SkipReason("SPOTDESK_HEARTBEAT_URL is not set")
    failed = send_heartbeat(address)
    if failed:
        context.log.warning("the heartbeat was not taken: %s", failed)
    return SkipReason(f"the heartbeat was not taken: {failed}" if failed else "the heartbeat was sent")


HEARTBEAT_SENSORS = (desk_gives_heartbeat,)
