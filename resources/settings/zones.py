"""The desk's settings as a resource of the graph; the settings themselves are in `zone_settings.py`."""

from pathlib import Path
from typing import Any, Literal

from resources.fixed_resource import FixedResource
from resources.plugins.shipped import settings_file
from resources.settings.yaml_file import SettingsFile, read_yaml
from resources.settings.zone_settings import (
    OWN_FORECASTS,
    DeskSettings,
    RetentionSettings,
    ScenarioSettings,
    ZoneSettings,
    load_desk_settings,
    parse_desk_settings,
)
from spot.errors import ConfigurationError
from spot.wrong_settings import checked_settings

__all__ = [
    "OWN_FORECASTS",
    "Desk",
    "DeskSettings",
    "RetentionSettings",
    "ScenarioSettings",
    "ZoneSettings",
    "load_desk_settings",
    "make_desk",
    "parse_desk_settings",
]


class Desk(FixedResource):
    """The desk's settings as a resource.

    It holds each zone's settings and the documents of `conf/models` and `conf/strategies`.
    """

    conf_folder: str
    zones: dict[str, dict[str, Any]]
    """Zone to its settings as plain values (Dagster shows them; overrides of one run are already in)."""

    def zone(self, name: str) -> ZoneSettings:
        """Settings of the zone.

        Raises:
            ConfigurationError: the desk does not have the zone.
        """
        if name not in self.zones:
            raise ConfigurationError(f"zone {name} is not in zones.yaml: it has {', '.join(self.zones)}")
        return ZoneSettings.model_validate(self.zones[name])

    def document(self, kind: Literal["models", "strategies"], name: str) -> SettingsFile:
        """The file `conf/<kind>/<name>.yaml` of the desk, else of the plug-in that ships one.

        Raises:
            ConfigurationError: the file is missing or cannot be read.
        """
        return read_yaml(settings_file(Path(self.conf_folder), kind, name))

    def named_document(self, relative_path: str) -> SettingsFile:
        """The file of settings at a path below `conf`, for example `monitoring.yaml`.

        Raises:
            ConfigurationError: the file is missing or cannot be read.
        """
        return read_yaml(Path(self.conf_folder) / relative_path)


def make_desk(conf_folder: Path, settings: DeskSettings, **overrides: Any) -> Desk:
    """The resource over `settings`; `overrides` replace a setting in every zone.

    Raises:
        ConfigurationError: an override is not a setting of a zone, or its value is wrong.
    """
    zones = {
        name: checked_settings(
            ZoneSettings, {**zone.model_dump(), **overrides}, subject=f"settings of zone {name}"
        )
        for name, zone in settings.zones.items()
    }
    return Desk(
        conf_folder=str(conf_folder),
        zones={name: zone.model_dump(mode="json") for name, zone in zones.items()},
    )
