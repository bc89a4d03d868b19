"""How a run of the desk is executed: all steps in one process, which pass nothing on, and no say of the run.

Dagster's own executor and storage take settings from the configuration of a run: whether steps wait for those
before them, and the folder that values are pickled into.
"""

from typing import Any

from dagster import InputContext, IOManager, IOManagerDefinition, OutputContext, in_process_executor

from spot.errors import ConfigurationError

# The run to the gate works in one process: a process per step costs five seconds of imports each.
one_process = in_process_executor.configured(lambda _: {}, name="one_process", config_schema={})


class _NothingPassedOn(IOManager):
    """Assets write to the lake and the registry and return no value."""

    def handle_output(self, context: OutputContext, obj: Any) -> None:  # noqa: ARG002
        raise ConfigurationError(f"{context.step_key} returned a value: write it to a table of the lake")

    def load_input(self, context: InputContext) -> Any:
        raise ConfigurationError(f"{context.name}: read it from the lake")


nothing_passed_on = IOManagerDefinition(lambda _context: _NothingPassedOn(), config_schema={})
