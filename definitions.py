"""The roof: assets, checks, jobs, schedules, sensors and the resources of one environment.

It loads and merges, and decides nothing. Dagster calls `defs` when it loads the code; importing reads
nothing.
"""

import dagster
from dagster import Definitions

from resources.books.begin import keep_books
from resources.home.find import is_desk
from resources.home.open import open_home_of_process
from resources.instance.one_process import one_process
from resources.settings.acceptance.in_force import adopt_harmless_changes
from resources.settings.desk import desk_settings
from resources.settings.environment import Environment, read_environment
from resources.wall_clock import utc_now
from resources.wiring import make_resources
from sensors.alerting import ALERTING_SENSORS
from sensors.earlier_results import EARLIER_RESULT_SENSORS
from sensors.files import FILE_SENSORS
from sensors.heartbeat import HEARTBEAT_SENSORS
from sensors.lost_runs import LOST_RUN_SENSORS
from sensors.publication import PUBLICATION_SENSORS
from sensors.retraining import RETRAINING_SENSORS
from sensors.schedules import schedules_of
from sensors.sources import SOURCE_SENSORS, source_schedules_of
from sensors.upkeep import UPKEEP_SCHEDULES, UPKEEP_SENSORS
from trading_assets.catalogue import CHECKS, assets_for, partitions_for
from trading_assets.jobs import JOBS
from trading_assets.upkeep.books import BOOKS_JOBS
from trading_assets.upkeep.lake import LAKE_JOBS


def build_definitions(environment: Environment) -> Definitions:
    """The whole graph of the desk in `environment`, with the partitions of today.

    Raises:
        ConfigurationError: `zones.yaml` or a zone in it is wrong.
    """
    settings = desk_settings(environment)
    partitions = partitions_for(settings, utc_now().date())
    return Definitions(
        assets=assets_for(settings.zones, partitions),
        asset_checks=CHECKS,
        jobs=[*JOBS, *LAKE_JOBS, *BOOKS_JOBS],
        schedules=[*schedules_of(settings), *source_schedules_of(settings), *UPKEEP_SCHEDULES],
        sensors=[
            *RETRAINING_SENSORS,
            *UPKEEP_SENSORS,
            *ALERTING_SENSORS,
            *PUBLICATION_SENSORS,
            *LOST_RUN_SENSORS,
            *HEARTBEAT_SENSORS,
            *SOURCE_SENSORS,
            *FILE_SENSORS,
            *EARLIER_RESULT_SENSORS,
        ],
        resources=make_resources(environment),
        executor=one_process,
    )


@dagster.definitions
def defs() -> Definitions:
    """The graph of this process's environment."""
    environment = read_environment()
    open_home_of_process(environment.home)
    adopt_harmless_changes(environment.home, environment.conf_folder)
    if is_desk(environment.home):
        keep_books(environment)
    return build_definitions(environment)
