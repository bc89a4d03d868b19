"""The settings of a desk: those in force as a resource, and those that people are editing."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from resources.settings.acceptance.in_force import read_acceptance
from resources.settings.environment import Environment
from resources.settings.zone_settings import DeskSettings, load_desk_settings
from resources.trading.leases import LeaseStore

if TYPE_CHECKING:
    from resources.settings.zones import Desk


def desk_settings(environment: Environment) -> DeskSettings:
    """The settings in `zones.yaml`.

    Raises:
        ConfigurationError: the file or a zone is wrong.
    """
    return load_desk_settings(environment.settings_folder / "zones.yaml")


def desk_resource(environment: Environment, *, zones: Iterable[str] = (), **overrides: Any) -> "Desk":
    """The desk's settings as a resource.

    `zones` adds zones with the defaults where `zones.yaml` does not list them. A zone is live where its
    settings say so, people have accepted them, and this desk has its lease. `overrides` replace a setting in
    every zone.

    Raises:
        ConfigurationError: the file, a zone or an override is wrong.
    """
    from resources.settings.zones import make_desk

    settings = desk_settings(environment).with_zones(zones)
    leases, is_accepted = LeaseStore(environment.home), read_acceptance(environment.home) is not None
    allowed = {
        name: own.model_copy(update={"live": own.live and is_accepted and leases.held(name) is not None})
        for name, own in settings.zones.items()
    }
    return make_desk(environment.settings_folder, settings.model_copy(update={"zones": allowed}), **overrides)


def edited_settings(environment: Environment) -> DeskSettings:
    """`zones.yaml` as people edit it, whether it is in force or waits.

    Raises:
        ConfigurationError: the file or a zone is wrong.
    """
    return load_desk_settings(environment.conf_folder / "zones.yaml")


def edited_desk(environment: Environment) -> "Desk":
    """The settings as people edit them, for those who look for faults.

    Raises:
        ConfigurationError: the file or a zone is wrong.
    """
    from resources.settings.zones import make_desk

    return make_desk(environment.conf_folder, edited_settings(environment))
