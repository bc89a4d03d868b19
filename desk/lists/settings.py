"""Files of settings with the classes that they choose; the lists of strategies and profiles share this."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from resources.plugins.registry import Registry
from resources.plugins.shipped import SettingsKind, settings_files
from resources.settings.desk import desk_settings
from resources.settings.environment import read_environment
from resources.settings.yaml_file import SettingsFile, read_yaml
from resources.settings.zones import ZoneSettings
from spot.errors import ConfigurationError

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: a file of settings, or a class that no file chooses."""

    name: str | None
    """Name of the file; None where there is none."""
    kind: str | None
    """Name of the class; None where the file names none."""
    file: SettingsFile | None
    """None where the file cannot be read."""
    zones: str
    """Zones of the desk that use the file."""
    package: str
    """Package of the class; empty for Spotdesk's own."""
    problem: str

    def load(self, loader: Callable[[Mapping[str, Any]], Loaded]) -> tuple[Loaded | None, str]:
        """The object that `loader` makes of the document, and the reason if it cannot be used.

        A class without a file only has the reason.
        """
        if self.problem or self.name is None or self.file is None:
            return None, self.problem
        try:
            with self.file.naming_lines():
                return loader(self.file.content), ""
        except ConfigurationError as error:
            return None, str(error)


def entries(
    kind: SettingsKind,
    key: str,
    registry: Registry[Any],
    *,
    used_by: Callable[[ZoneSettings], Iterable[str]],
) -> list[Entry]:
    """A line for each file of the desk and of plug-ins, then one for each class without a file.

    `key` is the setting that names the class. `used_by` gives the files that a zone uses.
    """
    environment = read_environment()
    zones = desk_settings(environment).zones
    lines = []
    for name, path in settings_files(environment.settings_folder, kind).items():
        users = " ".join(zone for zone, own in zones.items() if name in used_by(own))
        try:
            file = read_yaml(path)
            chosen, problem = file.content.get(key), ""
        except ConfigurationError as error:
            file, chosen, problem = None, None, str(error)
        package = registry.package_of(chosen) if isinstance(chosen, str) else ""
        lines.append(Entry(name=name, kind=chosen, file=file, zones=users, package=package, problem=problem))
    chosen_by_files = {line.kind for line in lines}
    lines += [
        Entry(name=None, kind=one.name, file=None, zones="", package=one.package, problem=one.problem)
        for one in registry.registrations()
        if one.name not in chosen_by_files or (one.problem and one.name in registry.built_in)
    ]
    return lines
