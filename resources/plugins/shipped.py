"""Settings in plug-ins: `conf/models/*.yaml` and `conf/strategies/*.yaml` inside their package."""

from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from resources.home.find import TEMPLATES
from resources.plugins.members import MEMBERS
from resources.plugins.registry import Registry
from resources.plugins.strategies import STRATEGIES
from spot.errors import ConfigurationError
from spot.wrong_settings import nearest

SettingsKind = Literal["models", "strategies"]
_REGISTRIES: dict[SettingsKind, Registry] = {"models": MEMBERS, "strategies": STRATEGIES}  # type: ignore[type-arg]


def settings_files(conf_folder: Path, kind: SettingsKind) -> dict[str, Path]:
    """Name to file of every document of a kind, sorted by name.

    A file of the desk takes precedence over one of the same name in a plug-in. No plug-in is imported.
    """
    folders = [*_shipped_folders(kind), conf_folder / kind]
    found = {file.stem: file for folder in folders for file in folder.glob("*.yaml")}
    return dict(sorted(found.items()))


def settings_file(conf_folder: Path, kind: SettingsKind, name: str) -> Path:
    """The file of a name: the desk's own if it has one, else that of a plug-in.

    Raises:
        ConfigurationError: there is none. The message gives the nearest name, or the template with the file.
    """
    own = conf_folder / kind / f"{name}.yaml"
    if own.exists():
        return own
    files = settings_files(conf_folder, kind)
    if name in files:
        return files[name]
    template = TEMPLATES / "conf" / kind / own.name
    cure = f"copy {template} there" if template.exists() else nearest(name, files)
    raise ConfigurationError(f"there is no file {own}: {cure}")


def _shipped_folders(kind: SettingsKind) -> list[Path]:
    points = [point for points in _REGISTRIES[kind].plugins.values() for point in points]
    specs = [find_spec(name) for name in sorted({point.module.partition(".")[0] for point in points})]
    return [
        Path(location) / "conf" / kind
        for spec in specs
        if spec is not None
        for location in spec.submodule_search_locations or ()
    ]
