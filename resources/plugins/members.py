"""Members: the forecasters of Spotdesk, and those of installed packages (entry points `spotdesk.models`)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from resources.plugins.registry import Registry, missing_methods

if TYPE_CHECKING:
    from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster
    from spot.forecast.members import Member


def _built_in() -> "Mapping[str, Member]":
    from spot.forecast.members import MEMBERS as OWN

    return OWN


def _missing(name: str, found: type[Any]) -> list[str]:
    from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster

    if lacks := missing_methods(found, HourlyForecaster):
        return lacks
    settings = getattr(found, "settings_type", None)
    if not (isinstance(settings, type) and issubclass(settings, ForecasterSettings)):
        return [f"its settings_type is no subclass of {ForecasterSettings.__module__}.ForecasterSettings"]
    names = {
        "name": getattr(found, "name", None),
        "kind of its settings": settings.model_fields["kind"].default,
    }
    return [
        f"its {what} is {own!r}, the entry point is called {name!r}"
        for what, own in names.items()
        if own != name
    ]


MEMBERS: "Registry[Member]" = Registry("spotdesk.models", _built_in, _missing)
"""Name, as `kind` in `conf/models/*.yaml`, to class."""


def model_settings(document: Mapping[str, Any]) -> "ForecasterSettings":
    """The checked settings of a document of `conf/models`.

    Raises:
        WrongSettingsError: the kind or a setting is unknown, or a value is not allowed.
        ConfigurationError: a plug-in cannot be used.
    """
    from spot.forecast.members import load_settings_mapping

    return load_settings_mapping(document, MEMBERS)


def new_forecaster(document: Mapping[str, Any]) -> "HourlyForecaster[Any]":
    """An unfitted forecaster of a document of `conf/models`.

    Raises:
        ConfigurationError: the kind or a setting is unknown, or a plug-in cannot be used.
    """
    from spot.forecast.members import make_forecaster

    return make_forecaster(model_settings(document), MEMBERS)


def restored_forecaster(files: Mapping[str, bytes]) -> "HourlyForecaster[Any]":
    """The fitted forecaster of stored files.

    Raises:
        ModelIntegrityError: a file is missing or unreadable, or its member is not there or cannot be used.
    """
    from spot.errors import ConfigurationError, ModelIntegrityError
    from spot.forecast.members import forecaster_from_files

    try:
        return forecaster_from_files(files, MEMBERS)
    except ConfigurationError as error:
        raise ModelIntegrityError(str(error)) from error
