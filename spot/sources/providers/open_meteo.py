"""Open-Meteo: JSON of weather forecast *runs* to rows. No key for non-commercial use.

Only two of the provider's interfaces give the run behind a value, and only these are read: Single Runs
(`run=` names the initialisation) and Previous Runs (a variable ending in `_previous_dayN` was predicted N
days before its valid time). The stitched forecast, the historical forecast and the archive (reanalysis) do
not give it. So nobody can say whether their values were known at a gate, and they are never read.
Specification: open-meteo.com/en/docs/single-runs-api and /previous-runs-api. A run is usable hours after its
initialisation; the delays are below.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np

from spot.arrays import Ints
from spot.contracts.live_tables import WEATHER_SERIES
from spot.errors import ContractError
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers.json_series import US_PER_MINUTE, iso_us, member, numbers, step_minutes
from spot.sources.safe_input import read_json

SOURCE = "open_meteo"
UNITS = {
    "temperature_2m": "°C",
    "wind_speed_100m": "m/s",
    "wind_speed_10m": "m/s",
    "shortwave_radiation": "W/m²",
    "cloud_cover": "%",
}
PUBLICATION_DELAY: dict[str, timedelta] = {
    "ecmwf_ifs": timedelta(hours=7),
    "ecmwf_ifs025": timedelta(hours=8, minutes=30),
    "icon_seamless": timedelta(hours=4),
    "icon_eu": timedelta(hours=4),
    "gfs_seamless": timedelta(hours=5),
}
"""Initialisation to availability by model, rounded up; used where nobody recorded it. Source: the provider's
model updates page.
"""
_RUN_STEP_US = 6 * 60 * US_PER_MINUTE
_PREVIOUS = re.compile(r"_previous_day([1-7])$")


@dataclass(frozen=True, slots=True, kw_only=True)
class WeatherRequest:
    """What was asked: which interface, model and point; `run_at_utc` for a single run."""

    interface: Literal["single_run", "previous_runs"]
    model: str
    point: str
    run_at_utc: datetime | None = None


def parse_open_meteo(body: bytes, request: WeatherRequest, capture: Capture) -> ParsedDocument:
    """Rows of `weather_forecasts` from one answer for one point.

    Raises:
        ContractError: the document is incomplete, in other units or in local time, or the request does not
            name a known model and run.
    """
    what = f"Open-Meteo {request.interface} {request.model} at {request.point}"
    if request.model not in PUBLICATION_DELAY:
        raise ContractError(f"{what}: unknown model, known are {', '.join(PUBLICATION_DELAY)}")
    content = read_json(body, what)
    if isinstance(content, dict) and content.get("error") is True:
        return no_data(SOURCE, what, str(content.get("reason", "no reason given"))[:300])
    if member(content, "utc_offset_seconds", int, what) != 0:
        raise ContractError(
            f"{what}: times are local (offset {content['utc_offset_seconds']} s): ask with timezone=GMT"
        )
    hourly, units = member(content, "hourly", dict, what), member(content, "hourly_units", dict, what)
    starts = np.array(
        [iso_us(text, what, must_state_zone=False) for text in member(hourly, "time", list, what)],
        dtype=np.int64,
    )
    if not len(starts):
        return no_data(SOURCE, what, "no instants in the answer")
    if (np.diff(starts) <= 0).any():
        raise ContractError(f"{what}: an instant is given twice or out of order")
    points = [
        part
        for name, given in hourly.items()
        if name != "time" and (part := _variable(name, given, units, starts, request, what))
    ]
    return assemble(SOURCE, what, capture, [_with_rule(part, capture, request) for part in points])


def _variable(
    name: str,
    given: Any,
    units: dict[str, Any],
    starts: Ints,
    request: WeatherRequest,
    what: str,
) -> Points | None:
    match = _PREVIOUS.search(name)
    series = name[: match.start()] if match else name
    if series not in WEATHER_SERIES or (request.interface == "previous_runs") != bool(match):
        return None
    if units.get(name) != UNITS[series]:
        raise ContractError(
            f"{what}: {name} in {units.get(name)!r}, expected {UNITS[series]!r}: nothing of the document is"
            " used"
        )
    if not isinstance(given, list):
        raise ContractError(f"{what}: {name} is no list")
    values = numbers(given, len(starts), what)
    runs = _runs(starts, int(match.group(1)) if match else 0, request, what)
    keep = ~np.isnan(values) & (runs <= starts)
    leads = (starts - runs)[keep] // US_PER_MINUTE
    return Points(
        table="weather_forecasts",
        series=series,
        starts_us=starts[keep],
        resolution_minutes=step_minutes(starts, what),
        values=values[keep],
        extra={
            "point": [request.point] * int(keep.sum()),
            "model": [request.model] * int(keep.sum()),
            "run_at_utc": [datetime.fromtimestamp(int(run) / 1_000_000, UTC) for run in runs[keep]],
            "lead_minutes": [int(lead) for lead in leads],
        },
    )


def _runs(starts: Ints, n_days: int, request: WeatherRequest, what: str) -> Ints:
    """(N,) initialisation behind each value.

    For previous runs the provider states the age in days. The value is then of the last six-hourly run of
    that age or older.
    """
    if request.interface == "previous_runs":
        return (starts - n_days * 1440 * US_PER_MINUTE) // _RUN_STEP_US * _RUN_STEP_US
    if request.run_at_utc is None or request.run_at_utc.tzinfo is None:
        raise ContractError(f"{what}: a single run needs its initialisation, aware UTC")
    return np.full(len(starts), int(request.run_at_utc.timestamp()) * 1_000_000, dtype=np.int64)


def _with_rule(part: Points, capture: Capture, request: WeatherRequest) -> Points:
    """When a backfilled run became known.

    It is its initialisation plus the model's delay, or the instant of the capture if that is earlier.
    """
    if not capture.is_backfill or part.extra is None:
        return part
    delay = PUBLICATION_DELAY[request.model] // timedelta(microseconds=1)
    runs = part.starts_us - np.array(part.extra["lead_minutes"], dtype=np.int64) * US_PER_MINUTE
    captured = int(capture.captured_at_utc.timestamp() * 1_000_000)
    return Points(
        table=part.table,
        series=part.series,
        starts_us=part.starts_us,
        resolution_minutes=part.resolution_minutes,
        values=part.values,
        available_us=np.minimum(runs + delay, captured),
        availability="rule",
        extra=part.extra,
    )
