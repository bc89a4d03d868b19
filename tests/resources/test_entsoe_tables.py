"""Every table that ENTSO-E fills, from the document on the wire to the ledger.

Asked through the client as a live desk asks.
"""

import io
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from resources.lake.lake import Lake
from resources.market.live_market import LiveMarket
from resources.providers.entsoe import Entsoe
from resources.providers.http import HttpClient, HttpPolicy
from resources.providers.provider import Provider
from spot.market.delivery import day_bounds_utc
from spot.market.zones import find_zone
from tests.support.provider_documents import Document, DocumentSeries
from tests.support.provider_server import faulty_provider, sends

ZONE = "AT"
DAY = date(2025, 3, 12)
NOW = datetime(2025, 3, 13, 6, tzinfo=UTC)
EIC = find_zone(ZONE).eic
START, END = day_bounds_utc(ZONE, DAY)
QUICK = HttpPolicy(requests_per_minute=60_000.0, attempts=1, read_seconds=1.0)
LOADS = [5_000.0 + 100.0 * ((hour * 5) % 24) for hour in range(24)]
PRICES = [40.0 + 3.0 * ((hour * 7) % 24) for hour in range(24)]


def body(kind: str, header: str, *periods: tuple[str, list[float]], tag: str = "quantity") -> str:
    """A document with one series of hours per entry of `periods`: its own header and its values."""
    span = f"<start>{START:%Y-%m-%dT%H:%MZ}</start><end>{END:%Y-%m-%dT%H:%MZ}</end>"
    parts = []
    for own, values in periods:
        points = "".join(
            f"<Point><position>{at}</position><{tag}>{value}</{tag}>{{}}</Point>"
            for at, value in enumerate(values, 1)
        )
        category = f"<imbalance_Price.category>{own}</imbalance_Price.category>" if kind == "A85" else ""
        inner = "" if kind == "A85" else own
        parts.append(
            f"<TimeSeries>{header}{inner}<curveType>A01</curveType><Period><timeInterval>{span}</timeInterval><resolution>PT60M</resolution>"
            f"{points.replace('{}', category)}</Period></TimeSeries>"
        )
    return f"<X_MarketDocument><type>{kind}</type><period.timeInterval>{span}</period.timeInterval>{''.join(parts)}</X_MarketDocument>"


def zipped(*documents: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, document in enumerate(documents):
            archive.writestr(f"{number}.xml", document)
    return packed.getvalue()


def outage(kind: str, identifier: str) -> str:
    return f"""<Unavailability_MarketDocument><mRID>{identifier}</mRID><revisionNumber>1</revisionNumber><type>{kind}</type>
    <createdDateTime>2025-03-10T08:00:00Z</createdDateTime><TimeSeries><businessType>A54</businessType>
    <biddingZone_Domain.mRID>{EIC}</biddingZone_Domain.mRID><quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>
    <production_RegisteredResource.mRID>14W-{identifier}</production_RegisteredResource.mRID>
    <Available_Period><timeInterval><start>2025-03-12T10:00Z</start><end>2025-03-12T20:00Z</end></timeInterval><resolution>PT60M</resolution>
    <Point><position>1</position><quantity>150</quantity></Point></Available_Period></TimeSeries></Unavailability_MarketDocument>"""


def answer(query: dict[str, str]) -> bytes:
    kind, process = query["documentType"], query.get("processType", "")
    mw, euro = (
        "<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>",
        "<currency_Unit.name>EUR</currency_Unit.name>",
    )
    if kind == "A44":
        later = [value + 5.0 for value in PRICES]
        both = [
            DocumentSeries(START, 60, PRICES, sequence="1", end=END),
            DocumentSeries(START, 60, later, sequence="2", end=END),
        ]
        return Document("A44", "A01", EIC, both).render()
    if kind == "A65":
        return Document("A65", process, EIC, [DocumentSeries(START, 60, LOADS, end=END)]).render()
    if kind in ("A69", "A75"):
        wind = [900.0 + 10.0 * hour for hour in range(24)]
        return Document(
            kind, process, EIC, [DocumentSeries(START, 60, wind, "wind_onshore", end=END)]
        ).render()
    if kind == "A85":
        header = f"{euro}<price_Measure_Unit.name>MWH</price_Measure_Unit.name>"
        sides = [("A04", PRICES), ("A05", [value + 50.0 for value in PRICES])]
        return zipped(body("A85", header, *sides, tag="imbalance_Price.amount"))
    if kind == "A86":
        header = "<quantity_Measure_Unit.name>MWH</quantity_Measure_Unit.name>"
        return zipped(
            body("A86", header, ("<flowDirection.direction>A01</flowDirection.direction>", [3.0] * 24))
        )
    if kind in ("A80", "A77"):
        return zipped(outage(kind, f"out-{kind}"))
    if kind == "A25":
        return body("A25", mw, (f"<in_Domain.mRID>{EIC}</in_Domain.mRID>", [700.0] * 24)).encode()
    out_and_in = f"<out_Domain.mRID>{query['out_Domain']}</out_Domain.mRID><in_Domain.mRID>{query['in_Domain']}</in_Domain.mRID>"
    return body(kind, mw, (out_and_in, [250.0] * 24)).encode()


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveMarket]:
    with faulty_provider() as server:

        def respond(handler: object) -> None:
            sends(
                answer(
                    {name: values[0] for name, values in parse_qs(urlsplit(server.asked[-1]).query).items()}
                )
            )(handler)  # type: ignore[arg-type]

        server.routes["/api"] = respond
        providers: dict[str, Provider] = {
            "entsoe": Entsoe(token="x" * 8, base_url=f"{server.url}/api", policy=QUICK)
        }
        yield LiveMarket(
            Lake(uri=str(tmp_path / "lake")),
            providers,
            lambda provider: HttpClient(tmp_path / "http", provider.policy),
        )


@pytest.mark.parametrize(
    ("table", "n_rows", "column", "expected"),
    [
        ("day_ahead_prices", 24, "price_eur_per_mwh", set(PRICES)),
        ("other_auction_prices", 24, "price_eur_per_mwh", {value + 5.0 for value in PRICES}),
        ("load_forecasts", 24, "load_forecast_mw", set(LOADS)),
        ("load_actuals", 24, "load_mw", set(LOADS)),
        ("renewable_forecasts", 24, "series", {"wind_onshore"}),
        ("renewable_forecast_updates", 24, "series", {"wind_onshore"}),
        ("generation_actuals", 24, "series", {"wind_onshore"}),
        ("imbalance_price_sides", 48, "series", {"long", "short"}),
        ("imbalance_volumes", 24, "volume_mwh", {3.0}),
        ("outages", 2, "outage_id", {"out-A80", "out-A77"}),
        ("net_positions", 24, "net_position_mw", {-700.0}),
        (
            "cross_border_flows",
            24 * len(find_zone(ZONE).neighbours),
            "series",
            {f"physical_to_{name}" for name in find_zone(ZONE).neighbours},
        ),
        *(
            (
                table,
                24 * len(find_zone(ZONE).neighbours),
                "series",
                {f"to_{name}" for name in find_zone(ZONE).neighbours},
            )
            for table in ("scheduled_exchanges", "net_transfer_capacities")
        ),
    ],
)
def test_a_table_goes_from_the_document_to_the_ledger_once(
    live: LiveMarket, table: str, n_rows: int, column: str, expected: set[object]
) -> None:
    fetched = live.fetch(table, ZONE, DAY, DAY, sources=["entsoe"], now=NOW)
    assert live.lake.append(table, fetched.rows, source="entsoe").n_quarantined == 0
    again = live.reparse(
        live.lake.read("captures", zones=[ZONE]).head(1),
        live.providers["entsoe"].requests(table, ZONE, DAY, DAY)[0],
    )
    assert again.n_rows > 0
    held = live.lake.read(table, zones=[ZONE])
    assert held.height == n_rows
    assert set(held[column].to_list()) == expected
    assert held["source"].unique().to_list() == ["entsoe"]
    assert live.lake.read("quarantine", zones=[ZONE]).is_empty()


def test_the_cases_above_are_all_tables_of_the_provider() -> None:
    cases = {case[0] for case in test_a_table_goes_from_the_document_to_the_ledger_once.pytestmark[0].args[1]}  # type: ignore[attr-defined]
    assert {*cases, "imbalance_prices"} == Entsoe(token="x").tables(ZONE)
