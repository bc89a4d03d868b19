"""How a run of the desk is executed: all steps in one process, without passing values between steps.

Dagster's own executor and storage take settings from the configuration of a run: whether steps wait for those
before them, and the folder into which values are pickled. Here a run can set neither.
"""

from typing import Any

from dagster import InitExecutorContext, InputContext, IOManager, IOManagerDefinition, OutputContext, executor
from dagster._core.execution.retries import RetryMode

from resources.instance.workers import MarkedExecutor
from spot.errors import ConfigurationError


# The run to the gate works in one process: a process per step costs five seconds of imports each.
@executor(name="one_process", config_schema={})
def one_process(_context: InitExecutorContext) -> MarkedExecutor:
    """The executor of every job."""
    return MarkedExecutor(retries=RetryMode.ENABLED)


class _NothingPassedOn(IOManager):
    """Assets write to the lake and the registry and return no value."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:  # noqa: ARG002
        raise ConfigurationError(f"{context.step_key} returned a value: write it to a table of the lake")

    def load_input(self, context: InputContext) -> Any:
        raise ConfigurationError(f"{context.name}: read it from the lake")


nothing_passed_on = IOManagerDefinition(lambda _context: _NothingPassedOn(), config_schema={})
