"""PJM Data Miner 2: JSON to rows.

It gives day-ahead and real-time hourly prices of a hub in USD, and load forecasts with the instant at which
they were made.

Specification: api.pjm.com/api/v1, feeds `da_hrl_lmps`, `rt_hrl_lmps`, `load_frcstd_7_day`, `load_frcstd_hist`
(definitions at dataminer2.pjm.com). An answer is `{"items": [...], "totalRows": n}`. Instants come twice, as
UTC and as Eastern prevailing time, both without offset, and are checked against each other. A price is the
sum of energy, congestion and loss, which is checked too. The unit is USD/MWh and MW by definition of the
feeds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np

from spot.errors import ContractError
from spot.market.zones import find_zone
from spot.sources.currencies import LOCAL_TABLE
from spot.sources.parsed import Capture, ParsedDocument, assemble, no_data
from spot.sources.points import Points
from spot.sources.providers.json_series import iso_us, member, numbers
from spot.sources.safe_input import read_json
from spot.sources.spans import load_forecast_points

SOURCE = "pjm"
OPERATOR = "PJM"
Feed = Literal["da_hrl_lmps", "rt_hrl_lmps", "load_frcstd_7_day", "load_frcstd_hist"]
AREAS = frozenset({"RTO_COMBINED", "RTO"})
"""The whole of PJM, as the two forecast feeds call it."""
_SUM_TOLERANCE = 0.05
"""USD/MWh. The parts are rounded one by one."""


@dataclass(frozen=True, slots=True)
class _PriceFeed:
    """Names of a price feed end in its market."""

    market: str
    series: str


@dataclass(frozen=True, slots=True)
class _ForecastFeed:
    """Where a forecast feed says when it was made and for which hour; both with `_utc` and `_ept`."""

    made: str
    hour: str


_PRICES = {"da_hrl_lmps": _PriceFeed("da", "day_ahead"), "rt_hrl_lmps": _PriceFeed("rt", "real_time")}
_FORECASTS = {
    "load_frcstd_7_day": _ForecastFeed("evaluated_at_datetime", "forecast_datetime_beginning"),
    "load_frcstd_hist": _ForecastFeed("evaluated_at", "forecast_hour_beginning"),
}


def parse_pjm(body: bytes, feed: Feed, capture: Capture) -> ParsedDocument:
    """Rows of one answer of `feed`: `local_currency_prices` in USD, or `load_forecasts`.

    Raises:
        ContractError: the answer is incomplete or in pages, of another hub or area, its two clocks contradict
            each other, or a price is not
            the sum of its parts.
    """
    what = f"PJM {feed} of {capture.zone}"
    if find_zone(capture.zone).operator != OPERATOR:
        raise ContractError(f"{what}: this zone is not a hub of PJM")
    content = read_json(body, what)
    if isinstance(content, dict) and content.get("errors"):
        raise ContractError(f"{what}: the provider says {str(content['errors'])[:300]}")
    items = member(content, "items", list, what)
    n_total = member(content, "totalRows", int, what)
    if n_total != len(items):
        raise ContractError(f"{what}: {len(items)} of {n_total} rows: cut, or in pages; ask for fewer days")
    if not items:
        return no_data(SOURCE, what, "no rows in the answer")
    points = (
        _prices(items, _PRICES[feed], capture, what)
        if feed in _PRICES
        else _forecasts(items, _FORECASTS[feed], capture, what)
    )
    return assemble(SOURCE, what, capture, list(points))


def _prices(items: list[Any], feed: _PriceFeed, capture: Capture, what: str) -> Iterator[Points]:
    node = find_zone(capture.zone).node
    for item in items:
        if str(member(item, "pnode_id", int, what)) != node:
            raise ContractError(
                f"{what}: a row of pnode {item['pnode_id']}, expected {node}: nothing of the document is used"
            )
    names = [
        f"{part}_{feed.market}"
        for part in ("total_lmp", "system_energy_price", "congestion_price", "marginal_loss_price")
    ]
    total, *parts = (
        numbers([member(item, name, (int, float), what) for item in items], len(items), what)
        for name in names
    )
    if (np.abs(np.sum(parts, axis=0) - total) > _SUM_TOLERANCE).any():
        raise ContractError(
            f"{what}: a price is not the sum of energy, congestion and loss: nothing of the document is used"
        )
    is_current = np.array([_is_true(item, "row_is_current", what) for item in items])
    starts = np.array(
        [_instant(item, "datetime_beginning", capture.zone, what) for item in items], dtype=np.int64
    )
    for keep, refusal in ((is_current, ""), (~is_current, "replaced by a newer version")):
        n_kept = int(keep.sum())
        if n_kept:
            yield Points(
                table=LOCAL_TABLE,
                series=feed.series,
                starts_us=starts[keep],
                resolution_minutes=60,
                values=total[keep],
                refusal=refusal,
                extra={"currency": ["USD"] * n_kept, "volume_mwh": [None] * n_kept},
            )


def _forecasts(items: list[Any], feed: _ForecastFeed, capture: Capture, what: str) -> Iterator[Points]:
    for item in items:
        if member(item, "forecast_area", str, what) not in AREAS:
            raise ContractError(
                f"{what}: a row of area {item['forecast_area']!r}, expected one of {', '.join(sorted(AREAS))}"
            )
    starts = np.array([_instant(item, feed.hour, capture.zone, what) for item in items], dtype=np.int64)
    made = np.array([_instant(item, feed.made, capture.zone, what) for item in items], dtype=np.int64)
    values = numbers(
        [member(item, "forecast_load_mw", (int, float), what) for item in items], len(items), what
    )
    yield load_forecast_points(starts, made, values, capture.zone)


def _is_true(item: Any, name: str, what: str) -> bool:
    if not isinstance(item.get(name), bool):
        raise ContractError(f"{what}: {name} is {item.get(name)!r}, expected true or false")
    return bool(item[name])


def _instant(item: Any, name: str, zone: str, what: str) -> int:
    """Microseconds of `name`_utc, which must be the same instant as `name`_ept."""
    utc = iso_us(member(item, f"{name}_utc", str, what), what, must_state_zone=False)
    eastern = iso_us(member(item, f"{name}_ept", str, what), what, must_state_zone=False)
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=utc)).astimezone(
        ZoneInfo(find_zone(zone).market_time_zone)
    )
    if int(local.replace(tzinfo=UTC).timestamp()) * 1_000_000 != eastern:
        raise ContractError(
            f"{what}: {item[f'{name}_utc']} UTC is not {item[f'{name}_ept']} in Eastern prevailing time:"
            " shifted, nothing is used"
        )
    return utc
