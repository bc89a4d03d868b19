"""Resources that nobody sets at launch: their values come from the environment and the settings of the desk.

Whoever reaches the UI can launch a run, and Dagster lets the configuration of that run set every field of a
`ConfigurableResource`: the address of a provider, the folder of the stop button, `live`. A `FixedResource`
shows Dagster an empty schema, so such a configuration is refused, and the object itself is what a run gets.
"""

from typing import Any, NoReturn

from dagster import ConfigurableResource, ResourceDefinition
from pydantic import PrivateAttr


class FixedResource(ConfigurableResource["FixedResource"]):
    """A resource that is the same in every run. Each resource of the desk derives from it."""

    _definition: ResourceDefinition | None = PrivateAttr(default=None)

    def get_resource_definition(self) -> ResourceDefinition:  # type: ignore[override]
        """The resource as Dagster sees it: without configuration, and always the same object."""
        if self._definition is None:
            self._definition = fixed(self, description=self.__doc__ or "")
        return self._definition

    @classmethod
    def configure_at_launch(cls, **_kwargs: Any) -> NoReturn:
        """Refused.

        Raises:
            TypeError: always.
        """
        raise TypeError(f"{cls.__name__} is not configured at launch: a run must not decide what it touches")


def fixed(value: Any, *, description: str = "") -> ResourceDefinition:
    """A definition that gives `value` to every run and refuses configuration."""
    return ResourceDefinition(lambda _context: value, config_schema={}, description=description)
