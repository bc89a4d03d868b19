"""ENTSO-E unavailability documents (A77 production units, A80 generation units).

A ZIP holds one XML per announcement, which becomes rows of `outages`.

Each announcement says from when to when a unit can deliver how much less. A new revision is a new row. A
withdrawn one is kept as withdrawn. The platform states when it published a revision (`createdDateTime` of the
announcement), which is when it became known. Points of A03 curves hold until the next point.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl

from spot.contracts.live_tables import OUTAGES
from spot.contracts.table import check_rows
from spot.errors import ContractError
from spot.market.delivery import delivery_day_of
from spot.market.zones import find_zone
from spot.sources.bounds import check_row_count, count_of, shown
from spot.sources.parsed import REJECTED_SCHEMA, Capture, ParsedDocument, no_data
from spot.sources.providers import entsoe_codes as codes
from spot.sources.providers.entsoe import SOURCE
from spot.sources.providers.entsoe_document import acknowledged, documents, instant_us, number
from spot.sources.safe_input import Node, read_xml

_STATUS = {"": "active", "A05": "active", "A09": "cancelled", "A13": "withdrawn"}
_KINDS = {"A53": "planned", "A54": "forced"}
_STEP_US = {
    "PT1M": 60_000_000,
    "PT15M": 900_000_000,
    "PT30M": 1_800_000_000,
    "PT60M": 3_600_000_000,
    "PT1H": 3_600_000_000,
}


def parse_entsoe_outages(body: bytes, capture: Capture) -> ParsedDocument:
    """Rows of `outages` from a ZIP of unavailability documents, or from a single one.

    Raises:
        ContractError: a document is incomplete, of another zone or type, or states capacities in another
            unit; nothing is used.
    """
    what = f"ENTSO-E outages for {capture.zone}"
    rows: list[dict[str, object]] = []
    words: list[str] = []
    for name, content in documents(body, what):
        root = read_xml(content, f"{what} {name}".strip())
        if root.tag == "Acknowledgement_MarketDocument":
            words.append(acknowledged(root, what))
        else:
            for row in _rows(root, capture, f"{what} {name}".strip()):
                rows.append(row)
                check_row_count(len(rows), what)
    if words and not rows:
        return no_data(SOURCE, what, "; ".join(words))
    frame = pl.DataFrame(rows, schema=OUTAGES.schema).unique(
        list(OUTAGES.key), keep="last", maintain_order=True
    )
    checked = check_rows(frame, OUTAGES)
    rejected = checked.rejected.select(
        pl.lit("outages").alias("table"),
        "zone",
        pl.col("outage_id").alias("series"),
        pl.col("interval_start_utc").alias("delivery_start_utc"),
        pl.col("available_mw").alias("value"),
        "reason",
    ).cast(REJECTED_SCHEMA)
    return ParsedDocument(
        source=SOURCE,
        what=what,
        tables={"outages": checked.accepted} if checked.accepted.height else {},
        rejected=rejected,
    )


def _rows(root: Node, capture: Capture, what: str) -> Iterator[dict[str, object]]:
    if root.value("type") not in (codes.PRODUCTION_OUTAGES, codes.GENERATION_OUTAGES):
        raise ContractError(f"{what}: a {root.tag} of type {root.value('type')!r}, expected A77 or A80")
    stated = root.value("revisionNumber")
    revision = count_of(stated)
    if not revision and stated != "0":
        raise ContractError(f"{what}: revision {shown(stated)} is not a number")
    status = _STATUS.get(root.value("docStatus", "value") or "")
    if status is None:
        raise ContractError(
            f"{what}: status {root.value('docStatus', 'value')!r}, known are {', '.join(_STATUS)}"
        )
    published = min(
        instant_us(root.value("createdDateTime"), what), int(capture.captured_at_utc.timestamp() * 1_000_000)
    )
    for series in root.all("TimeSeries"):
        common = {
            "zone": capture.zone,
            "outage_id": root.value("mRID") or "",
            "revision": revision,
            "status": status,
            "available_at_utc": _instant(published),
            "availability": "stated",
            "source": SOURCE,
            **_unit(series, capture.zone, what),
        }
        for start, end, available in _intervals(series, what):
            begin = _instant(start)
            yield {
                **common,
                "delivery_day": delivery_day_of(capture.zone, begin),
                "interval_start_utc": begin,
                "interval_end_utc": _instant(end),
                "available_mw": available,
            }


def _unit(series: Node, zone: str, what: str) -> dict[str, object]:
    if series.value("biddingZone_Domain.mRID") != find_zone(zone).eic:
        raise ContractError(
            f"{what}: bidding zone {series.value('biddingZone_Domain.mRID')!r}, expected"
            f" {find_zone(zone).eic}"
        )
    if (unit := series.value("quantity_Measure_Unit.name")) != "MAW":
        raise ContractError(f"{what}: capacity in {unit!r}, expected 'MAW'")
    kind = _KINDS.get(series.value("businessType") or "")
    if kind is None:
        raise ContractError(
            f"{what}: business type {series.value('businessType')!r} is neither planned nor forced"
        )
    resource = "production_RegisteredResource"
    nominal = series.value(f"{resource}.pSRType.powerSystemResources.nominalP")
    return {
        "kind": kind,
        "unit": (
            series.value(f"{resource}.pSRType.powerSystemResources.mRID")
            or series.value(f"{resource}.mRID")
            or series.value(f"{resource}.name")
            or ""
        ),
        "fuel": series.value(f"{resource}.pSRType.psrType"),
        "nominal_mw": None if nominal is None else number(nominal, what),
    }


def _intervals(series: Node, what: str) -> Iterator[tuple[int, int, float]]:
    """Start, end and remaining capacity of every interval in which it does not change."""
    n_periods = 0
    for period in series.all("Available_Period"):
        n_periods += 1
        start, end = (
            instant_us(period.value("timeInterval", "start"), what),
            instant_us(period.value("timeInterval", "end"), what),
        )
        step = _STEP_US.get(period.value("resolution") or "")
        if step is None or end <= start:
            raise ContractError(
                f"{what}: an interval of resolution {period.value('resolution')!r} that ends before it starts"
                " or is unknown"
            )
        points = [(count_of(point.value("position")), point) for point in period.all("Point")]
        begins = [start + (position - 1) * step for position, _ in points]
        if not points or points[0][0] != 1 or begins != sorted(set(begins)) or begins[-1] >= end:
            raise ContractError(f"{what}: positions that do not run from 1 upwards inside their interval")
        for begin, finish, (_, point) in zip(begins, [*begins[1:], end], points, strict=True):
            yield begin, finish, number(point.value("quantity"), what)
    if not n_periods:
        raise ContractError(f"{what}: an announcement without an interval")


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC)
