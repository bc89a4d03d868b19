"""Changes in `conf` that wait for a person, said in one line."""

from resources.settings.acceptance.changes import strictest
from resources.settings.acceptance.destinations import ENV_FILE
from resources.settings.acceptance.in_force import settings_state
from resources.settings.environment import Environment

_MOST_NAMED = 4
"""Settings that the line names. Chosen by hand."""


def waiting_settings(desk: Environment) -> str | None:
    """Which changes of the settings wait, and what puts them in force; None where nothing waits.

    Addresses in `.env` do not count: they change no decision.

    Raises:
        ConfigurationError: the record or the accepted copy of the settings is damaged.
    """
    state = settings_state(desk.home, desk.conf_folder)
    changes = [one for one in state.changes if one.file != ENV_FILE]
    if not state.is_waiting or strictest(changes) == "nobody":
        return None
    named = [
        f"{one.file} {one.setting}".strip() if one.setting or not one.after else f"{one.file} {one.after}"
        for one in changes
    ]
    more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    return (
        f"changes of the settings wait for a person: {'; '.join(named[:_MOST_NAMED])}{more}."
        " `spotdesk settings diff` shows them, `spotdesk settings accept` puts them in force"
    )
