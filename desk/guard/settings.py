"""What the guard of a server allows: hosts, proxies, and whether somebody has to log in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from resources.identity.proxy import TrustedProxies
from resources.identity.users import UserStore
from resources.settings.environment import Environment
from spot.errors import ConfigurationError

LOOPBACK_HOSTS = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """How a server is guarded."""

    home: Path
    hosts: tuple[str, ...] = LOOPBACK_HOSTS
    """Names under which the server may be asked for, without port."""
    needs_login: bool = False
    proxies: TrustedProxies = field(default_factory=TrustedProxies)


def guard_settings(environment: Environment, bind: str, *, login: bool = False) -> GuardSettings:
    """The guard of a server that binds to `bind`.

    Nobody has to log in where the server can be reached from this machine alone: it binds to loopback and has
    no other name. With `login`, everybody has to.

    Raises:
        ConfigurationError: others could reach the server and the desk has no users; it is not started then.
    """
    named = _words(environment.ui_hosts)
    proxies = TrustedProxies.parse(environment.trusted_proxies, environment.identity_header)
    is_open = is_loopback(bind) and not named and not proxies.networks and not login
    own = () if bind in ("0.0.0.0", "::") else (bind,)  # noqa: S104 - compared, not bound
    settings = GuardSettings(
        home=environment.home,
        hosts=tuple(dict.fromkeys((*LOOPBACK_HOSTS, *own, *named))),
        needs_login=not is_open,
        proxies=proxies,
    )
    if settings.needs_login and not UserStore(environment.home).users():
        raise ConfigurationError(
            f"the UI on {bind} asks for a login, and the desk has no users: add one with `spotdesk users add"
            " NAME --role admin`, or serve 127.0.0.1 without SPOTDESK_UI_HOSTS and SPOTDESK_TRUSTED_PROXIES"
        )
    return settings


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own and nobody else's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(text: str) -> Iterable[str]:
    words = [word.strip().lower() for word in text.split(",") if word.strip()]
    if any("*" in word or ":" in word or "/" in word for word in words):
        raise ConfigurationError("SPOTDESK_UI_HOSTS: names of hosts separated by commas, without port or *")
    return words
