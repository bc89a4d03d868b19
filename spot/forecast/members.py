"""Which members there are: settings to forecaster, and files to forecaster. A new member is one line here."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from spot.errors import ConfigurationError, ModelIntegrityError
from spot.forecast.days.files import unpack_settings
from spot.forecast.engine.forecaster import GaussianProcessEnsemble
from spot.forecast.hourly_forecaster import ForecasterSettings, HourlyForecaster
from spot.forecast.interface import PriceForecaster
from spot.forecast.lear.forecaster import LearForecaster
from spot.forecast.naive import NaiveForecaster
from spot.forecast.trees.forecaster import CatBoostForecaster

MEMBERS: tuple[type[HourlyForecaster[Any]], ...] = (
    NaiveForecaster,
    LearForecaster,
    CatBoostForecaster,
    GaussianProcessEnsemble,
)
_BY_KIND = {member.settings_type.model_fields["kind"].default: member for member in MEMBERS}


def load_settings_mapping(mapping: Mapping[str, Any]) -> ForecasterSettings:
    """Settings from a mapping such as a YAML file holds; `kind` names the member.

    Raises:
        ConfigurationError: the kind or a setting is unknown, or a value is not allowed.
    """
    kind = mapping.get("kind")
    member = _BY_KIND.get(kind) if isinstance(kind, str) else None
    if member is None:
        raise ConfigurationError(f"model settings: kind {kind!r} is unknown; known are {', '.join(_BY_KIND)}")
    try:
        return member.settings_type.model_validate(dict(mapping))
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'all together'}: {each['msg']}" for each in error.errors()
        )
        raise ConfigurationError(f"model settings of kind {kind}: {wrong}") from error


def make_forecaster(settings: ForecasterSettings) -> PriceForecaster:
    """An unfitted forecaster of these settings, as `load_settings_mapping` gives them.

    Raises:
        ConfigurationError: they are the settings of no member.
    """
    for member in MEMBERS:
        if isinstance(settings, member.settings_type):
            return member(settings)
    raise ConfigurationError(
        f"{type(settings).__name__} is not the settings of a member: make them with load_settings_mapping"
    )


def forecaster_from_files(files: Mapping[str, bytes]) -> PriceForecaster:
    """The fitted forecaster of `PriceForecaster.to_files`.

    Raises:
        ModelIntegrityError: a file is missing or unreadable, or no member has that name.
    """
    name = unpack_settings(files).get("name")
    for member in MEMBERS:
        if member.name == name:
            return member.from_files(files)
    raise ModelIntegrityError(f"no member is called {name!r}")
