"""The settings of a model, as the files in `conf/models` give them."""

from pathlib import Path
from typing import Any

from resources.plugins.members import model_settings
from resources.plugins.shipped import settings_file
from resources.settings.yaml_file import read_yaml
from resources.settings.zones import Desk


def model_profile(desk: Desk, name: str) -> dict[str, Any]:
    """What `conf/models/<name>.yaml` sets, checked by the member that it names.

    Raises:
        ConfigurationError: the file is missing, names no member that there is or a plug-in that cannot be
            used, or a
            setting is wrong.
    """
    return read_profile(settings_file(Path(desk.conf_folder), "models", name))


def read_profile(path: Path) -> dict[str, Any]:
    """What the file at `path` sets, checked by the member that it names.

    Raises:
        ConfigurationError: as `model_profile`.
    """
    file = read_yaml(path)
    with file.naming_lines():
        model_settings(file.content)
    return file.content
