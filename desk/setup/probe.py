"""One small request to a live source: does it answer, and can its answer be read?

It is for `spotdesk doctor`, and before a long `spotdesk run`.
"""

from datetime import datetime, timedelta

from resources.providers.http import HttpClient, HttpPolicy
from resources.providers.provider import Provider
from resources.settings.environment import Environment
from spot.contracts.raw_tables import RAW_TABLES_OF_A_ZONE
from spot.errors import ConfigurationError
from spot.market.delivery import delivery_day_of
from spot.sources.parsed import Capture, ParsedDocument

READ_SECONDS = 8.0
"""Seconds that a person waits for a provider at most."""


def ask_once(
    environment: Environment, provider: Provider, zone: str, now: datetime
) -> tuple[ParsedDocument, str]:
    """What the provider answered on yesterday's first table.

    It is requested and read like any other; nothing is written.

    Raises:
        ConfigurationError: it has nothing for the zone, or a key is missing or refused.
        NotYetPublishedError, SourceUnavailableError, ContractError: as the provider answers, or does not.
    """
    day = delivery_day_of(zone, now) - timedelta(days=1)
    table = next(
        (name for name in (*RAW_TABLES_OF_A_ZONE, "weather_forecasts") if name in provider.tables(zone)), None
    )
    if table is None:
        raise ConfigurationError(
            f"{provider.name} has nothing for {zone}: `spotdesk sources` lists what each source has"
        )
    policy = HttpPolicy(
        requests_per_minute=provider.policy.requests_per_minute,
        attempts=1,
        connect_seconds=3.0,
        read_seconds=READ_SECONDS,
        total_seconds=15.0,
        longest_wait_seconds=12.0,
    )
    request = provider.requests(table, zone, day, day)[0]
    answer = request.ask(HttpClient(environment.home / "http", policy))
    return (
        request.parse(answer.body, Capture(zone=zone, captured_at_utc=answer.completed_at_utc)),
        f"{table} for {day}",
    )
