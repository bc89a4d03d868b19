"""ENTSO-E Transparency Platform: XML documents to rows.

A value is accepted only after these checks: the document is complete, its type and process are known, it is
for the zone asked for, its unit and currency are right, its periods hold (`entsoe_document.py`), and prices
of an auction have the market time unit of that auction. Specification: IEC 62325-351 profiles as published in
the ENTSO-E EDI library, "Transparency Platform RESTful API user guide".
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from spot.contracts.live_tables import CURRENCIES
from spot.errors import ContractError
from spot.market.zones import find_zone
from spot.sources.bounds import check_row_count
from spot.sources.currencies import LOCAL_TABLE, foreign_currency
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers import entsoe_codes as codes
from spot.sources.providers.entsoe_document import Period, acknowledged, documents, periods
from spot.sources.providers.entsoe_status import status_vintages
from spot.sources.safe_input import Node, read_xml

SOURCE = "entsoe"
_OTHER_CURRENCIES = frozenset(CURRENCIES)
"""Currencies of other areas. A document in one of them is not faulty, and gives no price of this area."""
_SIDES = {
    "imbalance_price_sides": ("imbalance_prices", "imbalance", "long", "short"),
    LOCAL_TABLE: (LOCAL_TABLE, "system_price", "system_price_long", "system_price_short"),
}
"""Table with the prices of surplus and shortage to the table and series of a single price, and its series of
the two sides.
"""
_OTHER_CONTRACT = "contract type"
_OTHER_AUCTIONS = frozenset({"2", "3"})
"""Sequences of prices that are not the coupled day-ahead auction. They have a table of their own."""


def parse_entsoe(body: bytes, capture: Capture) -> ParsedDocument:
    """Rows of a document of type A44, A65, A69, A75, A85, A86, A25, A61, A11 or A09, plain or zipped.

    An acknowledgement is "no data".

    Raises:
        ContractError: the document is incomplete, of another zone, unit, currency or type, or contradicts
            itself; nothing of it is used.
    """
    what = f"ENTSO-E document for {capture.zone}"
    points: dict[str, list[Points]] = {}
    words: list[str] = []
    kind, n_rows = "", 0
    for name, content in documents(body, what):
        root = read_xml(content, what)
        if root.tag == "Acknowledgement_MarketDocument":
            words.append(acknowledged(root, what))
            continue
        kind = root.value("type") or ""
        found = _points_of(root, capture, f"ENTSO-E {kind} for {capture.zone}{f' ({name})' if name else ''}")
        own = _of_contract(found)
        n_rows += sum(len(part.values) for part in own)
        check_row_count(n_rows, what)
        points.setdefault(root.value("docStatus", "value") or "", []).extend(own)
    if words and not points:
        return no_data(SOURCE, what, "; ".join(words))
    by_status = {status: _with_single_price(parts) for status, parts in points.items()}
    return assemble(
        SOURCE, f"ENTSO-E {kind} for {capture.zone}", capture, status_vintages(by_status, capture)
    )


def _of_contract(points: Iterator[Points]) -> list[Points]:
    """The points of a document; those of another contract beside the auction's are refused with their reason.

    Raises:
        ContractError: the document has other contracts only.
    """
    found = list(points)
    if found and all(part.refusal.startswith(_OTHER_CONTRACT) for part in found):
        raise ContractError(found[0].refusal)
    return found


def _points_of(root: Node, capture: Capture, what: str) -> Iterator[Points]:
    readers = {
        codes.DAY_AHEAD_PRICES: _prices,
        codes.TOTAL_LOAD: _load,
        codes.WIND_SOLAR_FORECAST: _generation,
        codes.GENERATION_BY_TYPE: _generation,
        codes.IMBALANCE_PRICES: _imbalance_prices,
        codes.IMBALANCE_VOLUMES: _imbalance_volumes,
        codes.NET_POSITION: _net_position,
        codes.PHYSICAL_FLOWS: _flows,
        codes.SCHEDULED_EXCHANGES: _scheduled,
        codes.TRANSFER_CAPACITIES: _capacities,
    }
    reader = readers.get(root.value("type") or "")
    if reader is None:
        raise ContractError(
            f"{what}: a {root.tag} of type {root.value('type')!r} is not one that this platform reads"
        )
    process = root.value("process.processType") or ""
    n_rows = 0
    for period in periods(root, what):
        for part in reader(period, process, capture):
            n_rows += len(part.values)
            check_row_count(n_rows, what)
            yield part


def _prices(period: Period, _process: str, capture: Capture) -> Iterator[Points]:
    zone = find_zone(capture.zone)
    for tag in ("in_Domain.mRID", "out_Domain.mRID"):
        period.require(tag, zone.eic)
    period.require("currency_Unit.name", zone.currency)
    period.require("price_Measure_Unit.name", "MWH")
    refusal = _other_contract(period, "is not the day-ahead auction") or period.refusal
    sequence = period.series.value("classificationSequence_AttributeInstanceComponent.position")
    if sequence in _OTHER_AUCTIONS and zone.currency == "EUR" and not refusal:
        yield _points(period, "other_auction_prices", f"sequence_{sequence}", "price.amount", refusal)
        return
    if sequence not in (None, "1") and not refusal:
        refusal = f"auction sequence {sequence}: not the coupled day-ahead auction"
    if zone.currency != "EUR":
        yield _local_prices(period, zone.currency, "day_ahead", "price.amount", refusal)
        return
    yield _points(period, "day_ahead_prices", "day_ahead", "price.amount", refusal)


def _local_prices(period: Period, currency: str, series: str, tag: str, refusal: str) -> Points:
    extra: dict[str, Sequence[object]] = {
        "currency": [currency] * period.n_points,
        "volume_mwh": [None] * period.n_points,
    }
    return replace(_points(period, LOCAL_TABLE, series, tag, refusal), extra=extra)


def _load(period: Period, process: str, capture: Capture) -> Iterator[Points]:
    period.require("outBiddingZone_Domain.mRID", find_zone(capture.zone).eic)
    period.require("quantity_Measure_Unit.name", "MAW")
    table = {codes.PROCESS_DAY_AHEAD: "load_forecasts", codes.PROCESS_REALISED: "load_actuals"}.get(process)
    if table is None:
        raise ContractError(
            f"{period.what}: process {process!r} is neither the day-ahead forecast nor the realised load"
        )
    yield _points(period, table, "load", "quantity", period.refusal)


def _generation(period: Period, process: str, capture: Capture) -> Iterator[Points]:
    series = codes.GENERATION_SERIES.get(period.series.value("MktPSRType", "psrType") or "")
    if series is None or period.series.first("inBiddingZone_Domain.mRID") is None:
        return  # other fuels, and the consumption of storage, are no part of the contracts
    period.require("inBiddingZone_Domain.mRID", find_zone(capture.zone).eic)
    period.require("quantity_Measure_Unit.name", "MAW")
    table = {
        codes.PROCESS_DAY_AHEAD: "renewable_forecasts",
        codes.PROCESS_CURRENT: "renewable_forecast_updates",
        codes.PROCESS_INTRADAY: "renewable_forecast_updates",
        codes.PROCESS_REALISED: "generation_actuals",
    }.get(process)
    if table is None:
        raise ContractError(f"{period.what}: process {process!r} is none of forecast, update and realised")
    yield _points(period, table, series, "quantity", period.refusal)


def _imbalance_prices(period: Period, _process: str, capture: Capture) -> Iterator[Points]:
    """A price for a surplus (A04) and one for a shortage (A05), or one for both."""
    refusal, foreign = period.refusal, foreign_currency(capture.zone)
    currency = period.series.value("currency_Unit.name") or ""
    if currency in _OTHER_CURRENCIES and currency != foreign:
        known = " or ".join(("EUR", foreign) if foreign else ("EUR",))
        refusal = f"imbalance price in {currency}, not in {known}"
    elif currency != foreign:
        period.require("currency_Unit.name", find_zone(capture.zone).currency)
    period.require("price_Measure_Unit.name", "MWH")
    categories = {point.value("imbalance_Price.category") for point in period.points}
    if len(categories) != 1 or not categories <= {None, "A04", "A05", "A06", "A07"}:
        raise ContractError(
            f"{period.what}: price categories {sorted(map(str, categories))} inside one period"
        )
    side = {"A04": "long", "A05": "short"}.get(categories.pop() or "", "")
    if currency == foreign:
        series = f"system_price_{side}" if side else "system_price"
        yield _local_prices(period, currency, series, "imbalance_Price.amount", refusal)
    elif side:
        yield _points(period, "imbalance_price_sides", side, "imbalance_Price.amount", refusal)
    else:
        yield _points(period, "imbalance_prices", "imbalance", "imbalance_Price.amount", refusal)


def _with_single_price(points: list[Points]) -> list[Points]:
    """Prices of surplus and shortage that agree on every step are given once.

    The area has a single price then.
    """
    for table in _SIDES:
        points = _sides_as_one(points, table)
    return points


def _sides_as_one(points: list[Points], table: str) -> list[Points]:
    single, series, *names = _SIDES[table]
    sides = {side: [part for part in points if (part.table, part.series) == (table, side)] for side in names}
    starts = {
        side: np.concatenate([part.starts_us for part in parts]) for side, parts in sides.items() if parts
    }
    if len(starts) != 2 or not np.array_equal(starts[names[0]], starts[names[1]]):
        return points
    values = {side: np.concatenate([part.values for part in parts]) for side, parts in sides.items()}
    if not np.array_equal(values[names[0]], values[names[1]]):
        return points
    others = [part for part in points if part.table != table or part.series not in names]
    return [*others, *(replace(part, table=single, series=series) for part in sides[names[0]])]


def _imbalance_volumes(period: Period, _process: str, _capture: Capture) -> Iterator[Points]:
    period.require("quantity_Measure_Unit.name", "MWH")
    direction = period.series.value("flowDirection.direction") or ""
    series = {"A01": "up", "A02": "down", "A03": "net", "": "net"}.get(direction)
    if series is None:
        raise ContractError(f"{period.what}: flow direction {direction!r}")
    yield _points(period, "imbalance_volumes", series, "quantity", period.refusal)


def _net_position(period: Period, _process: str, capture: Capture) -> Iterator[Points]:
    """Exports are stated as the zone in `out_Domain`, imports as the zone in `in_Domain`.

    The table counts exports positive.
    """
    period.require("quantity_Measure_Unit.name", "MAW")
    eic = find_zone(capture.zone).eic
    is_export = period.series.value("out_Domain.mRID") == eic
    if not is_export and period.series.value("in_Domain.mRID") != eic:
        raise ContractError(f"{period.what}: net position of another zone")
    values = period.values("quantity") * (1.0 if is_export else -1.0)
    yield Points(
        table="net_positions",
        series="day_ahead",
        starts_us=period.starts_us,
        resolution_minutes=period.resolution_minutes,
        values=values,
        refusal=period.refusal,
    )


def _flows(period: Period, _process: str, capture: Capture) -> Iterator[Points]:
    series = f"physical_to_{_across(period, capture)}"
    yield _points(period, "cross_border_flows", series, "quantity", period.refusal)


def _scheduled(period: Period, _process: str, capture: Capture) -> Iterator[Points]:
    """Exchanges of the day-ahead market (contract A01); those of a later market are refused."""
    refusal = period.refusal or _other_contract(period, "is not that of the day-ahead market")
    yield _points(period, "scheduled_exchanges", f"to_{_across(period, capture)}", "quantity", refusal)


def _capacities(period: Period, _process: str, capture: Capture) -> Iterator[Points]:
    """Capacities of a day (contract A01); those of a week, a month or a year are refused."""
    refusal = period.refusal or _other_contract(period, "is not the capacity of a day")
    yield _points(period, "net_transfer_capacities", f"to_{_across(period, capture)}", "quantity", refusal)


def _other_contract(period: Period, words: str) -> str:
    """Why a series of another contract than A01 is refused; empty where it is A01 or says nothing."""
    contract = period.series.value("contract_MarketAgreement.type")
    return "" if contract in (None, "A01") else f"{_OTHER_CONTRACT} {contract!r} {words}"


def _across(period: Period, capture: Capture) -> str:
    """The neighbour into which the zone of the capture exports.

    Raises:
        ContractError: the unit is not MW, the zone is not the one that exports, or the other is unknown.
    """
    period.require("quantity_Measure_Unit.name", "MAW")
    period.require("out_Domain.mRID", find_zone(capture.zone).eic)
    other = period.series.value("in_Domain.mRID") or ""
    zone = codes.zone_of_eic(other)
    if zone is None:
        raise ContractError(f"{period.what}: from {capture.zone} to {other!r}, which is no known zone")
    return zone


def _points(period: Period, table: str, series: str, tag: str, refusal: str) -> Points:
    return Points(
        table=table,
        series=series,
        starts_us=period.starts_us,
        resolution_minutes=period.resolution_minutes,
        values=period.values(tag),
        refusal=refusal,
    )
