"""The registries as a process has them that has read nothing yet."""

from resources.plugins.members import MEMBERS
from resources.plugins.sources import SOURCES
from resources.plugins.strategies import STRATEGIES


def forget_plugins() -> None:
    """Read the installed packages anew when somebody asks next."""
    for registry in (STRATEGIES, MEMBERS, SOURCES):
        registry.forget()
