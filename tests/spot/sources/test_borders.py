"""Capacities, scheduled exchanges and flows of a border: from documents and from files, dated by rule."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc
from spot.market.gates import gate_closure_utc
from spot.market.zones import find_zone
from spot.sources.files.tidy_files import parse_tidy
from spot.sources.judging.publication_lag import measure_lags
from spot.sources.parsed import Capture, ParsedDocument
from spot.sources.providers.entsoe import parse_entsoe

DAY = date(2025, 3, 12)
START, END = day_bounds_utc("SK", DAY)
LONG_AFTER = datetime(2025, 9, 1, tzinfo=UTC)
TABLES = ("net_transfer_capacities", "scheduled_exchanges", "cross_border_flows")
KINDS = dict(zip(TABLES, ("A61", "A09", "A11"), strict=True))


def document(kind: str, *series: tuple[str, str, float], unit: str = "MAW") -> bytes:
    """Hours of `kind` out of SK: for each series a contract, the code of the neighbour and the value."""
    span = f"<start>{START:%Y-%m-%dT%H:%MZ}</start><end>{END:%Y-%m-%dT%H:%MZ}</end>"
    parts = "".join(
        f"<TimeSeries><contract_MarketAgreement.type>{contract}</contract_MarketAgreement.type>"
        f"<in_Domain.mRID>{neighbour}</in_Domain.mRID><out_Domain.mRID>{find_zone('SK').eic}</out_Domain.mRID>"
        f"<quantity_Measure_Unit.name>{unit}</quantity_Measure_Unit.name><curveType>A03</curveType><Period>"
        f"<timeInterval>{span}</timeInterval><resolution>PT60M</resolution>"
        f"<Point><position>1</position><quantity>{value}</quantity></Point>"
        f"<Point><position>13</position><quantity>{value + 1}</quantity></Point></Period></TimeSeries>"
        for contract, neighbour, value in series
    )
    return (
        f"<Publication_MarketDocument><type>{kind}</type><period.timeInterval>{span}</period.timeInterval>"
        f"{parts}</Publication_MarketDocument>"
    ).encode()


def read(body: bytes, *, is_backfill: bool = True) -> ParsedDocument:
    seen = LONG_AFTER if is_backfill else END
    return parse_entsoe(
        body,
        Capture(zone="SK", captured_at_utc=seen, first_utc=START, end_utc=END, is_backfill=is_backfill),
    )


@pytest.mark.parametrize(
    ("table", "column", "known"),
    [
        ("net_transfer_capacities", "capacity_mw", gate_closure_utc("SK", DAY) - timedelta(hours=1)),
        ("scheduled_exchanges", "exchange_mw", START - timedelta(hours=6)),
        ("cross_border_flows", "flow_mw", START + timedelta(hours=2)),
    ],
)
def test_a_border_of_the_past_is_dated_by_its_rule(table: str, column: str, known: datetime) -> None:
    rows = read(document(KINDS[table], ("A01", find_zone("HU").eic, 800.0))).tables[table]
    assert rows.height == 24
    assert rows["series"].unique().to_list() == ["physical_to_HU" if column == "flow_mw" else "to_HU"]
    assert rows[column].to_list() == [800.0] * 12 + [801.0] * 12
    assert rows["available_at_utc"][0] == known
    assert rows["availability"].unique().to_list() == ["rule"]


def test_only_capacities_of_a_day_are_read() -> None:
    daily, monthly = ("A01", find_zone("HU").eic, 800.0), ("A03", find_zone("CZ").eic, 500.0)
    both = read(document("A61", daily, monthly))
    assert both.tables["net_transfer_capacities"]["series"].unique().to_list() == ["to_HU"]
    assert "'A03' is not the capacity of a day" in both.rejected["reason"].unique().item()
    with pytest.raises(ContractError, match="is not the capacity of a day"):
        read(document("A61", monthly))


def test_exchanges_of_all_markets_together_are_not_those_of_the_day_ahead_market() -> None:
    with pytest.raises(ContractError, match="'A05' is not that of the day-ahead market"):
        read(document("A09", ("A05", find_zone("HU").eic, 800.0)))


@pytest.mark.parametrize("table", TABLES)
def test_another_unit_or_an_unknown_neighbour_refuses_the_document(table: str) -> None:
    with pytest.raises(ContractError, match="KWH"):
        read(document(KINDS[table], ("A01", find_zone("HU").eic, 800.0), unit="KWH"))
    with pytest.raises(ContractError, match="no known zone"):
        read(document(KINDS[table], ("A01", "10YNOWHERE-----X", 800.0)))


def test_the_lag_of_a_captured_capacity_is_measured_against_the_rule() -> None:
    captured = read(document("A61", ("A01", find_zone("HU").eic, 800.0)), is_backfill=False)
    lags = measure_lags("net_transfer_capacities", captured.tables["net_transfer_capacities"])
    due = gate_closure_utc("SK", DAY) - timedelta(hours=1)
    assert lags["lag_minutes"].to_list() == [(END - due) / timedelta(minutes=1)]


def test_borders_come_from_files_too() -> None:
    lines = ["table,series,delivery_start,resolution_minutes,value"]
    for number in range(24):
        start = f"{START + timedelta(hours=number):%Y-%m-%dT%H:%MZ}"
        lines += [f"{table},to_HU,{start},60,{700 + number}" for table in TABLES]
    capture = Capture(zone="SK", captured_at_utc=LONG_AFTER, is_backfill=True)
    found = parse_tidy("\n".join(lines).encode(), "csv", "borders.csv", capture)
    assert {table: rows.height for table, rows in found.tables.items()} == dict.fromkeys(TABLES, 24)
    exchanges = found.tables["scheduled_exchanges"]
    assert exchanges.filter(pl.col("exchange_mw") == 723.0)["delivery_start_utc"].item() == END - timedelta(
        hours=1
    )
