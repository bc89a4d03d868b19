"""Live sources end to end, into a lake.

A provider on loopback, captures, judgement, revisions and fallback.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.market.captures import CaptureStore
from resources.market.live_market import LiveMarket
from resources.providers.energy_charts import EnergyCharts
from resources.providers.entsoe import Entsoe
from resources.providers.http import HttpClient, HttpPolicy
from resources.providers.provider import Provider
from spot.errors import ConfigurationError, ContractError, NotYetPublishedError, SourceUnavailableError
from spot.market.delivery import day_bounds_utc, delivery_starts_utc
from spot.market.zones import find_zone
from tests.support.provider_documents import Document, DocumentSeries
from tests.support.provider_server import FaultyProvider, faulty_provider, sends, sends_html

DAY = date(2025, 3, 12)
NOON = datetime(2025, 3, 11, 13, tzinfo=UTC)
LATER = datetime(2025, 6, 1, tzinfo=UTC)
CANARY = "canary-token-77"
QUICK = HttpPolicy(requests_per_minute=60_000.0, attempts=1, read_seconds=1.0)


class Market:
    """A lake and two providers, each on a server of its own, with a clock that the test sets."""

    def __init__(self, folder: Path, entsoe: FaultyProvider, charts: FaultyProvider) -> None:
        self.lake = Lake(uri=str(folder / "lake"))
        self.now = NOON
        self.warnings: list[tuple[str, str]] = []
        providers: dict[str, Provider] = {
            "entsoe": Entsoe(token=CANARY, base_url=f"{entsoe.url}/api", policy=QUICK),
            "energy_charts": EnergyCharts(base_url=charts.url, policy=QUICK),
        }
        self.live = LiveMarket(self.lake, providers, self._client, warn=self._warn)
        self._folder = folder / "http"

    def _client(self, provider: Provider) -> HttpClient:
        return HttpClient(self._folder, provider.policy, sleep=lambda _: None, wall_clock=self._timestamp)

    def _timestamp(self) -> float:
        return self.now.timestamp()

    def _warn(self, zone: str, message: str) -> None:
        self.warnings.append((zone, message))

    def fetch(
        self,
        day: date = DAY,
        last: date | None = None,
        sources: tuple[str, ...] = ("entsoe",),
        table: str = "day_ahead_prices",
    ) -> pl.DataFrame:
        return self.live.fetch(table, "BE", day, last or day, sources=sources, now=self.now).rows

    def ingest(self, day: date = DAY, **more: object) -> int:
        return self.lake.append("day_ahead_prices", self.fetch(day, **more), source="entsoe").n_new  # type: ignore[arg-type]


@pytest.fixture
def servers() -> Iterator[tuple[FaultyProvider, FaultyProvider]]:
    with faulty_provider() as entsoe, faulty_provider() as charts:
        yield entsoe, charts


@pytest.fixture
def market(tmp_path: Path, servers: tuple[FaultyProvider, FaultyProvider]) -> Market:
    return Market(tmp_path, *servers)


def prices(day: date, level: float = 80.0) -> list[float]:
    return [
        round(level + 20.0 * ((hour * 7) % 5 - 2) + hour, 2)
        for hour in range(len(delivery_starts_utc("BE", day)))
    ]


def xml(day: date = DAY, level: float = 80.0, **changes: Any) -> bytes:
    start, end = day_bounds_utc("BE", day)
    document = Document(
        "A44", "A01", find_zone("BE").eic, [DocumentSeries(start, 60, prices(day, level), end=end)]
    )
    return replace(document, **changes).render()


def charts_json(day: date = DAY) -> bytes:
    starts = [int(start.timestamp()) for start in delivery_starts_utc("BE", day)]
    return json.dumps(
        {
            "license_info": "CC BY 4.0",
            "unix_seconds": starts,
            "price": prices(day),
            "unit": "EUR/MWh",
            "deprecated": False,
        }
    ).encode()


NO_DATA = (
    b"<Acknowledgement_MarketDocument><Reason><code>999</code>"
    b"<text>No matching data found for Data item</text></Reason></Acknowledgement_MarketDocument>"
)


def test_a_day_that_has_just_been_published_is_stamped_with_the_capture(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    servers[0].plan = [sends(xml())]
    rows = market.fetch()
    assert rows.height == 24
    assert rows["available_at_utc"].unique().to_list() == [NOON]
    assert rows["availability"].unique().to_list() == ["captured"]


def test_a_day_of_long_ago_is_dated_by_the_publication_rule(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    servers[0].plan = [sends(xml())]
    market.now = LATER
    rows = market.fetch()
    assert rows["availability"].unique().to_list() == ["rule"]
    assert rows["available_at_utc"].unique().to_list() == [datetime(2025, 3, 11, 12, tzinfo=UTC)]


def test_asking_again_adds_nothing_and_a_revision_is_a_new_row(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    servers[0].plan = [sends(xml())]
    assert market.ingest() == 24
    market.now = NOON + timedelta(hours=1)
    with pytest.raises(NotYetPublishedError, match="that is new"):
        market.ingest()
    servers[0].plan = [sends(xml(level=81.0))]
    assert market.ingest() == 24
    before = market.lake.read("day_ahead_prices", as_of_utc=NOON)
    after = market.lake.read("day_ahead_prices", as_of_utc=market.now)
    assert (after["price_eur_per_mwh"] - before["price_eur_per_mwh"]).round(6).unique().to_list() == [1.0]


def test_a_revision_found_by_a_backfill_was_known_only_now(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    market.now = LATER
    servers[0].plan = [sends(xml())]
    market.ingest()
    servers[0].plan = [sends(xml(level=81.0))]
    rows = market.fetch()
    assert rows["availability"].unique().to_list() == ["captured"]


def test_every_answer_is_kept_as_it_came_and_can_be_read_again(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    body = xml()
    servers[0].plan = [sends(body)]
    market.fetch()
    captures = market.lake.read("captures")
    assert captures["outcome"].to_list() == ["rows"]
    assert captures["n_rows"].to_list() == [24]
    assert CaptureStore(market.lake).body("entsoe", captures["body_sha256"][0]) == body
    request = Entsoe(token=CANARY).requests("day_ahead_prices", "BE", DAY, DAY)[0]
    assert market.live.reparse(captures, request).n_rows == 24


def test_a_stored_body_that_was_damaged_is_refused(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider], tmp_path: Path
) -> None:
    servers[0].plan = [sends(xml())]
    market.fetch()
    checksum = market.lake.read("captures")["body_sha256"][0]
    (path,) = (tmp_path / "lake" / "captured_bodies").rglob("*.gz")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ContractError):
        CaptureStore(market.lake).body("entsoe", checksum)
    with pytest.raises(ContractError, match="no captured body"):
        CaptureStore(market.lake).body("entsoe", "0" * 64)


def test_no_data_is_not_yet_published(market: Market, servers: tuple[FaultyProvider, FaultyProvider]) -> None:
    servers[0].plan = [sends(NO_DATA, 400)]
    with pytest.raises(NotYetPublishedError, match="No matching data"):
        market.fetch()
    assert market.lake.read("captures")["outcome"].to_list() == ["no_data"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"currency": "GBP"}, "currency"),
        ({"unit": "KWH"}, "price_Measure_Unit"),
        ({"eic": "10YFR-RTE------C"}, "in_Domain"),
    ],
)
def test_a_document_that_says_something_else_is_refused_and_kept(
    changes: dict[str, Any], words: str, market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    servers[0].plan = [sends(xml(**changes))]
    with pytest.raises(ContractError, match=words):
        market.fetch()
    row = market.lake.read("captures").row(0, named=True)
    assert row["outcome"] == "refused"
    assert words in row["detail"]


def test_a_day_in_part_goes_to_quarantine_and_none_of_it_is_used(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    start, _ = day_bounds_utc("BE", DAY)
    servers[0].plan = [
        sends(
            Document(
                "A44", "A01", find_zone("BE").eic, [DocumentSeries(start, 60, prices(DAY)[:20])]
            ).render()
        )
    ]
    with pytest.raises(NotYetPublishedError):
        market.fetch()
    reasons = market.lake.read("quarantine")["reason"].unique().to_list()
    assert reasons == ["20 of 24 periods of the day: incomplete or shifted"]


def test_the_next_source_answers_where_the_first_does_not_and_the_desk_is_told(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    servers[0].plan, servers[1].plan = [sends_html()], [sends(charts_json())]
    rows = market.fetch(sources=("entsoe", "energy_charts"))
    assert rows["source"].unique().to_list() == ["energy_charts"]
    ((zone, message),) = market.warnings
    assert zone == "BE"
    assert "fallback" in message
    assert "HTML page" in message


def test_a_source_that_is_down_says_so_and_hides_the_token(
    market: Market,
    servers: tuple[FaultyProvider, FaultyProvider],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    servers[0].plan = [sends(b"", 503)]
    with pytest.raises(SourceUnavailableError) as caught:
        market.fetch()
    assert market.lake.read("captures")["outcome"].to_list() == ["unavailable"]
    stored = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert CANARY.encode() not in stored
    assert CANARY not in f"{caught.value!r} {caplog.text} {market.live.providers['entsoe']!r}"


def test_a_range_is_asked_for_in_spans_and_split_at_what_is_fresh(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    first = DAY - timedelta(days=2)
    bodies = {day: xml(day) for day in (first, first + timedelta(days=1), DAY)}
    old = Document("A44", "A01", find_zone("BE").eic)
    for day in list(bodies)[:2]:
        start, end = day_bounds_utc("BE", day)
        old.series.append(DocumentSeries(start, 60, prices(day), end=end))
    servers[0].plan = [sends(old.render()), sends(bodies[DAY])]
    rows = market.fetch(first, DAY)
    assert len(servers[0].asked) == 2
    assert dict(rows.group_by("delivery_day").agg(pl.col("availability").first()).rows()) == {
        first: "rule",
        first + timedelta(days=1): "rule",
        DAY: "captured",
    }


def test_no_token_and_no_such_table_are_settings(market: Market) -> None:
    with pytest.raises(ConfigurationError, match="SPOTDESK_ENTSOE_TOKEN"):
        Entsoe().requests("day_ahead_prices", "BE", DAY, DAY)
    with pytest.raises(ConfigurationError, match="has no intraday_prices"):
        market.fetch(table="intraday_prices")
    with pytest.raises(ConfigurationError, match="not a live one"):
        market.fetch(sources=("files",))


def test_an_answer_stamped_before_one_that_is_kept_is_refused_and_not_buried_under_it(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    servers[0].plan = [sends(xml())]
    assert market.ingest() == 24
    servers[0].plan = [sends(xml(level=95.0))]
    market.now = NOON - timedelta(hours=1)
    with pytest.raises(ContractError, match="the clock stepped back"):
        market.ingest()
    refused = market.lake.read("captures").filter(outcome="refused")
    assert "an earlier answer at 2025-03-11 13:00:00 UTC" in refused["detail"][0]
    market.now = NOON + timedelta(minutes=1)
    assert market.ingest() == 24


def test_nothing_is_kept_while_the_clock_is_not_believed(
    market: Market, servers: tuple[FaultyProvider, FaultyProvider]
) -> None:
    servers[0].plan = [sends(xml())]
    market.live.clock_problem = lambda: "it jumped ahead by 7,200 s"
    with pytest.raises(ContractError, match="not trusted: it jumped ahead"):
        market.ingest()
    market.live.clock_problem = str
    assert market.ingest() == 24
