"""European Central Bank: euro reference rates, SDMX-JSON to rows. No key.

Specification: data-api.ecb.europa.eu, dataflow EXR, key `D.<currency>.EUR.SP00.A` (daily, spot, average);
SDMX-JSON 1.0. A fixing is published about 16:00 Central European time on TARGET business days; a rate counts
as known from 16:30 on. It says how much of the currency one EUR buys.
"""

from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc
from spot.market.holidays import target_holidays
from spot.market.zones import CENTRAL_EUROPE
from spot.sources.bounds import calendar_day
from spot.sources.currencies import RATES_TABLE, foreign_currency
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers.json_series import member, numbers
from spot.sources.safe_input import read_json

SOURCE = "ecb"
_KNOWN_AT = time(16, 30)
_LARGEST_STEP = 0.25
"""Share by which a rate may differ from the fixing before. The Swiss franc moved by 0.17 on a day in January
2015.
"""


def fixing_known_utc(day: date) -> datetime:
    """When the fixing of `day` counts as known, aware UTC."""
    return datetime.combine(day, _KNOWN_AT, tzinfo=ZoneInfo(CENTRAL_EUROPE)).astimezone(UTC)


def is_fixing_day(day: date) -> bool:
    """Whether the ECB fixes rates on `day`: Monday to Friday, no TARGET holiday."""
    return day.weekday() < 5 and day not in target_holidays(day.year)


def parse_ecb(body: bytes, capture: Capture) -> ParsedDocument:
    """Rows of `exchange_rates` for the currency of the zone.

    Raises:
        ContractError: the document is incomplete, of another currency or kind of rate, or a rate jumps.
    """
    currency = foreign_currency(capture.zone)
    what = f"ECB reference rate of {currency} for {capture.zone}"
    content = read_json(body, what)
    structure = member(member(content, "structure", dict, what), "dimensions", dict, what)
    _check_kind(structure, currency, what)
    series = member(_only(member(content, "dataSets", list, what), "data set", what), "series", dict, what)
    observations = member(_only(list(series.values()), "series", what), "observations", dict, what)
    if not observations:
        return no_data(SOURCE, what, "no fixing in the answer")
    days = _days(structure, what)
    if sorted(observations, key=str) != sorted((str(at) for at in range(len(days))), key=str):
        raise ContractError(f"{what}: {len(observations)} rates for {len(days)} days")
    rates = numbers([_first(observations[str(at)], what) for at in range(len(days))], len(days), what)
    if (
        np.isnan(rates).any()
        or (rates <= 0).any()
        or (np.abs(np.diff(rates)) > _LARGEST_STEP * rates[:-1]).any()
    ):
        raise ContractError(
            f"{what}: a rate is missing, not positive, or jumps by more than {_LARGEST_STEP:.0%}: nothing is"
            " used"
        )
    return assemble(SOURCE, what, capture, [_points(days, rates.tolist(), capture, currency)])


def _check_kind(structure: dict[str, Any], currency: str, what: str) -> None:
    expected = {"FREQ": "D", "CURRENCY": currency, "CURRENCY_DENOM": "EUR", "EXR_TYPE": "SP00"}
    stated = {
        member(one, "id", str, what): _only(member(one, "values", list, what), "value", what)
        for one in member(structure, "series", list, what)
    }
    for name, wanted in expected.items():
        found = stated[name].get("id") if isinstance(stated.get(name), dict) else None
        if found != wanted:
            raise ContractError(
                f"{what}: {name} is {found!r}, expected {wanted}: nothing of the document is used"
            )


def _days(structure: dict[str, Any], what: str) -> list[date]:
    axis = _only(member(structure, "observation", list, what), "axis", what)
    if member(axis, "id", str, what) != "TIME_PERIOD":
        raise ContractError(f"{what}: observations along {axis['id']!r}, expected TIME_PERIOD")
    days = [calendar_day(member(one, "id", str, what), what) for one in member(axis, "values", list, what)]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise ContractError(f"{what}: a day is given twice or out of order")
    return days


def _points(days: list[date], rates: list[float], capture: Capture, currency: str) -> Points:
    known = [min(fixing_known_utc(day), capture.captured_at_utc) for day in days]
    return Points(
        table=RATES_TABLE,
        series=currency,
        starts_us=np.array(
            [int(day_bounds_utc(capture.zone, day)[0].timestamp()) * 1_000_000 for day in days],
            dtype=np.int64,
        ),
        resolution_minutes=60,
        values=np.array(rates, dtype=np.float64),
        available_us=np.array([int(instant.timestamp()) * 1_000_000 for instant in known], dtype=np.int64),
        availability="rule",
    )


def _only(values: list[Any], name: str, what: str) -> Any:
    if len(values) != 1:
        raise ContractError(f"{what}: {len(values)} times {name}, expected one")
    return values[0]


def _first(observation: Any, what: str) -> Any:
    if not isinstance(observation, list) or not observation:
        raise ContractError(f"{what}: an observation is no list")
    return observation[0]
