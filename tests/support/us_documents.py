"""Documents as PJM Data Miner 2, the ERCOT public API and the ECB write them.

They are built from known values.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from spot.market.delivery import delivery_starts_utc
from spot.market.zones import find_zone
from spot.sources.providers.ercot import WEATHER_ZONES

Rows = list[dict[str, Any]]


def local(instant: datetime, zone: str) -> datetime:
    """Wall clock of the zone's market, without offset."""
    return instant.astimezone(ZoneInfo(find_zone(zone).market_time_zone)).replace(tzinfo=None)


def two_clocks(name: str, instant: datetime, zone: str) -> dict[str, str]:
    """An instant as PJM states it: twice, without offset."""
    return {
        f"{name}_utc": instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        f"{name}_ept": local(instant, zone).strftime("%Y-%m-%dT%H:%M:%S"),
    }


def pjm_price_rows(zone: str, day: date, values: Sequence[float], market: str = "da") -> Rows:
    """One row per hour of the day; the price is split into energy, congestion and loss."""
    return [
        {
            **two_clocks("datetime_beginning", start, zone),
            "pnode_id": int(find_zone(zone).node),
            "pnode_name": "WESTERN HUB",
            "row_is_current": True,
            f"system_energy_price_{market}": round(value * 0.96, 6),
            f"congestion_price_{market}": round(value * 0.05, 6),
            f"marginal_loss_price_{market}": round(
                value - round(value * 0.96, 6) - round(value * 0.05, 6), 6
            ),
            f"total_lmp_{market}": value,
        }
        for start, value in zip(delivery_starts_utc(zone, day, 60), values, strict=True)
    ]


def pjm_load_rows(
    zone: str, day: date, values: Sequence[float], made: datetime, *, is_history: bool = False
) -> Rows:
    """One row per hour of the day, all made at one instant."""
    names = (
        ("evaluated_at", "forecast_hour_beginning")
        if is_history
        else ("evaluated_at_datetime", "forecast_datetime_beginning")
    )
    return [
        {
            **two_clocks(names[0], made, zone),
            **two_clocks(names[1], start, zone),
            "forecast_area": "RTO" if is_history else "RTO_COMBINED",
            "forecast_load_mw": value,
        }
        for start, value in zip(delivery_starts_utc(zone, day, 60), values, strict=True)
    ]


def pjm_body(rows: Rows, n_total: int | None = None) -> bytes:
    """The answer that holds these rows."""
    answer = {
        "links": [],
        "items": rows,
        "searchSpecification": {"rowCount": 50000},
        "totalRows": len(rows) if n_total is None else n_total,
    }
    return json.dumps(answer).encode()


def ercot_price_rows(zone: str, day: date, values: Sequence[float], minutes: int = 60) -> Rows:
    """One row per period of the day.

    Hours by their end in the day-ahead report, hours and intervals in the real-time one.
    """
    rows: Rows = []
    seen: set[datetime] = set()
    for start, value in zip(delivery_starts_utc(zone, day, minutes), values, strict=True):
        wall = local(start, zone)
        when: dict[str, Any] = {"hourEnding": f"{wall.hour + 1:02d}:00"}
        if minutes == 15:
            when = {"deliveryHour": wall.hour + 1, "deliveryInterval": wall.minute // 15 + 1}
        rows.append(
            {
                "deliveryDate": str(day),
                **when,
                "settlementPoint": find_zone(zone).node,
                **({"settlementPointType": "HU"} if minutes == 15 else {}),
                "settlementPointPrice": value,
                "DSTFlag": wall in seen,
            }
        )
        seen.add(wall)
    return rows


def ercot_load_rows(zone: str, day: date, values: Sequence[float], posted: datetime) -> Rows:
    """A posting of two models, one of which is in use."""
    rows: Rows = []
    seen: set[datetime] = set()
    for start, value in zip(delivery_starts_utc(zone, day, 60), values, strict=True):
        wall = local(start, zone)
        for model, factor in (("E", 1.0), ("A3", 1.1)):
            share = round(value * factor / len(WEATHER_ZONES), 3)
            rows.append(
                {
                    "postedDatetime": local(posted, zone).strftime("%Y-%m-%dT%H:%M:%S"),
                    "deliveryDate": str(day),
                    "hourEnding": f"{wall.hour + 1:02d}:00",
                    **dict.fromkeys(WEATHER_ZONES, share),
                    "systemTotal": round(share * len(WEATHER_ZONES), 3),
                    "model": model,
                    "inUseFlag": model == "E",
                    "DSTFlag": wall in seen,
                }
            )
        seen.add(wall)
    return rows


def ercot_body(rows: Rows, n_total: int | None = None) -> bytes:
    """The answer that holds these rows."""
    n_records = len(rows) if n_total is None else n_total
    names = list(rows[0]) if rows else ["deliveryDate"]
    answer = {
        "_meta": {"totalRecords": n_records, "pageSize": 100000, "totalPages": 1, "currentPage": 1},
        "report": {"reportName": "built"},
        "fields": [{"name": name, "label": name, "dataType": "VARCHAR"} for name in names],
        "data": [[row[name] for name in names] for row in rows],
    }
    return json.dumps(answer).encode()


def ecb_body(currency: str, rates: Mapping[date, float], **changes: str) -> bytes:
    """SDMX-JSON of one currency; `changes` replace a value of a dimension, for example CURRENCY_DENOM."""
    kinds = {
        "FREQ": "D",
        "CURRENCY": currency,
        "CURRENCY_DENOM": "EUR",
        "EXR_TYPE": "SP00",
        "EXR_SUFFIX": "A",
        **changes,
    }
    answer = {
        "header": {"id": "built", "prepared": "2026-11-01T00:00:00Z", "sender": {"id": "ECB"}},
        "dataSets": [
            {
                "action": "Replace",
                "series": {
                    "0:0:0:0:0": {"observations": {str(at): [rate] for at, rate in enumerate(rates.values())}}
                },
            }
        ],
        "structure": {
            "name": "Exchange Rates",
            "dimensions": {
                "series": [{"id": name, "values": [{"id": value}]} for name, value in kinds.items()],
                "observation": [
                    {
                        "id": "TIME_PERIOD",
                        "role": "time",
                        "values": [{"id": str(day), "name": str(day)} for day in rates],
                    }
                ],
            },
        },
    }
    return json.dumps(answer).encode()


def weekday_rates(first: date, last: date, rate: float = 1.1) -> dict[date, float]:
    """A rate for every weekday, moving a little from day to day."""
    days = (first + timedelta(days=at) for at in range((last - first).days + 1))
    return {day: round(rate + 0.001 * (day.toordinal() % 7), 4) for day in days if day.weekday() < 5}
