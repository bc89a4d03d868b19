"""The variables of this process.

No other module uses them, except pydantic-settings in `environment.py`.

It imports nothing slow, because the stop button depends on it.

Importing it sets what libraries read when they are imported. The telemetry of mlflow and nannyml is off. BLAS
has one thread unless the process says otherwise. Polars sums groups in the order of their rows, because
partial sums in the order in which threads finish differ in the last bit from run to run.
"""

import os
import warnings
from collections.abc import Mapping

_SILENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "NML_DISABLE_USAGE_LOGGING": "1",
    "DO_NOT_TRACK": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}

os.environ.update(_SILENT)
# Parts of Dagster that the graph uses on purpose; the version is pinned.
warnings.filterwarnings("ignore", message=".* is currently in (beta|preview)")
warnings.filterwarnings(
    "ignore", message="InitResourceContext.(dagster_run|run_id) is deprecated", category=DeprecationWarning
)
# The matrices of a zone are small. A second BLAS thread costs more than it gains, five times as much where
# cores are shared.
for _threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_threads, "1")
os.environ["POLARS_NO_PARTITION"] = "1"


def variable(name: str) -> str:
    """Value of a variable of this process; empty where it is not set."""
    return os.environ.get(name, "")


def variables() -> dict[str, str]:
    """All variables of this process, for a child process."""
    return dict(os.environ)


def set_variables(values: Mapping[str, str]) -> None:
    """Set variables of this process, for a library or a child that reads them."""
    os.environ.update(values)
