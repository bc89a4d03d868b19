"""Where the locks of a desk are kept, and what they are called there. Quick to import."""

from pathlib import Path

from resources.home.find import nearest_desk
from resources.home.marker import desk_id_of
from resources.instance.settings import has_several_hosts, storage_url
from spot.errors import ConfigurationError, SourceUnavailableError


class LockTakenError(SourceUnavailableError):
    """Another process holds the lock for longer than the caller waits."""


def lock_database(path: Path) -> str:
    """Address of the Postgres server that keeps the records of the desk around `path`.

    Empty where files of the desk keep them.

    Raises:
        ConfigurationError: the file of SPOTDESK_DAGSTER_SETTINGS cannot be read. Or it lets runs work on
            several hosts and names no Postgres: files hold no lock for all of them.
    """
    from resources.settings.environment import read_environment  # all settings and their libraries

    settings = read_environment(nearest_desk(path.resolve())).dagster_settings
    url = "" if settings is None else storage_url(settings)
    if settings is not None and not url and has_several_hosts(settings):
        raise ConfigurationError(
            f"{settings} lets runs work on several hosts, whose locks must be in Postgres: name it under"
            " storage.postgres"
        )
    return url


def name_of(path: Path) -> str:
    """Name of the lock that a file stands for, the same on every host: identity of the desk, place in it."""
    resolved = path.resolve()
    home = nearest_desk(resolved)
    desk = "" if home is None else desk_id_of(home)
    return str(resolved) if home is None or not desk else f"{desk}/{resolved.relative_to(home.resolve())}"
