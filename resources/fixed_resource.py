"""Resources that cannot be configured at launch: their values come from the environment and the settings.

Whoever can open the UI can launch a run. Dagster lets the configuration of that run set every field of a
`ConfigurableResource`: the address of a provider, the folder of the stop button, `live`. A `FixedResource`
shows Dagster an empty schema, so such a configuration is refused, and the run gets the object itself.
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
        """Always refuses.

        Raises:
            TypeError: always.
        """
        raise TypeError(
            f"{cls.__name__} cannot be configured at launch: a run must not choose its files and addresses"
        )


def fixed(value: Any, *, description: str = "") -> ResourceDefinition:
    """A definition that gives `value` to every run and refuses configuration."""
    return ResourceDefinition(lambda _context: value, config_schema={}, description=description)
