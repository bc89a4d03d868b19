"""A source: day-ahead prices from JSON files in a folder, one file per zone."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

import numpy as np

from resources.providers.http import Answer, HttpClient, HttpPolicy
from resources.providers.provider import Provider, ProviderRequest, Secret, require_table, span_utc
from resources.wall_clock import utc_now
from spot.errors import ContractError, NotYetPublishedError
from spot.market.delivery import day_ahead_mtu_minutes, delivery_day_of
from spot.market.zones import TRADED_ZONES
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.safe_input import read_json

SOURCE = "example_json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRequest(ProviderRequest):
    """A request that is answered by a file."""

    def ask(self, client: HttpClient) -> Answer:  # noqa: ARG002 - nobody is asked over the network
        """The content of the file.

        Raises:
            NotYetPublishedError: there is no such file.
        """
        path = Path(self.url)
        if not path.is_file():
            raise NotYetPublishedError(f"{SOURCE}: there is no file {path}")
        return Answer(status=200, body=path.read_bytes(), address=self.address, completed_at_utc=utc_now())


@dataclass(frozen=True, kw_only=True)
class JsonFolder(Provider):
    """The source `example_json`."""

    name: ClassVar[str] = SOURCE
    summary: ClassVar[str] = "day-ahead prices from a folder of JSON files"
    docs: ClassVar[str] = "README.md of spotdesk-example"
    secrets: ClassVar[tuple[Secret, ...]] = (
        Secret(name=SOURCE, field="folder", variable="SPOTDESK_EXAMPLE_FOLDER", what="folder of JSON files"),
    )

    folder: str = ""
    base_url: str = ""
    policy: HttpPolicy = field(default_factory=HttpPolicy)
    longest_span_days: int = 366

    def tables(self, zone: str) -> frozenset[str]:
        """Prices of any zone that can be traded."""
        return frozenset({"day_ahead_prices"}) if zone in TRADED_ZONES else frozenset()

    def requests(self, table: str, zone: str, first_day: date, last_day: date) -> Sequence[ProviderRequest]:
        """One request: the file of the zone.

        Raises:
            ConfigurationError: no folder is named, or the table is another.
        """
        require_table(self, table, zone)
        self.require_secrets()
        first, end = span_utc(zone, first_day, last_day)
        path = str(Path(self.folder) / f"{zone}.json")
        return [FileRequest(series=table, url=path, first_utc=first, end_utc=end, parse=parse_prices)]


def parse_prices(body: bytes, capture: Capture) -> ParsedDocument:
    """Prices by the start of their market time unit.

    Raises:
        ContractError: no JSON object of instants and numbers.
    """
    what = f"{SOURCE} prices of {capture.zone}"
    document = read_json(body, what)
    try:
        starts = [datetime.fromisoformat(start).astimezone(UTC) for start in document]
        prices = np.array([float(price) for price in document.values()])
    except (AttributeError, TypeError, ValueError) as error:
        raise ContractError(f"{what}: expected an object of instants and prices: {error}") from error
    zone = capture.zone
    minutes = np.array([day_ahead_mtu_minutes(zone, delivery_day_of(zone, start)) for start in starts])
    points = [
        Points(
            table="day_ahead_prices",
            series="day_ahead",
            starts_us=np.array(
                [int(starts[row].timestamp() * 1e6) for row in np.flatnonzero(minutes == length)]
            ),
            resolution_minutes=int(length),
            values=prices[minutes == length],
        )
        for length in np.unique(minutes)
    ]
    return assemble(SOURCE, what, capture, points) if points else no_data(SOURCE, what, "the file is empty")
