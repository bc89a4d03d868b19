"""The desk in which `spotdesk run` works: the one in use, a new one, or a study."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from desk.screen.console import err
from desk.setup.waiting_settings import waiting_settings
from desk.setup.zones_file import zones_text
from resources.home.find import TEMPLATES, chosen_home
from resources.home.open import open_or_make_desk
from resources.home.studies import make_study, study_name
from resources.settings.acceptance.in_force import adopt_harmless_changes
from resources.settings.environment import Environment, read_environment
from resources.settings.zones import load_desk_settings
from spot.errors import ConfigurationError


@contextmanager
def home_of_run(zones: Sequence[str], changes: Mapping[str, Any], data: Path | None) -> Iterator[Environment]:
    """The environment of a run of `zones` with `changes` to their settings and its files in `data`.

    In a checkout without a desk, a new one is made with the settings of the command, so that every later
    command works on the same market. A run that changes the settings of a zone of the desk is a study, with a
    home of its own.

    Raises:
        NoDeskError: there is no desk, and the working folder is in no checkout.
        ConfigurationError: a change of the settings waits for a person, the settings are wrong, or the source
            has nothing for a zone.
    """
    opened = open_or_make_desk(partial(_settings_of_new_desk, zones, changes))
    if opened.note:
        err.print(opened.note, soft_wrap=True)
    desk = read_environment()
    adopt_harmless_changes(desk.home, desk.conf_folder)
    _refuse_waiting_settings(desk)
    settings = load_desk_settings(desk.settings_folder / "zones.yaml")
    name = study_name(settings, zones, changes)
    if name is None:
        yield _with_data(desk, data)
        return
    home = make_study(desk.home, desk.settings_folder, name, settings, zones, changes)
    err.print(
        f"this is a study, because its settings are not those of the desk. It has a home of its own,"
        f" {home}; see it with spotdesk --home {home} ...",
        soft_wrap=True,
    )
    own = desk.market_data if desk.market_data.is_dir() else None
    with chosen_home(home):
        yield _with_data(read_environment(), data or own)


def _refuse_waiting_settings(desk: Environment) -> None:
    """A person who runs the desk expects the settings that stand in the files, and no others.

    An address that waits in `.env` stops no run: nothing is sent there.
    """
    waiting = waiting_settings(desk)
    if waiting is not None:
        raise ConfigurationError(waiting)


def _settings_of_new_desk(zones: Sequence[str], changes: Mapping[str, Any]) -> dict[str, str]:
    source = str(changes.get("source", "simulated"))
    more = {name: value if isinstance(value, str) else list(value) for name, value in changes.items()}
    template = TEMPLATES / "conf" / "zones.yaml"
    return {"zones.yaml": zones_text(template, list(zones), source, [], add=False, force=True, more=more)}


def _with_data(environment: Environment, data: Path | None) -> Environment:
    if data is None:
        return environment
    if not data.expanduser().is_dir():
        raise ConfigurationError(f"--data names {data}, which is no folder: name the folder of your files")
    return environment.model_copy(update={"market_data": data.expanduser().resolve()})
