"""What the provider modules share.

One request, with the parser that reads its answer, and the port that each provider satisfies.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import ClassVar, Self

from resources.providers.http import Answer, HttpClient, HttpPolicy, shown_address
from spot.errors import ConfigurationError
from spot.market.delivery import day_bounds_utc
from spot.sources.parsed import Capture, ParsedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderRequest:
    """One GET and the parser of its answer."""

    series: str
    """What is requested, for the ledger of captures: usually the raw table."""
    url: str
    first_utc: datetime
    end_utc: datetime
    parse: Callable[[bytes, Capture], ParsedDocument]
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    log_in: Callable[[HttpClient], Mapping[str, str]] | None = field(default=None, repr=False)
    """Gives further secret headers, for a provider that issues a token per session."""

    def ask(self, client: HttpClient) -> Answer:
        """The answer of the provider.

        Raises:
            ConfigurationError, NotYetPublishedError, SourceUnavailableError: as `HttpClient.get`.
        """
        headers = {**self.secret_headers, **(self.log_in(client) if self.log_in else {})}
        return client.get(self.url, self.parameters, self.secrets, headers)

    @property
    def address(self) -> str:
        """The address as it is kept: every secret in it is HIDDEN."""
        return shown_address(self.url, self.parameters, self.secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    """A key or login that a provider needs."""

    name: str
    """Its name in `spotdesk init --secret NAME=VALUE`."""
    field: str
    """Field of the provider's class that holds it."""
    variable: str
    """Variable of `.env` or of the process that holds it."""
    what: str
    """Its description for people: `key of PJM Data Miner 2`."""


class Provider(ABC):
    """A source of raw rows. It plans requests; the client asks, the parser reads.

    A subclass is made with its secrets and addresses as keywords, each with a default.
    """

    name: ClassVar[str]
    """As in the column `source`, and the name of its module in `resources/providers`."""
    summary: ClassVar[str]
    """The data it has, in one line for `spotdesk sources`."""
    docs: ClassVar[str] = ""
    """Page that says how to get a key, and which errors the source makes."""
    feeds_zones: ClassVar[bool] = True
    """Whether a zone may name it as its source. A source of only weather or exchange rates cannot."""
    secrets: ClassVar[tuple[Secret, ...]] = ()
    addresses: ClassVar[Mapping[str, str]] = MappingProxyType({})
    """Further addresses that SPOTDESK_PROVIDER_URLS may replace: name to field. `base_url` has the name of
    the provider.
    """

    base_url: str
    policy: HttpPolicy
    """How often it may be asked, and how long to wait."""
    longest_span_days: int
    """Delivery days that one request may span. A backfill goes in steps of it."""
    longest_spans: ClassVar[Mapping[str, int]] = MappingProxyType({})
    """Tables of which one request may span fewer days."""

    @classmethod
    def made(cls, secret: Callable[[str], str], urls: Mapping[str, str]) -> Self:
        """The provider with its secrets and addresses.

        `secret` gives the value of a variable. `urls` replaces addresses by name.
        """
        fields = {own.field: secret(own.variable) for own in cls.secrets}
        known = {cls.name: "base_url", **cls.addresses}
        return cls(**fields, **{field: urls[name] for name, field in known.items() if name in urls})

    @classmethod
    def unset(cls, secret: Callable[[str], str]) -> list[str]:
        """Variables of its secrets that are not set."""
        return [own.variable for own in cls.secrets if not secret(own.variable)]

    def span_days(self, table: str) -> int:
        """Delivery days of the table that one request may span."""
        return min(self.longest_span_days, self.longest_spans.get(table, self.longest_span_days))

    def require_secrets(self) -> None:
        """Check that all its secrets are set.

        Raises:
            ConfigurationError: a secret is missing; the message names its variable.
        """
        if not all(getattr(self, own.field) for own in self.secrets):
            names = " and ".join(own.what for own in self.secrets)
            variables = " and ".join(own.variable for own in self.secrets)
            where = f" ({self.docs} says how to get it)" if self.docs else ""
            raise ConfigurationError(f"{self.name} needs its {names}: set {variables} in .env{where}")

    @abstractmethod
    def tables(self, zone: str) -> frozenset[str]:
        """Raw tables that it has for the zone; empty where it does not know the zone."""

    @abstractmethod
    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """Requests for the delivery days of the range, both included.

        Raises:
            ConfigurationError: it does not have the table for the zone, or a token is missing.
        """


def span_utc(zone: str, first_day: date, last_day: date) -> tuple[datetime, datetime]:
    """From the start of the first delivery day to the end of the last, aware UTC."""
    return day_bounds_utc(zone, first_day)[0], day_bounds_utc(zone, last_day)[1]


def instant_text(instant: datetime) -> str:
    """ISO 8601 with Z and minutes."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def require_table(provider: Provider, table: str, zone: str) -> None:
    """Check that the provider has the table for the zone.

    Raises:
        ConfigurationError: it has not; the message says which tables it has.
    """
    known = provider.tables(zone)
    if table not in known:
        raise ConfigurationError(
            f"{provider.name} has no {table} for {zone}: it has"
            f" {', '.join(sorted(known)) or 'nothing for this zone'}"
        )
