"""The roof: assets, checks, jobs, schedules, sensors and the resources of one environment. It loads and merges, and decides nothing."""

from dagster import Definitions, in_process_executor

from resources.environments import read_environment
from resources.wiring import make_resources
from trading_assets.catalog import ASSETS, CHECKS
from trading_assets.jobs import JOBS

defs = Definitions(
    assets=ASSETS,
    asset_checks=CHECKS,
    jobs=JOBS,
    resources=make_resources(read_environment()),
    # The run to the gate works in one process: a process per step costs five seconds of imports each.
    executor=in_process_executor,
)
