"""Elexon Insights (Great Britain): JSON to rows. No key; market index, system prices, demand, wind and solar.

Specification: data.elexon.co.uk/bmrs/api/v1 and the BMRS data dictionary. Settlement periods are half hours
counted from local midnight: 46, 48 or 50 a day; the stated start is checked against day and period. Prices
are GBP/MWh and stay so (`local_currency_prices`). Publication is stated in `publishTime` or `createdDateTime`
where a dataset has it. A market index with no traded volume says 0.00 and means "no price".
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc
from spot.sources.bounds import calendar_day
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers.json_series import US_PER_MINUTE, amount, iso_us, member, numbers
from spot.sources.safe_input import read_json

SOURCE = "elexon"
ZONE = "GB"
_INDEX_PROVIDER = "APXMIDP"


@dataclass(frozen=True, slots=True)
class _Dataset:
    """Where the numbers of a dataset are, and what they mean."""

    value: str
    table: str
    series: str
    published: str | None
    minutes: int = 30
    """Of a period: GB settles half hours."""


_DATASETS: dict[str, _Dataset] = {
    "MID": _Dataset("price", "local_currency_prices", "market_index", None),
    "DISEBSP": _Dataset("systemSellPrice", "local_currency_prices", "system_price", "createdDateTime"),
    "WINDFOR": _Dataset("generation", "renewable_forecasts", "wind", "publishTime", 60),
    "NDF": _Dataset("demand", "load_forecasts", "load", "publishTime"),
    "INDO": _Dataset("demand", "load_actuals", "load", "publishTime"),
    "DGWS": _Dataset("quantity", "renewable_forecasts", "", "publishTime"),
    "AGWS": _Dataset("quantity", "generation_actuals", "", "publishTime"),
}
_TYPES = {"wind onshore": "wind_onshore", "wind offshore": "wind_offshore", "solar": "solar"}


def parse_elexon(body: bytes, dataset: str, capture: Capture) -> ParsedDocument:
    """Rows of one answer that holds `dataset`: MID, DISEBSP, WINDFOR, NDF, INDO, DGWS, AGWS or FOU2T14D.

    Raises:
        ContractError: the document is incomplete or another dataset, or a start contradicts its settlement
            period.
    """
    what = f"Elexon {dataset}"
    if capture.zone != ZONE:
        raise ContractError(f"{what}: covers {ZONE}, asked for {capture.zone}")
    content = read_json(body, what)
    rows = member(content, "data", list, what)
    if not rows:
        return no_data(SOURCE, what, "no rows in the answer")
    for row in rows:
        _check_row(row, dataset, what)
    if dataset == "FOU2T14D":
        return assemble(SOURCE, what, capture, list(_capacity(rows, what)))
    if dataset not in _DATASETS:
        raise ContractError(f"{what}: none of the datasets that this platform reads: {', '.join(_DATASETS)}")
    return assemble(SOURCE, what, capture, list(_points(rows, dataset, what)))


def _check_row(row: Any, dataset: str, what: str) -> None:
    if not isinstance(row, dict):
        raise ContractError(f"{what}: a row is {type(row).__name__}, expected a JSON object")
    stated = member(row, "dataset", str, what) if "dataset" in row else dataset
    if stated != dataset:
        raise ContractError(f"{what}: a row of dataset {stated!r}: nothing of the document is used")
    if "settlementPeriod" in row and "settlementDate" in row and "startTime" in row:
        period = member(row, "settlementPeriod", int, what)
        start, end = day_bounds_utc(ZONE, calendar_day(member(row, "settlementDate", str, what), what))
        expected = int(start.timestamp()) * 1_000_000 + (period - 1) * 30 * US_PER_MINUTE
        if (
            iso_us(row["startTime"], what) != expected
            or not 1 <= period <= (end - start).total_seconds() / 1800
        ):
            raise ContractError(
                f"{what}: {row['startTime']} is not the start of period {period} on {row['settlementDate']}"
            )


def _points(rows: list[dict[str, Any]], dataset: str, what: str) -> Iterator[Points]:
    layout = _DATASETS[dataset]
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(_group(row, dataset, layout, what), []).append(row)
    for (series, refusal), members in groups.items():
        values = numbers(
            [member(row, layout.value, (int, float), what) for row in members], len(members), what
        )
        stated = layout.published is not None and layout.published in members[0]
        yield Points(
            table=layout.table,
            series=series,
            starts_us=np.array([iso_us(row.get("startTime"), what) for row in members], dtype=np.int64),
            resolution_minutes=layout.minutes,
            values=values,
            refusal=refusal,
            available_us=np.array(
                [iso_us(row.get(layout.published or ""), what) for row in members], dtype=np.int64
            )
            if stated
            else None,
            extra=_extra(members, layout, what),
        )


def _group(row: dict[str, Any], dataset: str, layout: _Dataset, what: str) -> tuple[str, str]:
    """Series of a row, and the reason why it may not be used."""
    if dataset == "MID":
        if member(row, "dataProvider", str, what) != _INDEX_PROVIDER:
            return layout.series, f"index of {row['dataProvider']}, {_INDEX_PROVIDER} is the one used"
        if not member(row, "volume", (int, float), what) > 0:
            return layout.series, "no traded volume: the price of 0 means that there is none"
    if dataset == "DISEBSP" and row.get("systemBuyPrice") != row.get("systemSellPrice"):
        return layout.series, "buy and sell price differ: not the single price in force since November 2015"
    if not layout.series:
        name = member(row, "psrType", str, what).lower()
        if name not in _TYPES:
            raise ContractError(f"{what}: type {name!r}, known are {', '.join(_TYPES)}")
        return _TYPES[name], ""
    return layout.series, ""


def _extra(rows: list[dict[str, Any]], layout: _Dataset, what: str) -> dict[str, list[object]] | None:
    if layout.table != "local_currency_prices":
        return None
    volumes = [amount(row["volume"], what) if "volume" in row else None for row in rows]
    return {
        "currency": ["GBP"] * len(rows),
        "volume_mwh": list(volumes),
    }


def _capacity(rows: list[dict[str, Any]], what: str) -> Iterator[Points]:
    for row in rows:
        if row.get("forecastDateTimezone") not in (None, "Europe/London"):
            raise ContractError(
                f"{what}: days in time zone {row['forecastDateTimezone']!r}, expected Europe/London"
            )
        start, _ = day_bounds_utc(ZONE, calendar_day(member(row, "forecastDate", str, what), what))
        yield Points(
            table="available_capacity",
            series=member(row, "fuelType", str, what),
            starts_us=np.array([int(start.timestamp()) * 1_000_000], dtype=np.int64),
            resolution_minutes=60,
            values=numbers([member(row, "outputUsable", (int, float), what)], 1, what),
            available_us=np.array([iso_us(row.get("publishTime"), what)], dtype=np.int64),
        )
