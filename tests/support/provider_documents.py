"""Documents as the ENTSO-E platform writes them, built from known values.

The clean side of the fault suite.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ROOTS = {
    "A44": "Publication_MarketDocument",
    "A65": "GL_MarketDocument",
    "A69": "GL_MarketDocument",
    "A75": "GL_MarketDocument",
}
PSR_TYPES = {"solar": "B16", "wind_offshore": "B18", "wind_onshore": "B19"}


@dataclass(slots=True)
class DocumentSeries:
    """One TimeSeries of one or more whole periods. What stands here is written as it is, right or wrong."""

    start: datetime
    minutes: int
    values: Sequence[float | str]
    name: str = ""
    """Series of the table, for documents with production types."""
    positions: list[int] | None = None
    curve: str = "A01"
    sequence: str | None = None
    end: datetime | None = None


@dataclass(slots=True)
class Document:
    """A market document; `render` gives its bytes."""

    kind: str
    process: str
    eic: str
    series: list[DocumentSeries] = field(default_factory=list)
    currency: str = "EUR"
    unit: str = ""

    def render(self) -> bytes:
        """UTF-8 XML."""
        root = ROOTS[self.kind]
        first = min(part.start for part in self.series)
        last = max(_end(part) for part in self.series)
        interval = "period.timeInterval" if self.kind == "A44" else "time_Period.timeInterval"
        head = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<{root}'
            ' xmlns="urn:iec62325.351:tc57wg16:451-3:publicationdocument:7:3">\n'
            f"<mRID>built</mRID><revisionNumber>1</revisionNumber><type>{self.kind}</type>"
            f"<process.processType>{self.process}</process.processType><createdDateTime>2026-11-01T00:00:00Z</createdDateTime>\n"
            f"<{interval}><start>{_text(first)}</start><end>{_text(last)}</end></{interval}>\n"
        )
        return (
            head
            + "".join(self._series(part, number) for number, part in enumerate(self.series, 1))
            + f"</{root}>"
        ).encode()

    def _series(self, part: DocumentSeries, number: int) -> str:
        tag = "price.amount" if self.kind == "A44" else "quantity"
        positions = part.positions or list(range(1, len(part.values) + 1))
        points = "".join(
            f"<Point>\n<position>{position}</position>\n<{tag}>{value}</{tag}>\n</Point>\n"
            for position, value in zip(positions, part.values, strict=True)
        )
        return (
            f"<TimeSeries><mRID>{number}</mRID>{self._header(part)}<curveType>{part.curve}</curveType>\n"
            f"<Period><timeInterval><start>{_text(part.start)}</start><end>{_text(_end(part))}</end></timeInterval>"
            f"<resolution>PT{part.minutes}M</resolution>\n{points}</Period></TimeSeries>\n"
        )

    def _header(self, part: DocumentSeries) -> str:
        if self.kind == "A44":
            tag_name = "classificationSequence_AttributeInstanceComponent.position"
            sequence = f"<{tag_name}>{part.sequence}</{tag_name}>"
            return (
                f"<auction.type>A01</auction.type><businessType>A62</businessType><in_Domain.mRID>{self.eic}</in_Domain.mRID>"
                f"<out_Domain.mRID>{self.eic}</out_Domain.mRID><contract_MarketAgreement.type>A01</contract_MarketAgreement.type>"
                f"<currency_Unit.name>{self.currency}</currency_Unit.name><price_Measure_Unit.name>{self.unit or 'MWH'}</price_Measure_Unit.name>"
                + (sequence if part.sequence else "")
            )
        domain = "outBiddingZone_Domain.mRID" if self.kind == "A65" else "inBiddingZone_Domain.mRID"
        psr = (
            f"<MktPSRType><psrType>{PSR_TYPES[part.name]}</psrType></MktPSRType>"
            if part.name in PSR_TYPES
            else ""
        )
        return f"<{domain}>{self.eic}</{domain}><quantity_Measure_Unit.name>{self.unit or 'MAW'}</quantity_Measure_Unit.name>{psr}"


def _end(part: DocumentSeries) -> datetime:
    n_points = len(part.values) if part.positions is None else max(part.positions)
    return part.end or part.start + timedelta(minutes=part.minutes * n_points)


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
