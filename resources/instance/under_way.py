"""How many runs are being worked off: an upgrade waits until there is none.

`python -m resources.instance.under_way` prints the number.
"""

import sys

from dagster import DagsterInstance, RunsFilter

from resources.instance.prepare import prepare_dagster_home
from resources.instance.workers import UNDER_WAY
from resources.settings.environment import read_environment


def n_under_way() -> int:
    """Runs of the desk that have begun and have not ended; those in the queue have not begun."""
    prepare_dagster_home(read_environment())
    with DagsterInstance.get() as instance:
        return instance.get_runs_count(RunsFilter(statuses=list(UNDER_WAY)))


if __name__ == "__main__":
    sys.stdout.write(f"{n_under_way()}\n")
