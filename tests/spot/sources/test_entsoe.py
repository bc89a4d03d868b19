"""ENTSO-E documents: what is read, what is refused, and with which words."""

import io
import zipfile
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc, n_periods
from spot.market.zones import find_zone
from spot.sources.parsed import Capture
from spot.sources.providers.entsoe import parse_entsoe
from spot.sources.providers.entsoe_outages import parse_entsoe_outages
from tests.support.provider_documents import Document, DocumentSeries

DAY = date(2025, 11, 5)
NOW = datetime(2026, 11, 1, tzinfo=UTC)
EIC = find_zone("DE_LU").eic


def capture(day: date | None = DAY, zone: str = "DE_LU", *, is_backfill: bool = True) -> Capture:
    first, end = day_bounds_utc(zone, day) if day else (None, None)
    return Capture(zone=zone, captured_at_utc=NOW, first_utc=first, end_utc=end, is_backfill=is_backfill)


def series(day: date = DAY, minutes: int = 15, **more: object) -> DocumentSeries:
    start, end = day_bounds_utc("DE_LU", day)
    values = [float(50 + at) for at in range(n_periods("DE_LU", day, minutes))]
    return DocumentSeries(start, minutes, values, end=end, **more)  # type: ignore[arg-type]


def prices(*parts: DocumentSeries, **more: str) -> bytes:
    return Document("A44", "A01", EIC, list(parts), **more).render()


def edited(body: bytes, old: str, new: str) -> bytes:
    assert old.encode() in body
    return body.replace(old.encode(), new.encode(), 1)


@pytest.mark.parametrize(
    ("day", "minutes", "n_rows"),
    [
        (date(2025, 11, 5), 15, 96),
        (date(2025, 10, 26), 15, 100),
        (date(2026, 3, 29), 15, 92),
        (date(2024, 10, 27), 60, 25),
        (date(2024, 3, 31), 60, 23),
    ],
)
def test_a_delivery_day_has_all_its_periods(day: date, minutes: int, n_rows: int) -> None:
    parsed = parse_entsoe(prices(series(day, minutes)), capture(day))
    rows = parsed.tables["day_ahead_prices"]
    assert rows.height == n_rows
    assert rows["delivery_day"].unique().to_list() == [day]
    assert rows["price_eur_per_mwh"].to_list() == [float(50 + at) for at in range(n_rows)]
    assert rows["delivery_start_utc"][0] == day_bounds_utc("DE_LU", day)[0]
    assert parsed.rejected.is_empty()


def test_an_a03_curve_repeats_what_it_omits_inside_its_period_only() -> None:
    part = series(positions=[1, 4, 90], curve="A03")
    part.values = [10.0, 20.0, 30.0]
    rows = parse_entsoe(prices(part), capture()).tables["day_ahead_prices"]
    assert rows.height == 96
    assert rows["price_eur_per_mwh"].to_list() == [10.0] * 3 + [20.0] * 86 + [30.0] * 7


def test_the_second_auction_in_the_same_document_is_told_apart() -> None:
    other = series(sequence="2")
    other.values = [999.0] * 96
    parsed = parse_entsoe(prices(series(sequence="1"), other), capture())
    assert parsed.tables["day_ahead_prices"]["price_eur_per_mwh"].max() == 145.0
    apart = parsed.tables["other_auction_prices"]
    assert apart.select("series", "price_eur_per_mwh").unique().rows() == [("sequence_2", 999.0)]
    assert parsed.rejected.is_empty()


def test_hours_beside_quarters_are_refused_where_the_auction_has_quarters() -> None:
    parsed = parse_entsoe(prices(series(), series(minutes=60)), capture())
    assert parsed.tables["day_ahead_prices"]["resolution_minutes"].unique().to_list() == [15]
    assert parsed.rejected.height == 24


def test_rows_of_other_days_are_refused() -> None:
    tomorrow = DAY + timedelta(days=1)
    parsed = parse_entsoe(prices(series(), series(tomorrow)), capture())
    assert parsed.tables["day_ahead_prices"]["delivery_day"].unique().to_list() == [DAY]
    assert parsed.rejected.is_empty()
    assert parsed.outside["reason"].unique().to_list() == ["outside the span that was asked for"]
    assert parsed.n_rejected == parsed.outside.height == 96


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<currency_Unit.name>EUR", "<currency_Unit.name>GBP", "currency"),
        ("<price_Measure_Unit.name>MWH", "<price_Measure_Unit.name>KWH", "price_Measure_Unit"),
        (f"<in_Domain.mRID>{EIC}", "<in_Domain.mRID>10YFR-RTE------C", "in_Domain"),
        ("<position>2</position>", "<position>1</position>", "twice or out of order"),
        ("<position>96</position>", "<position>97</position>", "expected 1 to 96"),
        ("<position>3</position>", "<position>03a</position>", "out of order"),
        ("<price.amount>52.0<", "<price.amount>52,0<", "plain decimal number"),
        ("<price.amount>52.0<", "<price.amount>NaN<", "plain decimal number"),
        ("<price.amount>52.0<", "<price.amount>1e3<", "plain decimal number"),
        ("<price.amount>52.0<", "<price.amount><", "plain decimal number"),
        ("<resolution>PT15M", "<resolution>PT5M", "resolution"),
        ("<resolution>PT15M", "<resolution>PT60M", "expected 1 to 24"),
        ("<type>A44", "<type>A46", "not one that this platform reads"),
        (
            "<contract_MarketAgreement.type>A01",
            "<contract_MarketAgreement.type>A07",
            "not the day-ahead auction",
        ),
        ("T23:00Z", "T23:00", "not an instant in UTC"),
        ("<curveType>A01", "<curveType>A02", "curve type"),
    ],
)
def test_a_document_that_says_something_else_is_refused_whole(old: str, new: str, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        parse_entsoe(edited(prices(series()), old, new), capture())


def test_a_curve_that_states_every_point_must_have_them_all() -> None:
    part = series(positions=[at for at in range(1, 97) if at != 40])
    part.values = list(part.values)[:95]
    with pytest.raises(ContractError, match="95 points of 96"):
        parse_entsoe(prices(part), capture())


def test_two_values_for_one_period_are_refused_whole() -> None:
    other = series()
    other.values = [*other.values[:95], 7.0]
    with pytest.raises(ContractError, match="share their period"):
        parse_entsoe(prices(series(), other), capture())


def test_a_document_cut_anywhere_is_refused() -> None:
    body = prices(series(date(2024, 5, 4), 60)).rstrip()
    for n_bytes in range(len(body)):
        with pytest.raises(ContractError):
            parse_entsoe(body[:n_bytes], capture(date(2024, 5, 4)))


@pytest.mark.parametrize(
    ("kind", "process", "name", "table"),
    [
        ("A65", "A01", "", "load_forecasts"),
        ("A65", "A16", "", "load_actuals"),
        ("A69", "A01", "solar", "renewable_forecasts"),
        ("A69", "A18", "wind_onshore", "renewable_forecast_updates"),
        ("A75", "A16", "wind_offshore", "generation_actuals"),
    ],
)
def test_document_and_process_decide_the_table(kind: str, process: str, name: str, table: str) -> None:
    parsed = parse_entsoe(Document(kind, process, EIC, [series(name=name)]).render(), capture())
    assert list(parsed.tables) == [table]
    assert parsed.tables[table]["series"].unique().to_list() == [name or "load"]


def test_a_week_ahead_forecast_is_no_day_ahead_forecast() -> None:
    with pytest.raises(ContractError, match="process 'A31'"):
        parse_entsoe(Document("A65", "A31", EIC, [series()]).render(), capture())


def test_when_a_value_became_known() -> None:
    backfilled = parse_entsoe(Document("A69", "A01", EIC, [series(name="solar")]).render(), capture()).tables[
        "renewable_forecasts"
    ]
    assert backfilled["available_at_utc"].unique().to_list() == [datetime(2025, 11, 4, 17, tzinfo=UTC)]
    live = parse_entsoe(
        Document("A69", "A01", EIC, [series(name="solar")]).render(), capture(is_backfill=False)
    ).tables["renewable_forecasts"]
    assert live["available_at_utc"].unique().to_list() == [NOW]
    actual = parse_entsoe(Document("A65", "A16", EIC, [series()]).render(), capture()).tables["load_actuals"]
    assert (actual["available_at_utc"] - actual["delivery_start_utc"]).unique().to_list() == [
        timedelta(minutes=75)
    ]


def test_a_value_that_is_held_before_it_is_due_was_known_when_it_was_captured() -> None:
    early = Capture(zone="DE_LU", captured_at_utc=datetime(2025, 11, 4, 12, tzinfo=UTC), is_backfill=True)
    rows = parse_entsoe(Document("A69", "A01", EIC, [series(name="solar")]).render(), early).tables[
        "renewable_forecasts"
    ]
    assert rows["availability"].unique().to_list() == ["captured"]


def test_an_acknowledgement_says_that_there_is_nothing_or_refuses() -> None:
    body = "<Acknowledgement_MarketDocument><Reason><code>999</code><text>{}</text></Reason></Acknowledgement_MarketDocument>"
    parsed = parse_entsoe(body.format("No matching data found for ...").encode(), capture())
    assert parsed.no_data.startswith("No matching data")
    assert parsed.n_rows == 0
    with pytest.raises(ContractError, match="Authentication failed"):
        parse_entsoe(body.format("Authentication failed").encode(), capture())


def imbalance(second: str) -> bytes:
    start, end = (instant.strftime("%Y-%m-%dT%H:%MZ") for instant in day_bounds_utc("AT", DAY))
    amount, category = "imbalance_Price.amount", "imbalance_Price.category"
    point = f"<Point><position>1</position><{amount}>{{}}</{amount}><{category}>{{}}</{category}></Point>"
    part = (
        "<TimeSeries><currency_Unit.name>EUR</currency_Unit.name><price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A03</curveType>"
        f"<Period><timeInterval><start>{start}</start><end>{end}</end></timeInterval><resolution>PT15M</resolution>{{}}</Period></TimeSeries>"
    )
    interval = f"<period.timeInterval><start>{start}</start><end>{end}</end></period.timeInterval>"
    both = part.format(point.format("-13014.5", "A04")) + part.format(point.format(second, "A05"))
    return f"<Balancing_MarketDocument><type>A85</type>{interval}{both}</Balancing_MarketDocument>".encode()


def test_imbalance_prices_that_agree_are_one_and_others_are_two() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.xml", imbalance("-13014.5"))
    single = parse_entsoe(packed.getvalue(), capture(zone="AT"))
    assert list(single.tables) == ["imbalance_prices"]
    assert single.tables["imbalance_prices"]["price_eur_per_mwh"].unique().to_list() == [-13014.5]
    dual = parse_entsoe(imbalance("80"), capture(zone="AT"))
    assert list(dual.tables) == ["imbalance_price_sides"]
    assert dual.tables["imbalance_price_sides"].height == 192


def test_imbalance_prices_in_a_national_currency_are_refused_row_by_row_and_a_wrong_one_whole() -> None:
    parsed = parse_entsoe(imbalance("80").replace(b">EUR<", b">CZK<"), capture(zone="AT"))
    assert parsed.n_rows == 0
    assert parsed.rejected["reason"].unique().to_list() == ["imbalance price in CZK, not in EUR"]
    with pytest.raises(ContractError, match="currency"):
        parse_entsoe(imbalance("80").replace(b">EUR<", b">EUX<"), capture(zone="AT"))


def outage(**changes: str) -> bytes:
    body = f"""<Unavailability_MarketDocument><mRID>out-1</mRID><revisionNumber>3</revisionNumber><type>A80</type>
    <createdDateTime>2025-11-01T08:00:00Z</createdDateTime><TimeSeries><businessType>A54</businessType>
    <biddingZone_Domain.mRID>{EIC}</biddingZone_Domain.mRID><quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name>
    <production_RegisteredResource.mRID>11WD7X</production_RegisteredResource.mRID>
    <production_RegisteredResource.pSRType.psrType>B05</production_RegisteredResource.pSRType.psrType>
    <production_RegisteredResource.pSRType.powerSystemResources.nominalP>800</production_RegisteredResource.pSRType.powerSystemResources.nominalP>
    <Available_Period><timeInterval><start>2025-11-05T10:00Z</start><end>2025-11-05T20:00Z</end></timeInterval><resolution>PT1M</resolution>
    <Point><position>1</position><quantity>0</quantity></Point><Point><position>301</position><quantity>400</quantity></Point></Available_Period>
    </TimeSeries></Unavailability_MarketDocument>"""
    for old, new in changes.items():
        body = body.replace(old, new)
    return body.encode()


def test_an_outage_is_a_row_per_interval_of_constant_capacity() -> None:
    rows = parse_entsoe_outages(outage(), capture(None)).tables["outages"].sort("interval_start_utc")
    assert rows["available_mw"].to_list() == [0.0, 400.0]
    assert rows["interval_end_utc"].to_list() == [
        datetime(2025, 11, 5, 15, tzinfo=UTC),
        datetime(2025, 11, 5, 20, tzinfo=UTC),
    ]
    assert rows.select("kind", "status", "revision", "nominal_mw").unique().rows() == [
        ("forced", "active", 3, 800.0)
    ]
    assert rows["available_at_utc"].unique().to_list() == [datetime(2025, 11, 1, 8, tzinfo=UTC)]


@pytest.mark.parametrize(
    "change",
    [
        {"MAW": "KWT"},
        {EIC: "10YFR-RTE------C"},
        {"A54": "A99"},
        {"<position>301": "<position>1"},
        {"A80": "A44"},
    ],
)
def test_an_outage_that_says_something_else_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(ContractError):
        parse_entsoe_outages(outage(**change), capture(None))


def test_every_row_keeps_its_contract() -> None:
    rows = parse_entsoe(prices(series()), capture()).tables["day_ahead_prices"]
    assert rows.schema["delivery_start_utc"] == pl.Datetime("us", "UTC")
    assert rows.null_count().sum_horizontal().item() == 0
