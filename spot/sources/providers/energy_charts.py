"""Energy-Charts (Fraunhofer ISE): JSON to rows. No key; prices, public power and forecasts.

Specification: api.energy-charts.info, OpenAPI document: `/price`, `/public_power`, `/public_power_forecast`.
Values are means of the period in MW; a null is a value not yet published and is left out, never taken for
zero.
"""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from spot.arrays import Ints
from spot.errors import ContractError
from spot.market.zones import find_zone
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers.json_series import member, numbers, seconds_us, step_minutes
from spot.sources.safe_input import read_json
from spot.sources.spans import day_ahead_points

SOURCE = "energy_charts"
Document = Literal["price", "public_power", "forecast"]
BIDDING_ZONES: dict[str, str] = {
    "AT": "AT",
    "BE": "BE",
    "CH": "CH",
    "CZ": "CZ",
    "DE_LU": "DE-LU",
    "DK_1": "DK1",
    "DK_2": "DK2",
    "ES": "ES",
    "FI": "FI",
    "FR": "FR",
    "HU": "HU",
    "IT_NORD": "IT-North",
    "NL": "NL",
    "NO_2": "NO2",
    "PL": "PL",
    "PT": "PT",
    "SE_4": "SE4",
    "SI": "SI",
    "SK": "SK",
}
"""Our zone to the provider's `bzn`."""
COUNTRIES: dict[str, str] = {
    "AT": "at",
    "BE": "be",
    "CH": "ch",
    "CZ": "cz",
    "DE_LU": "de",
    "ES": "es",
    "FI": "fi",
    "FR": "fr",
    "HU": "hu",
    "NL": "nl",
    "PL": "pl",
    "PT": "pt",
    "SI": "si",
    "SK": "sk",
}
"""Our zone to the provider's `country`, where zone and country cover the same ground (DE_LU: Germany without
Luxembourg, under 1 % of load).
"""

_ACTUALS = {
    "Wind onshore": ("generation_actuals", "wind_onshore"),
    "Wind offshore": ("generation_actuals", "wind_offshore"),
    "Solar": ("generation_actuals", "solar"),
    "Load": ("load_actuals", "load"),
    "Load (incl. self-consumption)": None,  # another quantity than the load of the contract
}
_FORECASTS = {
    "solar": ("renewable_forecasts", "solar"),
    "wind_onshore": ("renewable_forecasts", "wind_onshore"),
    "wind_offshore": ("renewable_forecasts", "wind_offshore"),
    "load": ("load_forecasts", "load"),
}


def parse_energy_charts(body: bytes, document: Document, capture: Capture) -> ParsedDocument:
    """Rows of one answer of `/price`, `/public_power` or `/public_power_forecast`.

    Raises:
        ContractError: the document is incomplete, in another unit, or its arrays do not fit each other.
    """
    what = f"Energy-Charts {document} of {capture.zone}"
    content = read_json(body, what)
    if isinstance(content, dict) and "unix_seconds" not in content and "detail" in content:
        return no_data(SOURCE, what, str(content["detail"])[:300])
    starts = seconds_us(member(content, "unix_seconds", list, what), what)
    if not len(starts):
        return no_data(SOURCE, what, "no instants in the answer")
    if content.get("deprecated") not in (None, False):
        raise ContractError(
            f"{what}: the provider marks this endpoint as deprecated: look for its successor before"
            " trusting it"
        )
    readers = {"price": _prices, "public_power": _public_power, "forecast": _forecast}
    return assemble(SOURCE, what, capture, list(readers[document](content, starts, capture, what)))


def _prices(content: dict[str, Any], starts: Ints, capture: Capture, what: str) -> Iterator[Points]:
    if (unit := member(content, "unit", str, what)).replace(" ", "") not in ("EUR/MWh", "EUR/MWh(el)"):
        raise ContractError(f"{what}: unit {unit!r}, expected EUR/MWh: nothing of the document is used")
    if find_zone(capture.zone).currency != "EUR":
        raise ContractError(
            f"{what}: a zone that trades in {find_zone(capture.zone).currency} is not read from here"
        )
    values = numbers(member(content, "price", list, what), len(starts), what)
    yield from day_ahead_points(starts, values, capture.zone, what)


def _public_power(content: dict[str, Any], starts: Ints, _capture: Capture, what: str) -> Iterator[Points]:
    seen: set[str] = set()
    for production in member(content, "production_types", list, what):
        name = member(production, "name", str, what)
        if name in seen:
            raise ContractError(f"{what}: series {name!r} is given twice")
        seen.add(name)
        if target := _ACTUALS.get(name):
            yield _series(*target, starts, member(production, "data", list, what), f"{what}, {name}")


def _forecast(content: dict[str, Any], starts: Ints, _capture: Capture, what: str) -> Iterator[Points]:
    production = member(content, "production_type", str, what)
    horizon = member(content, "forecast_type", str, what)
    if production not in _FORECASTS:
        raise ContractError(f"{what}: production type {production!r}, known are {', '.join(_FORECASTS)}")
    table, series = _FORECASTS[production]
    if horizon != "day-ahead":
        if table != "renewable_forecasts":
            raise ContractError(
                f"{what}: forecast type {horizon!r} of {production} is no table of this platform"
            )
        table = "renewable_forecast_updates"
    yield _series(table, series, starts, member(content, "forecast_values", list, what), what)


def _series(table: str, series: str, starts: Ints, given: list[Any], what: str) -> Points:
    values = numbers(given, len(starts), what)
    is_known = ~np.isnan(values)
    return Points(
        table=table,
        series=series,
        starts_us=starts[is_known],
        resolution_minutes=step_minutes(starts, what),
        values=values[is_known],
    )
