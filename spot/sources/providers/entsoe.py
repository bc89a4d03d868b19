"""ENTSO-E Transparency Platform: XML documents to rows.

A value is accepted only after these checks: the document is complete, its type and process are known, it is
for the zone asked for, its unit and currency are right, each position lies inside its period, and prices of
an auction have the market time unit of that auction. Curve A01 states every point. Curve A03 omits a point
that repeats the one before it, and is filled inside its own period only. Specification: IEC 62325-351
profiles as published in the ENTSO-E EDI library, "Transparency Platform RESTful API user guide".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np

from spot.arrays import Floats, Ints
from spot.contracts.live_tables import CURRENCIES
from spot.errors import ContractError
from spot.market.zones import find_zone
from spot.sources.bounds import MAXIMUM_STEPS, check_row_count, count_of, instant_to_us, shown
from spot.sources.currencies import LOCAL_TABLE, foreign_currency
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers import entsoe_codes as codes
from spot.sources.providers.entsoe_status import status_vintages
from spot.sources.safe_input import Node, read_xml, read_zip

SOURCE = "entsoe"
_RESOLUTIONS = {"PT15M": 15, "PT30M": 30, "PT60M": 60, "PT1H": 60}
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z")
_US_PER_MINUTE = 60_000_000
_NO_DATA_CODE = "999"
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


@dataclass(frozen=True, slots=True)
class _Period:
    """One Period element: regular points on `[start, end)`."""

    series: Node
    start_us: int
    resolution_minutes: int
    n_points: int
    points: list[Node]
    is_inside_document: bool
    what: str

    @property
    def starts_us(self) -> Ints:
        return self.start_us + np.arange(self.n_points, dtype=np.int64) * (
            self.resolution_minutes * _US_PER_MINUTE
        )


def parse_entsoe(body: bytes, capture: Capture) -> ParsedDocument:
    """Rows of a document of type A44, A65, A69, A75, A85, A86, A25, A11 or A09, plain or zipped.

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


def documents(body: bytes, what: str) -> tuple[tuple[str, bytes], ...]:
    """The XML documents of an answer, with their names inside the archive where there is one."""
    return read_zip(body, what) if body.startswith(b"PK") else (("", body),)


def acknowledged(root: Node, what: str) -> str:
    """The words of an acknowledgement that says there is no data.

    Raises:
        ContractError: the acknowledgement refuses the request for another reason.
    """
    code = root.value("Reason", "code") or "without code"
    text = (root.value("Reason", "text") or "").strip()
    if code != _NO_DATA_CODE or "no matching data" not in text.lower():
        raise ContractError(f"{what}: request refused with reason {code}: {text[:300]}")
    return text


def instant_us(text: str | None, what: str) -> int:
    """Microseconds since 1970 of an instant such as 2024-01-01T23:00Z.

    Raises:
        ContractError: it is not one in UTC, or lies outside 1990 to 2099.
    """
    if text is None or not _INSTANT.fullmatch(text):
        raise ContractError(f"{what}: {shown(text)} is not an instant in UTC")
    try:
        instant = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    except ValueError as error:
        raise ContractError(f"{what}: {shown(text)} is not an instant") from error
    return instant_to_us(instant, what)


def number(text: str | None, what: str) -> float:
    """A finite decimal number with a point.

    Raises:
        ContractError: a decimal comma, NaN, infinity, an exponent, or no number at all.
    """
    if text is None or not _NUMBER.fullmatch(text):
        raise ContractError(f"{what}: {shown(text)} is not a plain decimal number")
    return float(text)


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
        codes.SCHEDULED_EXCHANGES: _flows,
    }
    reader = readers.get(root.value("type") or "")
    if reader is None:
        raise ContractError(
            f"{what}: a {root.tag} of type {root.value('type')!r} is not one that this platform reads"
        )
    process = root.value("process.processType") or ""
    n_rows = 0
    for period in _periods(root, what):
        for part in reader(period, process, capture):
            n_rows += len(part.values)
            check_row_count(n_rows, what)
            yield part


def _periods(root: Node, what: str) -> Iterator[_Period]:
    interval = root.first("period.timeInterval") or root.first("time_Period.timeInterval")
    if interval is None:
        raise ContractError(f"{what}: no time interval")
    first, last = instant_us(interval.value("start"), what), instant_us(interval.value("end"), what)
    n_series = 0
    for series in root.all("TimeSeries"):
        n_series += 1
        if series.first("Period") is None:
            raise ContractError(f"{what}: a series without a period")
        for node in series.all("Period"):
            yield _period(series, node, first, last, what)
    if not n_series:
        raise ContractError(f"{what}: no series")


def _period(series: Node, node: Node, first: int, last: int, what: str) -> _Period:
    start, end = (
        instant_us(node.value("timeInterval", "start"), what),
        instant_us(node.value("timeInterval", "end"), what),
    )
    resolution = _RESOLUTIONS.get(node.value("resolution") or "")
    if resolution is None:
        raise ContractError(
            f"{what}: resolution {node.value('resolution')!r}, known are {', '.join(_RESOLUTIONS)}"
        )
    n_points, rest = divmod(end - start, resolution * _US_PER_MINUTE)
    if n_points > MAXIMUM_STEPS:
        raise ContractError(
            f"{what}: a period of {n_points:,} steps, at most {MAXIMUM_STEPS:,} are read: refused"
        )
    if n_points < 1 or rest:
        raise ContractError(
            f"{what}: a period from {node.value('timeInterval', 'start')} that does not hold whole steps of"
            f" {resolution} minutes"
        )
    points = list(node.all("Point"))
    _check_positions(points, n_points, series.value("curveType") or "A01", what)
    return _Period(series, start, resolution, n_points, points, first <= start and end <= last, what)


def _check_positions(points: list[Node], n_points: int, curve: str, what: str) -> None:
    positions = [count_of(point.value("position")) for point in points]
    if not positions or positions[0] != 1 or positions[-1] > n_points:
        raise ContractError(
            f"{what}: positions run from {positions[:1]} to {positions[-1:]}, expected 1 to {n_points}"
        )
    if any(later <= earlier for earlier, later in pairwise(positions)):
        raise ContractError(f"{what}: a position is given twice or out of order")
    if curve not in ("A01", "A03"):
        raise ContractError(f"{what}: curve type {curve!r}, known are A01 and A03")
    if curve == "A01" and len(positions) != n_points:
        raise ContractError(
            f"{what}: {len(positions)} points of {n_points} in a curve that states every point"
        )


def _values(period: _Period, tag: str) -> Floats:
    """The value of every step.

    A step that curve A03 omits repeats the one before it, inside the period only.
    """
    given = np.array([number(point.value(tag), period.what) for point in period.points])
    at = np.array([count_of(point.value("position")) for point in period.points]) - 1
    return given[np.searchsorted(at, np.arange(period.n_points), side="right") - 1]


def _require(period: _Period, tag: str, expected: str) -> None:
    given = period.series.value(tag)
    if given != expected:
        raise ContractError(
            f"{period.what}: {tag} is {given!r}, expected {expected!r}: nothing of the document is used"
        )


def _refusal(period: _Period) -> str:
    return "" if period.is_inside_document else "period outside the interval that the document states"


def _prices(period: _Period, _process: str, capture: Capture) -> Iterator[Points]:
    zone = find_zone(capture.zone)
    for tag in ("in_Domain.mRID", "out_Domain.mRID"):
        _require(period, tag, zone.eic)
    _require(period, "currency_Unit.name", zone.currency)
    _require(period, "price_Measure_Unit.name", "MWH")
    refusal = _refusal(period)
    if (contract := period.series.value("contract_MarketAgreement.type")) not in (None, "A01"):
        refusal = f"{_OTHER_CONTRACT} {contract!r} is not the day-ahead auction"
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


def _local_prices(period: _Period, currency: str, series: str, tag: str, refusal: str) -> Points:
    extra: dict[str, Sequence[object]] = {
        "currency": [currency] * period.n_points,
        "volume_mwh": [None] * period.n_points,
    }
    return replace(_points(period, LOCAL_TABLE, series, tag, refusal), extra=extra)


def _load(period: _Period, process: str, capture: Capture) -> Iterator[Points]:
    _require(period, "outBiddingZone_Domain.mRID", find_zone(capture.zone).eic)
    _require(period, "quantity_Measure_Unit.name", "MAW")
    table = {codes.PROCESS_DAY_AHEAD: "load_forecasts", codes.PROCESS_REALISED: "load_actuals"}.get(process)
    if table is None:
        raise ContractError(
            f"{period.what}: process {process!r} is neither the day-ahead forecast nor the realised load"
        )
    yield _points(period, table, "load", "quantity", _refusal(period))


def _generation(period: _Period, process: str, capture: Capture) -> Iterator[Points]:
    series = codes.GENERATION_SERIES.get(period.series.value("MktPSRType", "psrType") or "")
    if series is None or period.series.first("inBiddingZone_Domain.mRID") is None:
        return  # other fuels, and the consumption of storage, are no part of the contracts
    _require(period, "inBiddingZone_Domain.mRID", find_zone(capture.zone).eic)
    _require(period, "quantity_Measure_Unit.name", "MAW")
    table = {
        codes.PROCESS_DAY_AHEAD: "renewable_forecasts",
        codes.PROCESS_CURRENT: "renewable_forecast_updates",
        codes.PROCESS_INTRADAY: "renewable_forecast_updates",
        codes.PROCESS_REALISED: "generation_actuals",
    }.get(process)
    if table is None:
        raise ContractError(f"{period.what}: process {process!r} is none of forecast, update and realised")
    yield _points(period, table, series, "quantity", _refusal(period))


def _imbalance_prices(period: _Period, _process: str, capture: Capture) -> Iterator[Points]:
    """A price for a surplus (A04) and one for a shortage (A05), or one for both."""
    refusal, foreign = _refusal(period), foreign_currency(capture.zone)
    currency = period.series.value("currency_Unit.name") or ""
    if currency in _OTHER_CURRENCIES and currency != foreign:
        known = " or ".join(("EUR", foreign) if foreign else ("EUR",))
        refusal = f"imbalance price in {currency}, not in {known}"
    elif currency != foreign:
        _require(period, "currency_Unit.name", find_zone(capture.zone).currency)
    _require(period, "price_Measure_Unit.name", "MWH")
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


def _imbalance_volumes(period: _Period, _process: str, _capture: Capture) -> Iterator[Points]:
    _require(period, "quantity_Measure_Unit.name", "MWH")
    direction = period.series.value("flowDirection.direction") or ""
    series = {"A01": "up", "A02": "down", "A03": "net", "": "net"}.get(direction)
    if series is None:
        raise ContractError(f"{period.what}: flow direction {direction!r}")
    yield _points(period, "imbalance_volumes", series, "quantity", _refusal(period))


def _net_position(period: _Period, _process: str, capture: Capture) -> Iterator[Points]:
    """Exports are stated as the zone in `out_Domain`, imports as the zone in `in_Domain`.

    The table counts exports positive.
    """
    _require(period, "quantity_Measure_Unit.name", "MAW")
    eic = find_zone(capture.zone).eic
    is_export = period.series.value("out_Domain.mRID") == eic
    if not is_export and period.series.value("in_Domain.mRID") != eic:
        raise ContractError(f"{period.what}: net position of another zone")
    values = _values(period, "quantity") * (1.0 if is_export else -1.0)
    yield Points(
        table="net_positions",
        series="day_ahead",
        starts_us=period.starts_us,
        resolution_minutes=period.resolution_minutes,
        values=values,
        refusal=_refusal(period),
    )


def _flows(period: _Period, process: str, capture: Capture) -> Iterator[Points]:
    _require(period, "quantity_Measure_Unit.name", "MAW")
    _require(period, "out_Domain.mRID", find_zone(capture.zone).eic)
    other = codes.zone_of_eic(period.series.value("in_Domain.mRID") or "")
    if other is None:
        raise ContractError(
            f"{period.what}: flow to {period.series.value('in_Domain.mRID')!r}, which is no known zone"
        )
    kind = (
        "scheduled"
        if process == codes.PROCESS_DAY_AHEAD or period.series.value("businessType") == "A06"
        else "physical"
    )
    yield _points(period, "cross_border_flows", f"{kind}_to_{other}", "quantity", _refusal(period))


def _points(period: _Period, table: str, series: str, tag: str, refusal: str) -> Points:
    return Points(
        table=table,
        series=series,
        starts_us=period.starts_us,
        resolution_minutes=period.resolution_minutes,
        values=_values(period, tag),
        refusal=refusal,
    )
