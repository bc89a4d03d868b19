"""ERCOT Public API: JSON to rows.

Day-ahead and real-time settlement point prices of a hub in USD, and load forecasts with their instant of
posting.

Specification: api.ercot.com/api/public-reports, reports NP4-190-CD (`dam_stlmnt_pnt_prices`), NP6-905-CD
(`spp_node_zone_hub`) and NP3-565-CD (`lf_by_model_weather_zone`). An answer is `{"_meta": {...}, "fields":
[{"name": ...}], "data": [[...], ...]}`: rows in the order of the fields. Times are Central prevailing time
without offset; hours are named by their end, 01:00 to 24:00, and `DSTFlag` marks the second of two equal
hours.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from spot.errors import ContractError
from spot.market.zones import find_zone
from spot.sources.bounds import calendar_day, count_of, instant_to_us, shown
from spot.sources.currencies import LOCAL_TABLE
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers.json_series import member, numbers
from spot.sources.safe_input import read_json
from spot.sources.spans import load_forecast_points

SOURCE = "ercot"
OPERATOR = "ERCOT"
Report = Literal["dam_stlmnt_pnt_prices", "spp_node_zone_hub", "lf_by_model_weather_zone"]
WEATHER_ZONES = ("coast", "east", "farWest", "north", "northCentral", "southCentral", "southern", "west")
_SUM_TOLERANCE_MW = 1.0
"""The operator rounds the parts of a total. Chosen by hand; not tuned."""
_YES, _NO = (True, "Y", "true"), (False, "N", "false")

Row = dict[str, Any]


def parse_ercot(body: bytes, report: Report, capture: Capture) -> ParsedDocument:
    """Rows of one answer of `report`: `local_currency_prices` in USD, or `load_forecasts`.

    Raises:
        ContractError: the answer is incomplete or in pages, of another settlement point, or names an hour
            that its day does not have.
    """
    what = f"ERCOT {report} of {capture.zone}"
    if find_zone(capture.zone).operator != OPERATOR:
        raise ContractError(f"{what}: this zone is not a hub of ERCOT")
    rows = _rows(read_json(body, what), what)
    if not rows:
        return no_data(SOURCE, what, "no rows in the answer")
    readers = {
        "dam_stlmnt_pnt_prices": _day_ahead,
        "spp_node_zone_hub": _real_time,
        "lf_by_model_weather_zone": _load,
    }
    return assemble(SOURCE, what, capture, list(readers[report](rows, capture.zone, what)))


def _rows(content: Any, what: str) -> list[Row]:
    """Every row as a mapping from field to value.

    A document in pages or with rows of another width is refused.
    """
    if isinstance(content, dict) and "data" not in content and "message" in content:
        raise ContractError(f"{what}: the provider says {str(content['message'])[:300]}")
    meta = member(content, "_meta", dict, what)
    names = [member(one, "name", str, what) for one in member(content, "fields", list, what)]
    data = member(content, "data", list, what)
    if len(set(names)) != len(names):
        raise ContractError(f"{what}: a field is named twice")
    if member(meta, "totalRecords", int, what) != len(data):
        raise ContractError(
            f"{what}: {len(data)} of {meta['totalRecords']} rows: cut, or in pages; ask for fewer days"
        )
    if any(not isinstance(row, list) or len(row) != len(names) for row in data):
        raise ContractError(f"{what}: a row does not have the {len(names)} fields that the answer names")
    return [dict(zip(names, row, strict=True)) for row in data]


def _day_ahead(rows: list[Row], zone: str, what: str) -> Iterator[Points]:
    starts = [_start(row, _hour_ending(row, what), 0, zone, what) for row in rows]
    yield _price_points(rows, starts, "day_ahead", 60, zone, what)


def _real_time(rows: list[Row], zone: str, what: str) -> Iterator[Points]:
    starts = []
    for row in rows:
        hour, interval = member(row, "deliveryHour", int, what), member(row, "deliveryInterval", int, what)
        if not 1 <= hour <= 24 or not 1 <= interval <= 4:
            raise ContractError(f"{what}: hour {hour}, interval {interval}: expected 1 to 24 and 1 to 4")
        starts.append(_start(row, hour, 15 * (interval - 1), zone, what))
    yield _price_points(rows, starts, "real_time", 15, zone, what)


def _price_points(
    rows: list[Row], starts: list[int], series: str, minutes: int, zone: str, what: str
) -> Points:
    node = find_zone(zone).node
    for row in rows:
        if member(row, "settlementPoint", str, what) != node:
            raise ContractError(
                f"{what}: a row of settlement point {row['settlementPoint']!r}, expected {node}: nothing of"
                " the document is used"
            )
    return Points(
        table=LOCAL_TABLE,
        series=series,
        starts_us=np.array(starts, dtype=np.int64),
        resolution_minutes=minutes,
        values=numbers(
            [member(row, "settlementPointPrice", (int, float), what) for row in rows], len(rows), what
        ),
        extra={"currency": ["USD"] * len(rows), "volume_mwh": [None] * len(rows)},
    )


def _load(rows: list[Row], zone: str, what: str) -> Iterator[Points]:
    """The forecasts that ERCOT itself used.

    Every posting holds those of several models, one of which is in use.
    """
    used = [row for row in rows if _flag(row, "inUseFlag", what)]
    if not used:
        raise ContractError(f"{what}: no forecast is marked as in use")
    total = numbers([member(row, "systemTotal", (int, float), what) for row in used], len(used), what)
    if all(name in used[0] for name in WEATHER_ZONES):
        parts = [
            numbers([member(row, name, (int, float), what) for row in used], len(used), what)
            for name in WEATHER_ZONES
        ]
        if (np.abs(np.sum(parts, axis=0) - total) > _SUM_TOLERANCE_MW).any():
            raise ContractError(
                f"{what}: a total is not the sum of its weather zones: nothing of the document is used"
            )
    starts = np.array([_start(row, _hour_ending(row, what), 0, zone, what) for row in used], dtype=np.int64)
    posted = np.array([_posted(row, zone, what) for row in used], dtype=np.int64)
    yield load_forecast_points(starts, posted, total, zone)


def _hour_ending(row: Row, what: str) -> int:
    text = member(row, "hourEnding", str, what)
    hour, _, minutes = text.partition(":")
    if minutes != "00" or not 1 <= count_of(hour) <= 24:
        raise ContractError(f"{what}: hour ending {shown(text)}: expected 01:00 to 24:00")
    return count_of(hour)


def _start(row: Row, hour_ending: int, minutes: int, zone: str, what: str) -> int:
    """Microseconds of the start of a period of the local day, `minutes` after the start of its hour."""
    text = member(row, "deliveryDate", str, what)
    wall = datetime.combine(calendar_day(text, f"{what}: delivery date"), time()) + timedelta(
        hours=hour_ending - 1, minutes=minutes
    )
    return _utc_us(wall, zone, is_second=_flag(row, "DSTFlag", what), what=what)


def _utc_us(wall: datetime, zone: str, *, is_second: bool, what: str) -> int:
    time_zone = ZoneInfo(find_zone(zone).market_time_zone)
    local = wall.replace(tzinfo=time_zone, fold=int(is_second))
    instant = local.astimezone(UTC)
    if instant.astimezone(time_zone).replace(tzinfo=None) != wall:
        raise ContractError(f"{what}: {wall} is left out by the clock in spring: shifted, nothing is used")
    if is_second and local.replace(fold=0).utcoffset() == local.utcoffset():
        raise ContractError(f"{what}: {wall} is marked as repeated, and it is not")
    return int(instant.timestamp()) * 1_000_000


def _posted(row: Row, zone: str, what: str) -> int:
    """When the forecast was posted.

    In the repeated hour of autumn, the later instant is assumed, which is the cautious one.
    """
    text = member(row, "postedDatetime", str, what)
    try:
        wall = datetime.fromisoformat(text)
    except ValueError as error:
        raise ContractError(f"{what}: {shown(text)} is not an instant") from error
    if wall.tzinfo is None:
        wall = wall.replace(tzinfo=ZoneInfo(find_zone(zone).market_time_zone), fold=1)
    return instant_to_us(wall, what)


def _flag(row: Row, name: str, what: str) -> bool:
    value = row.get(name)
    if not isinstance(value, bool | str) or value not in (*_YES, *_NO):
        raise ContractError(f"{what}: {name} is {value!r}, expected true or false")
    return value in _YES
