"""Which members there are: settings to forecaster, and files to forecaster. A new member is one class, one YAML and one line here."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from spot.errors import ConfigurationError, ModelIntegrityError
from spot.forecast.catboost_forecaster import CatBoostForecaster, CatBoostSettings
from spot.forecast.engine import EngineForecaster
from spot.forecast.engine_settings import EngineSettings
from spot.forecast.files import unpack_settings
from spot.forecast.interface import PriceForecaster
from spot.forecast.lear_forecaster import LearForecaster, LearForecasterSettings
from spot.forecast.naive import NaiveForecaster, NaiveSettings

ModelSettings = Annotated[NaiveSettings | LearForecasterSettings | CatBoostSettings | EngineSettings, Field(discriminator="kind")]

_ADAPTER: TypeAdapter[ModelSettings] = TypeAdapter(ModelSettings)


def load_settings_mapping(mapping: Mapping[str, Any]) -> ModelSettings:
    """Settings from a mapping such as a YAML file holds; `kind` names the member.

    Raises:
        ConfigurationError: the kind or a setting is unknown, or a value is not allowed.
    """
    try:
        return _ADAPTER.validate_python(dict(mapping))
    except ValidationError as error:
        raise ConfigurationError(f"model settings cannot be read: {error}") from error


def make_forecaster(settings: ModelSettings) -> PriceForecaster:
    """An unfitted forecaster of these settings."""
    match settings:
        case NaiveSettings():
            return NaiveForecaster(settings)
        case LearForecasterSettings():
            return LearForecaster(settings)
        case CatBoostSettings():
            return CatBoostForecaster(settings)
        case EngineSettings():
            return EngineForecaster(settings)


def forecaster_from_files(files: Mapping[str, bytes]) -> PriceForecaster:
    """The fitted forecaster of `PriceForecaster.to_files`.

    Raises:
        ModelIntegrityError: a file is missing or unreadable, or no member has that name.
    """
    name = unpack_settings(files).get("name")
    for member in (NaiveForecaster, LearForecaster, CatBoostForecaster, EngineForecaster):
        if member.name == name:
            return member.from_files(files)
    raise ModelIntegrityError(f"no member is called {name!r}")
