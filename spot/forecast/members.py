"""The members that come with Spotdesk: settings to forecaster, and files to forecaster.

A new member is one line here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from spot.errors import ConfigurationError, ContractError, ForecastError, ModelIntegrityError
from spot.forecast.days.files import unpack_settings
from spot.forecast.engine.forecaster import GaussianProcessEnsemble
from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster
from spot.forecast.lear.forecaster import LearForecaster
from spot.forecast.naive import NaiveForecaster
from spot.forecast.trees.forecaster import CatBoostForecaster
from spot.wrong_settings import checked_settings, chosen_by_name

Member = type[HourlyForecaster[Any]]
_DO_NOT_FIT = (LookupError, ValueError, TypeError, AttributeError, OverflowError)
"""What arrays of another shape or type lead to where a member puts its state together."""
_BUILT_IN: tuple[Member, ...] = (
    NaiveForecaster,
    LearForecaster,
    CatBoostForecaster,
    GaussianProcessEnsemble,
)
MEMBERS: Mapping[str, Member] = MappingProxyType({member.name: member for member in _BUILT_IN})
"""Name of each member that comes with Spotdesk, which is the `kind` of its settings, to its class."""


def load_settings_mapping(
    mapping: Mapping[str, Any], members: Mapping[str, Member] = MEMBERS
) -> ForecasterSettings:
    """Settings from a mapping such as a YAML file holds; `kind` names one of `members`.

    Raises:
        WrongSettingsError: the kind or a setting is unknown, or a value is not allowed.
    """
    member: Member = chosen_by_name(mapping, "kind", members, subject="settings of a model")
    settings_type: type[ForecasterSettings] = member.settings_type
    return checked_settings(settings_type, mapping, subject=f"settings of a model of kind {mapping['kind']}")


def make_forecaster(
    settings: ForecasterSettings, members: Mapping[str, Member] = MEMBERS
) -> HourlyForecaster[Any]:
    """An unfitted forecaster of these settings, as `load_settings_mapping` gives them.

    Raises:
        ConfigurationError: no member of `members` has settings of this class.
    """
    member = members.get(settings.kind)
    if member is None or not isinstance(settings, member.settings_type):
        raise ConfigurationError(
            f"{type(settings).__name__} holds the settings of no member: make them with load_settings_mapping"
        )
    return member(settings)


def forecaster_from_files(
    files: Mapping[str, bytes], members: Mapping[str, Member] = MEMBERS
) -> HourlyForecaster[Any]:
    """The fitted forecaster of `PriceForecaster.to_files`.

    Raises:
        ModelIntegrityError: a file is missing, unreadable or does not fit the others, or none of `members`
            has that name.
    """
    name = str(unpack_settings(files).get("name"))
    if name not in members:
        raise ModelIntegrityError(f"no member is called {name!r}: known are {', '.join(members)}")
    try:
        return members[name].from_files(files)
    except (*_DO_NOT_FIT, ForecastError, ContractError) as error:
        raise ModelIntegrityError(
            f"model of {name}: its files do not fit together ({type(error).__name__}: {str(error)[:200]})"
        ) from error
