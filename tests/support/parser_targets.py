"""Every parser of the desk with bodies that it reads: recorded ones where they are there, and built ones."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Literal

import polars as pl

from spot.market.delivery import day_bounds_utc, delivery_starts_utc
from spot.market.zones import find_zone
from spot.sources.files.tidy_files import parse_tidy
from spot.sources.parsed import Capture
from spot.sources.providers.energy_charts import parse_energy_charts
from spot.sources.providers.entsoe import parse_entsoe
from spot.sources.providers.entsoe_outages import parse_entsoe_outages
from spot.sources.providers.open_meteo import WeatherRequest, parse_open_meteo
from spot.sources.providers.smard import parse_smard, parse_smard_index, smard_series
from tests.support.provider_documents import PSR_TYPES, Document, DocumentSeries
from tests.support.recorded_bodies import BODIES
from tests.support.us_bodies import us_bodies

Kind = Literal["xml", "zip", "json", "csv", "parquet"]
_DAY = date(2025, 11, 5)
_NOW = datetime(2026, 11, 1, tzinfo=UTC)
_TIDY_HEAD = "table,series,delivery_start,resolution_minutes,value,available_at"


@dataclass(frozen=True, slots=True)
class ParserTarget:
    """A parser and a body of its provider."""

    name: str
    kind: Kind
    parse: Callable[[bytes], object]
    body: bytes


def parser_targets(market_data: Path | None) -> list[ParserTarget]:
    """A target for every document of every provider, and for files in the tidy layout."""
    recorded = [] if market_data is None else list(_recorded(market_data))
    return [*recorded, *_us(), *_entsoe(), *_outages(), *_json(), *_tidy()]


def zipped(*documents: bytes) -> bytes:
    """A ZIP archive with these documents."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for at, content in enumerate(documents):
            archive.writestr(f"{at}.xml", content)
    return packed.getvalue()


def _recorded(folder: Path) -> Iterator[ParserTarget]:
    for one in BODIES:
        kind: Any = Path(one.path).suffix[1:]
        if (folder / "api_samples" / one.path).is_file():
            yield ParserTarget(one.path, kind, one.parse, one.read(folder))


def _us() -> Iterator[ParserTarget]:
    for at, (parse, body) in enumerate(us_bodies()):
        yield ParserTarget(f"built US or ECB document {at}", "json", parse, body)


def _capture(zone: str = "DE_LU") -> Capture:
    return Capture(zone=zone, captured_at_utc=_NOW, is_backfill=True)


def _entsoe() -> Iterator[ParserTarget]:
    parse = partial(parse_entsoe, capture=_capture())
    start, eic = day_bounds_utc("DE_LU", _DAY)[0], find_zone("DE_LU").eic
    values = [50.0 + at for at in range(96)]
    bodies = []
    for kind, process, name in (("A44", "A01", ""), ("A65", "A01", ""), ("A69", "A01", "solar")):
        document = Document(kind, process, eic, [DocumentSeries(start, 15, values, name)])
        bodies.append(document.render())
        yield ParserTarget(f"built ENTSO-E {kind}", "xml", parse, bodies[-1])
    several = [DocumentSeries(start, 15, values, name, curve="A03") for name in PSR_TYPES]
    yield ParserTarget("built ENTSO-E A75", "xml", parse, Document("A75", "A16", eic, several).render())
    yield ParserTarget("built ENTSO-E ZIP", "zip", parse, zipped(*bodies))


def _outages() -> Iterator[ParserTarget]:
    resource = "production_RegisteredResource"
    power = f"{resource}.pSRType.powerSystemResources.nominalP"
    body = (
        "<Unavailability_MarketDocument><mRID>out-1</mRID><revisionNumber>3</revisionNumber><type>A80</type>"
        "<createdDateTime>2025-11-01T08:00:00Z</createdDateTime><TimeSeries><businessType>A54</businessType>"
        f"<biddingZone_Domain.mRID>{find_zone('DE_LU').eic}</biddingZone_Domain.mRID>"
        f"<quantity_Measure_Unit.name>MAW</quantity_Measure_Unit.name><{resource}.mRID>11W</{resource}.mRID>"
        f"<{resource}.pSRType.psrType>B05</{resource}.pSRType.psrType><{power}>800</{power}>"
        "<Available_Period><timeInterval><start>2025-11-05T10:00Z</start><end>2025-11-05T20:00Z</end>"
        "</timeInterval><resolution>PT1M</resolution><Point><position>1</position><quantity>0</quantity>"
        "</Point><Point><position>301</position><quantity>400</quantity></Point></Available_Period>"
        "</TimeSeries></Unavailability_MarketDocument>"
    ).encode()
    parse = partial(parse_entsoe_outages, capture=_capture())
    yield ParserTarget("built outage", "xml", parse, body)
    yield ParserTarget("built outages", "zip", parse, zipped(body, body.replace(b"out-1", b"out-2")))


def _json() -> Iterator[ParserTarget]:
    seconds = [int(start.timestamp()) for start in delivery_starts_utc("DE_LU", _DAY, 15)]
    values = [1000.0 + at for at in range(len(seconds))]
    of_charts = partial(parse_energy_charts, capture=_capture())
    power = {"name": "Solar", "data": values}
    charts: dict[str, dict[str, Any]] = {
        "price": {"price": values, "unit": "EUR/MWh"},
        "public_power": {"production_types": [power, {**power, "name": "Load"}]},
        "forecast": {"forecast_values": values, "production_type": "solar", "forecast_type": "day-ahead"},
    }
    for name, content in charts.items():
        parse = partial(of_charts, document=name)
        yield _of_json(f"built Energy-Charts {name}", parse, {"unix_seconds": seconds, **content})
    pairs = [[start * 1000, value] for start, value in zip(seconds, values, strict=True)]
    for series in smard_series("DE_LU")[:2]:
        parse_series = partial(parse_smard, series=series, capture=_capture())
        yield _of_json(f"built SMARD {series.number}", parse_series, {"series": pairs})
    index = partial(parse_smard_index, what="SMARD index")
    yield _of_json("built SMARD index", index, {"timestamps": [start * 1000 for start in seconds]})
    run = datetime(2025, 11, 4, tzinfo=UTC)
    times = [(run + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M") for hour in range(48)]
    weather = {
        "utc_offset_seconds": 0,
        "hourly": {"time": times, "temperature_2m": [10.0] * 48},
        "hourly_units": {"temperature_2m": "°C"},
    }
    request = WeatherRequest(interface="single_run", model="icon_eu", point="52.50,13.40", run_at_utc=run)
    of_weather = partial(parse_open_meteo, request=request, capture=_capture())
    yield _of_json("built Open-Meteo", of_weather, weather)


def _of_json(name: str, parse: Callable[[bytes], object], content: Any) -> ParserTarget:
    return ParserTarget(name, "json", parse, json.dumps(content, ensure_ascii=False).encode())


def _tidy() -> Iterator[ParserTarget]:
    rows = [
        f"{table},{series},{start.isoformat()},60,{80.5 + at},"
        for table, series in (("day_ahead_prices", "day_ahead"), ("load_forecasts", "load"))
        for at, start in enumerate(delivery_starts_utc("NL", date(2025, 3, 12), 60))
    ]
    body = "\n".join([_TIDY_HEAD, *rows]).encode()
    stored = io.BytesIO()
    pl.read_csv(io.BytesIO(body), infer_schema=False).write_parquet(stored)
    kinds: tuple[tuple[Literal["csv", "parquet"], bytes], ...] = (
        ("csv", body),
        ("parquet", stored.getvalue()),
    )
    for kind, content in kinds:
        parse = partial(parse_tidy, kind=kind, what=f"NL.{kind}", capture=_capture("NL"))
        yield ParserTarget(f"built tidy {kind}", kind, parse, content)
