"""Addresses and secrets, each read anew whenever it is used.

They are never part of a resource's configuration, which the UI shows.
"""

import logging

from resources.instance.settings import has_several_hosts
from resources.settings.acceptance.destinations import ALERTS, SIGNALS
from resources.settings.acceptance.in_force import is_held_back
from resources.settings.environment import S3_CREDENTIALS, Environment, read_environment
from resources.trading.place import Place
from resources.trading.second_place import SecondPlace
from spot.errors import ConfigurationError

_LOG = logging.getLogger("spotdesk.settings")
_WAITS = (
    "the address {} in .env is not the accepted one: `spotdesk settings diff` shows it, `spotdesk settings"
    " accept` puts it in force"
)


def provider_secret(variable_name: str) -> str:
    """The value of a variable that a source names (`spotdesk sources`); empty where it is not set.

    Read at each use and never part of a resource's configuration, which the UI shows.
    """
    value = read_environment().secret(variable_name)
    return "" if value is None else value.get_secret_value()


def alert_channels() -> str:
    """Addresses to which alerts go, separated by white space; empty where nothing is set or may be used.

    Read at each use: the address of a chat tool holds a token.
    """
    environment = read_environment()
    address = environment.webhook_url.get_secret_value()
    if is_held_back(environment.home, ALERTS, address):
        _LOG.warning("alerts go to no channel: %s", _WAITS.format(ALERTS))
        return ""
    return address


def heartbeat_url() -> str:
    """Address of the heartbeat; empty where none is set. Read at each use, like the alert channels."""
    return read_environment().heartbeat_url.get_secret_value()


def aws_credentials() -> dict[str, str]:
    """AWS keys of `.env` and the process, under AWS's names; empty where a role or profile gives them.

    Read at each use, like the tokens.
    """
    return read_environment().revealed(S3_CREDENTIALS)


def signal_webhook() -> dict[str, str]:
    """`url` and `secret` of the webhook that live signals are posted to; empty where none is set.

    Read at each use, like the tokens. Ask `signal_webhook_problem` before anything is posted.
    """
    environment = read_environment()
    return {
        "url": environment.signal_webhook_url.get_secret_value(),
        "secret": environment.signal_webhook_secret.get_secret_value(),
    }


def signal_webhook_problem() -> str:
    """Why nothing may be posted to the webhook of live signals; empty where it may."""
    environment = read_environment()
    url = environment.signal_webhook_url.get_secret_value()
    return _WAITS.format(SIGNALS) if is_held_back(environment.home, SIGNALS, url) else ""


def second_place(environment: Environment | None = None) -> SecondPlace | None:
    """The second place of the stop button, with what S3 wants; None where none is set. Read at each use.

    A desk on several hosts must have one: without it, this is a place that answers HALTED.

    Raises:
        ConfigurationError: the file of SPOTDESK_DAGSTER_SETTINGS cannot be read.
    """
    known = environment or read_environment()
    options = {**known.storage_options, **known.revealed(S3_CREDENTIALS)}
    is_wanted = bool(known.stop_uri) or has_several_hosts(known.dagster_settings)
    return SecondPlace(known.stop_uri, options) if is_wanted else None


def books_place(environment: Environment) -> Place | None:
    """The place that keeps heads of the books, with what S3 wants; None where none is set."""
    options = {**environment.storage_options, **environment.revealed(S3_CREDENTIALS)}
    return Place(environment.books_uri, options) if environment.books_uri else None


def provider_urls() -> dict[str, str]:
    """Live source to an address other than its own, for an internal mirror.

    Raises:
        ConfigurationError: an entry is not `name=url`.
    """
    entries = [entry.strip() for entry in read_environment().provider_urls.split(",") if entry.strip()]
    pairs = [entry.partition("=") for entry in entries]
    if any(not name or not url.startswith(("http://", "https://")) for name, _, url in pairs):
        raise ConfigurationError("SPOTDESK_PROVIDER_URLS: expected name=url, separated by commas")
    return {name: url for name, _, url in pairs}
