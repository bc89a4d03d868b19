"""Identities that a proxy before the desk has authenticated (OpenID Connect), named by a header.

Anybody can send a header. It counts only where the connection comes from an address that the desk trusts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from resources.identity.roles import Identity
from resources.identity.users import UserStore
from spot.errors import ConfigurationError

DEFAULT_HEADER = "x-auth-request-email"


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Networks of proxies, and the header by which they name a person; no networks: no proxy is trusted."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    header: str = DEFAULT_HEADER

    @classmethod
    def parse(cls, text: str, header: str = "") -> "TrustedProxies":
        """Networks of a text, separated by commas.

        Raises:
            ConfigurationError: one is no address or network, or it is everybody.
        """
        words = [word.strip() for word in text.split(",") if word.strip()]
        try:
            networks = tuple(ip_network(word) for word in words)
        except ValueError as error:
            raise ConfigurationError(f"SPOTDESK_TRUSTED_PROXIES: {error}") from error
        if any(network.prefixlen == 0 for network in networks):
            raise ConfigurationError("SPOTDESK_TRUSTED_PROXIES names everybody: name the proxy's own address")
        return cls(networks, (header or DEFAULT_HEADER).lower())

    def trusts(self, client: str) -> bool:
        """Whether a connection from this address is a proxy of the desk."""
        try:
            address = ip_address(client)
        except ValueError:
            return False
        return any(address in network for network in self.networks)

    def identity(self, client: str, named: Sequence[str], users: UserStore) -> Identity | None:
        """Whom the proxy names: a user of the desk, named once; None for anybody else.

        Raises:
            ConfigurationError: the users of the desk cannot be read.
        """
        if not self.trusts(client) or len(named) != 1:
            return None
        user = users.users().get(named[0])
        return None if user is None else Identity(user.name, user.role, "proxy")
