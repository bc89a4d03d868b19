"""The roof: assets, checks, jobs, schedules, sensors and the resources of one environment.

It loads and merges, and decides nothing.
"""

from dagster import Definitions, in_process_executor

from resources.settings.environment import desk_settings, read_environment
from resources.wiring import make_resources
from sensors.alerting import ALERTING_SENSORS
from sensors.publication import PUBLICATION_SENSORS
from sensors.retraining import RETRAINING_SENSORS
from sensors.schedules import schedules_of
from sensors.sources import SOURCE_SENSORS, source_schedules_of
from sensors.upkeep import UPKEEP_SCHEDULES, UPKEEP_SENSORS
from trading_assets.catalogue import ASSETS, CHECKS
from trading_assets.jobs import JOBS
from trading_assets.upkeep.lake import LAKE_JOBS

_ENVIRONMENT = read_environment()

defs = Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=[*JOBS, *LAKE_JOBS],
    schedules=[
        *schedules_of(desk_settings(_ENVIRONMENT)),
        *source_schedules_of(desk_settings(_ENVIRONMENT)),
        *UPKEEP_SCHEDULES,
    ],
    sensors=[*RETRAINING_SENSORS, *UPKEEP_SENSORS, *ALERTING_SENSORS, *PUBLICATION_SENSORS, *SOURCE_SENSORS],
    resources=make_resources(_ENVIRONMENT),
    # The run to the gate works in one process: a process per step costs five seconds of imports each.
    executor=in_process_executor,
)
