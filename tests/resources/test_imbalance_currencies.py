"""Imbalance prices in a national currency, from the document on the wire to EUR in the ledger."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from resources.lake.lake import Lake
from resources.market.live_market import LiveMarket
from resources.providers.ecb import Ecb
from resources.providers.entsoe import Entsoe
from resources.providers.http import HttpClient, HttpPolicy
from resources.providers.provider import Provider
from spot.errors import NotYetPublishedError
from spot.market.delivery import day_bounds_utc
from spot.sources.currencies import foreign_currency
from spot.sources.providers.ecb import is_fixing_day
from tests.support.provider_server import faulty_provider, sends
from tests.support.us_documents import ecb_body

DAY = date(2025, 3, 12)
NOW = datetime(2025, 3, 14, 6, tzinfo=UTC)
QUICK = HttpPolicy(requests_per_minute=60_000.0, attempts=1, read_seconds=1.0)
KNOWN, NEXT = 25.0, 26.0
"""Units for one EUR in the last fixing before the gate, and in every later one."""


def document(zone: str, currency: str, long: float, short: float) -> bytes:
    """Imbalance prices of the day in one currency, the same in each of its hours."""
    start, end = day_bounds_utc(zone, DAY)
    span = f"<start>{start:%Y-%m-%dT%H:%MZ}</start><end>{end:%Y-%m-%dT%H:%MZ}</end>"
    parts = "".join(
        f"<TimeSeries><currency_Unit.name>{currency}</currency_Unit.name>"
        "<price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType><Period>"
        f"<timeInterval>{span}</timeInterval><resolution>PT60M</resolution><Point><position>1</position>"
        f"<imbalance_Price.amount>{price}</imbalance_Price.amount>"
        f"<imbalance_Price.category>{side}</imbalance_Price.category></Point></Period></TimeSeries>"
        for side, price in (("A04", long), ("A05", short))
    )
    head = f"<type>A85</type><period.timeInterval>{span}</period.timeInterval>"
    return f"<Balancing_MarketDocument>{head}{parts}</Balancing_MarketDocument>".encode()


class Desk:
    """A live market whose ENTSO-E answers with `body`, and whose ECB has a fixing on each of its days."""

    def __init__(self, folder: Path, url: str) -> None:
        self.body, self.asked = b"", list[str]()
        providers: dict[str, Provider] = {
            "entsoe": Entsoe(token="x" * 8, base_url=f"{url}/api", policy=QUICK),
            "ecb": Ecb(base_url=f"{url}/ecb", policy=QUICK),
        }
        lake = Lake(uri=str(folder / "lake"))
        self.market = LiveMarket(lake, providers, lambda one: HttpClient(folder / "http", one.policy))

    def fetch(self, zone: str, table: str = "imbalance_prices") -> pl.DataFrame:
        return self.market.fetch(table, zone, DAY, DAY, sources=["entsoe"], now=NOW).rows


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with faulty_provider() as server:
        desk = Desk(tmp_path, server.url)

        def rates(handler: object) -> None:
            asked = urlsplit(server.asked[-1])
            desk.asked.append(currency := asked.path.split("D.")[1].split(".")[0])
            query = parse_qs(asked.query)
            first, last = (date.fromisoformat(query[name][0]) for name in ("startPeriod", "endPeriod"))
            days = [first + timedelta(days=at) for at in range((last - first).days + 1)]
            # The fixing of the day before delivery is published after the gate, and is not known at it.
            fixings = {day: KNOWN if day < DAY - timedelta(days=1) else NEXT for day in days}
            sends(ecb_body(currency, {day: fixings[day] for day in days if is_fixing_day(day)}))(handler)  # type: ignore[arg-type]

        def answer(handler: object) -> None:
            sends(desk.body)(handler)  # type: ignore[arg-type]

        server.routes["/api"] = answer
        for zone in ("CZ", "HU", "PL", "RO", "BG", "SE_3", "NO_1", "DK_1"):
            server.routes[f"/ecb/EXR/D.{foreign_currency(zone)}.EUR.SP00.A"] = rates
        yield desk


@pytest.mark.parametrize(
    ("zone", "currency"),
    [
        ("CZ", "CZK"),
        ("HU", "HUF"),
        ("PL", "PLN"),
        ("RO", "RON"),
        ("BG", "BGN"),
        ("SE_3", "SEK"),
        ("NO_1", "NOK"),
        ("DK_1", "DKK"),
    ],
)
def test_a_national_price_becomes_eur_at_the_rate_known_at_the_gate(
    zone: str, currency: str, desk: Desk
) -> None:
    desk.body = document(zone, currency, 2500.0, 2500.0)
    rows = desk.fetch(zone)
    assert desk.asked == [currency]
    assert rows.height == 24
    assert rows["price_eur_per_mwh"].unique().to_list() == [pytest.approx(2500.0 / KNOWN)]
    kept = desk.market.lake.read("local_currency_prices", zones=[zone])
    assert kept.select("currency", "series", "price_per_mwh").unique().rows() == [
        (currency, "system_price", 2500.0)
    ]
    assert desk.market.lake.read("quarantine").is_empty()


def test_both_sides_are_converted_and_kept_apart(desk: Desk) -> None:
    desk.body = document("CZ", "CZK", 1000.0, 3000.0)
    rows = desk.fetch("CZ", "imbalance_price_sides")
    prices = dict(rows.group_by("series").agg(pl.col("price_eur_per_mwh").first()).iter_rows())
    assert prices == {"long": pytest.approx(1000.0 / KNOWN), "short": pytest.approx(3000.0 / KNOWN)}
    with pytest.raises(NotYetPublishedError):
        desk.fetch("CZ", "imbalance_prices")


def test_a_price_in_eur_needs_no_rate(desk: Desk) -> None:
    desk.body = document("CZ", "EUR", 90.0, 90.0)
    assert desk.fetch("CZ")["price_eur_per_mwh"].unique().to_list() == [90.0]
    assert desk.asked == []


def test_a_currency_of_another_area_is_refused_with_both_names(desk: Desk) -> None:
    desk.body = document("CZ", "SEK", 1000.0, 3000.0)
    with pytest.raises(NotYetPublishedError):
        desk.fetch("CZ")
    refused = desk.market.lake.read("quarantine")["reason"].unique().to_list()
    assert refused == ["imbalance price in SEK, not in EUR or CZK"]
