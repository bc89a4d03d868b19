"""Settings that a command writes are accepted with it: those of a new desk on paper, and those of `init`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from resources.identity.person import system_user
from resources.settings.acceptance.in_force import Signature, accept, read_acceptance, settings_state
from resources.settings.zones import load_desk_settings
from resources.wall_clock import utc_now
from spot.errors import ConfigurationError


def accept_paper_desk(home: Path, conf: Path, *, reason: str) -> bool:
    """Accept the settings in `conf` for a desk that has accepted none; whether they hold now.

    Settings that send a zone live, or that cannot be read, wait for people. Until then, zones are on paper.
    """
    if read_acceptance(home) is not None:
        return True
    try:
        settings = load_desk_settings(conf / "zones.yaml")
    except ConfigurationError:
        return False
    if settings.defaults.live or any(zone.live for zone in settings.zones.values()):
        return False
    accept(home, conf, _signature(reason))
    return True


@contextmanager
def accepted_with_command(home: Path, conf: Path, *, reason: str) -> Iterator[list[str]]:
    """Accept what is written to `conf` within, for the person who called the command.

    Nothing is accepted where a change of somebody else waits in `conf`. What needs two people waits for the
    second one. The list that is given is filled, at the end, with what a person has to do.
    """
    notes: list[str] = []
    was_waiting = settings_state(home, conf).is_waiting
    yield notes
    if was_waiting:
        notes.append("other changes of the settings wait: `spotdesk settings diff` lists all of them")
    elif not accept_paper_desk(home, conf, reason=reason):
        notes.append("the settings of a live desk are not accepted yet: begin with `live: false`")
    elif accept(home, conf, _signature(reason))[0].waiting_digest:
        notes.append("a second person must accept these settings: `spotdesk settings accept`")


def _signature(reason: str) -> Signature:
    user = system_user()
    return Signature(name=user, identity=f"system user {user}", at_utc=utc_now().isoformat(), reason=reason)
