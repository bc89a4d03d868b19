"""The desk as polars frames, for notebooks and scripts of analysts: read-only and stable.

    import spotdesk

    desk = spotdesk.open("~/desk")
    desk.prices(zone="DE_LU", as_of="2025-08-19T10:00Z")
    desk.forecasts(zone="DE_LU", first_day="2025-08-01")

Nothing here writes to a desk. The names in `__all__` and their arguments change only with a new minor
version, after one version that warns. docs/python.md has examples.
"""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from resources.home.find import NoDeskError, find_desk, is_desk, is_desk_without_marker
from resources.home.marker import DeskFormatError, read_marker
from resources.settings.environment import read_environment
from spot.errors import ConfigurationError, SpotdeskError
from spotdesk.desk import Desk

__all__ = ["ConfigurationError", "Desk", "DeskFormatError", "NoDeskError", "SpotdeskError", "open"]

try:
    __version__ = version("spotdesk")
except PackageNotFoundError:  # the code lies on the path and was not installed
    __version__ = "unknown"


def open(home: str | Path | None = None) -> Desk:  # noqa: A001 - `spotdesk.open` reads as it is meant
    """The desk in the folder `home`, for reading.

    Without `home`, it is the desk of SPOTDESK_HOME, else the nearest one upwards of the working folder.

    Raises:
        NoDeskError: no desk is there; the message says how to make one.
        DeskFormatError: another version of Spotdesk made the desk.
        ConfigurationError: its `.env` cannot be read.
    """
    folder = find_desk() if home is None else Path(home).expanduser().resolve()
    if not (is_desk(folder) or is_desk_without_marker(folder)):
        raise NoDeskError(f"there is no desk in {folder}: `spotdesk init {folder}` makes one there")
    read_marker(folder)
    return Desk(read_environment(None if home is None else folder))
