"""SMARD (Bundesnetzagentur): JSON to rows. No key; Germany and the prices of its neighbours.

Specification: smard.de "Datennutzung" and its chart-data files:
`/chart_data/{filter}/{region}/index_{resolution}.json` lists the starts of the weekly files,
`/chart_data/{filter}/{region}/{filter}_{region}_{resolution}_{start}.json` holds pairs of milliseconds and
value. Prices are EUR/MWh; loads and generation are energies of the period in MWh and become mean power here.
Null: not yet published.
"""

from dataclasses import dataclass

import numpy as np

from spot.errors import ContractError
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers.json_series import member, numbers, seconds_us, step_minutes
from spot.sources.safe_input import read_json
from spot.sources.spans import day_ahead_points

SOURCE = "smard"


@dataclass(frozen=True, slots=True)
class SmardSeries:
    """One file series of SMARD: its number, its region, and which rows it gives."""

    number: int
    region: str
    table: str
    series: str


_PRICE_NUMBERS = {
    "DE_LU": 4169,
    "BE": 4996,
    "NO_2": 4997,
    "AT": 4170,
    "DK_1": 252,
    "DK_2": 253,
    "FR": 254,
    "IT_NORD": 255,
    "NL": 256,
    "PL": 257,
    "CH": 259,
    "SI": 260,
    "CZ": 261,
    "HU": 262,
}
_GERMAN = (
    SmardSeries(410, "DE", "load_actuals", "load"),
    SmardSeries(411, "DE", "load_forecasts", "load"),
    SmardSeries(4067, "DE", "generation_actuals", "wind_onshore"),
    SmardSeries(1225, "DE", "generation_actuals", "wind_offshore"),
    SmardSeries(4068, "DE", "generation_actuals", "solar"),
    SmardSeries(123, "DE", "renewable_forecasts", "wind_onshore"),
    SmardSeries(3791, "DE", "renewable_forecasts", "wind_offshore"),
    SmardSeries(125, "DE", "renewable_forecasts", "solar"),
)


def smard_series(zone: str) -> tuple[SmardSeries, ...]:
    """What SMARD has on a zone; empty for a zone it does not know."""
    prices = (
        (SmardSeries(_PRICE_NUMBERS[zone], "DE", "day_ahead_prices", "day_ahead"),)
        if zone in _PRICE_NUMBERS
        else ()
    )
    return (*prices, *_GERMAN) if zone == "DE_LU" else prices


def parse_smard_index(body: bytes, what: str) -> tuple[int, ...]:
    """Starts of the weekly files of a series, milliseconds since 1970, ascending.

    Raises:
        ContractError: the document is incomplete or not an index.
    """
    stamps = member(read_json(body, what), "timestamps", list, what)
    seconds_us(stamps, what, per_second=1000)
    return tuple(stamps)


def parse_smard(body: bytes, series: SmardSeries, capture: Capture) -> ParsedDocument:
    """Rows of one weekly file.

    Raises:
        ContractError: the document is incomplete, or a pair is not an instant and a finite number or null.
    """
    what = f"SMARD {series.number} ({series.table} {series.series}) of {capture.zone}"
    pairs = member(read_json(body, what), "series", list, what)
    if any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
        raise ContractError(f"{what}: an entry is not a pair of instant and value")
    starts = seconds_us([pair[0] for pair in pairs], what, per_second=1000)
    values = numbers([pair[1] for pair in pairs], len(pairs), what)
    is_known = ~np.isnan(values)
    if not is_known.any():
        return no_data(SOURCE, what, "no value in the file yet")
    if series.table == "day_ahead_prices":
        # The newest file reaches to the end of its week. Days that are wholly null are not published yet.
        return assemble(SOURCE, what, capture, list(day_ahead_points(starts, values, capture.zone, what)))
    step = step_minutes(starts, what)
    power = values * (60.0 / step)
    points = Points(
        table=series.table,
        series=series.series,
        starts_us=starts[is_known],
        resolution_minutes=step,
        values=power[is_known],
    )
    return assemble(SOURCE, what, capture, [points])
