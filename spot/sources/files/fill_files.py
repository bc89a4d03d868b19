"""What an exchange reports of the desk's orders, as a JSON message or as CSV: bytes to `exchange_fills`.

docs/fills.md has both layouts. A report is money: it is read as a whole, or refused as a whole with
the place of the first fault.
"""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import polars as pl

from spot.contracts.fill_tables import EXCHANGE_FILLS, FILL_MARKETS, FILL_STATUSES
from spot.contracts.words import STRATEGY_NAME
from spot.errors import ContractError
from spot.market.delivery import RESOLUTIONS_MINUTES, delivery_day_of
from spot.market.zones import find_zone
from spot.sources.bounds import check_row_count, shown
from spot.sources.providers.json_series import US_PER_MINUTE, iso_us, member
from spot.sources.safe_input import check_size, read_json

SCHEMA = 1
"""Version of the message. Fields are only ever added."""
MAXIMUM_ROWS = 200_000
"""Rows of one report: a year of quarter hours of five strategies has 175,000."""
_NEEDED = ("delivery_start", "resolution_minutes", "side", "volume_mw", "reference")
_OF_REPORT = ("strategy", "reported_at")
"""What a JSON message says once for all its fills, and a CSV file in each row."""
_OPTIONAL = ("market", "status", "price_eur_per_mwh", "detail")
_KNOWN = frozenset((*_NEEDED, *_OF_REPORT, *_OPTIONAL, "zone"))
_MESSAGE = frozenset(("schema", "zone", *_OF_REPORT, "publication_id", "fills"))
_LONGEST_TEXT = 500
"""Characters of what an exchange may say about one order. Chosen by hand."""
_MOST_MW, _MOST_EUR = 10_000.0, 99_999.0
"""Largest power and price of a row; the contract of the table says the same."""


def parse_fills(body: bytes, kind: Literal["csv", "json"], what: str, zone: str) -> pl.DataFrame:
    """Rows of `exchange_fills` of the zone from a report called `what`, in the order of the report.

    Raises:
        ContractError: it is not complete, a member is unknown, missing or wrong, a row is of another zone,
            or two rows contradict each other; nothing of it is used.
    """
    name = find_zone(zone).name
    rows = [
        _row(raw, name, f"{what}: {place}")
        for place, raw in (_of_csv(body, what) if kind == "csv" else _of_message(body, what))
    ]
    if not rows:
        raise ContractError(f"{what}: no fills")
    frame = pl.DataFrame(rows, schema=EXCHANGE_FILLS.schema, orient="row").unique(maintain_order=True)
    if frame.select(EXCHANGE_FILLS.key).is_duplicated().any():
        raise ContractError(
            f"{what}: two rows of one unit, market and reference differ: a correction is reported later"
        )
    return frame


def is_fill_report(body: bytes) -> bool:
    """Whether the first line of a CSV file names what only a report of fills has."""
    head = body.partition(b"\n")[0][:4096].decode("utf-8", errors="replace")
    return {"reference", "volume_mw"} <= {name.strip() for name in head.split(",")}


def _of_message(body: bytes, what: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    message = read_json(body, what)
    if (schema := member(message, "schema", int, what)) != SCHEMA:
        raise ContractError(f"{what}: a message of schema {shown(schema)}, known is {SCHEMA}")
    if unknown := sorted(set(message) - _MESSAGE):
        raise ContractError(f"{what}: unknown members {unknown[:5]}")
    shared = {name: message[name] for name in ("zone", *_OF_REPORT) if name in message}
    fills: Sequence[Any] = member(message, "fills", list, what)
    check_row_count(len(fills), what, MAXIMUM_ROWS)
    for number, fill in enumerate(fills, start=1):
        if not isinstance(fill, dict):
            raise ContractError(f"{what}: fill {number} is {type(fill).__name__}, expected an object")
        yield f"fill {number}", {**shared, **fill}


def _of_csv(body: bytes, what: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    check_size(body, what)
    try:
        text = body.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        for number, row in enumerate(reader, start=1):
            check_row_count(number, what, MAXIMUM_ROWS)
            if None in row or None in row.values():
                raise ContractError(f"{what}: line {reader.line_num} has another number of columns")
            yield f"line {reader.line_num}", {name: value for name, value in row.items() if value != ""}
    except (UnicodeDecodeError, csv.Error) as error:
        raise ContractError(f"{what}: not a complete CSV file: {error}") from error


def _row(raw: Mapping[str, Any], zone: str, what: str) -> tuple[Any, ...]:
    """One row in the order of the contract."""
    missing = [name for name in (*_NEEDED, *_OF_REPORT) if raw.get(name) is None]
    if missing or (unknown := sorted(set(raw) - _KNOWN)):
        raise ContractError(
            f"{what}: missing {missing}" if missing else f"{what}: unknown members {unknown[:5]}"
        )
    if (given := raw.get("zone", zone)) != zone:
        raise ContractError(f"{what}: zone {shown(given)}, expected {zone}")
    start, reported = (_instant(raw[name], f"{what}: {name}") for name in ("delivery_start", "reported_at"))
    minutes = int(_number(raw["resolution_minutes"], f"{what}: resolution_minutes", most=60.0))
    if minutes not in RESOLUTIONS_MINUTES or start.timestamp() % (60 * minutes):
        raise ContractError(f"{what}: {start:%Y-%m-%dT%H:%MZ} begins no period of {minutes} minutes")
    status = _word(raw.get("status", "filled"), FILL_STATUSES, f"{what}: status")
    volume = _number(raw["volume_mw"], f"{what}: volume_mw", most=_MOST_MW)
    given_price = raw.get("price_eur_per_mwh")
    price = (
        None if given_price is None else _number(given_price, f"{what}: price_eur_per_mwh", most=_MOST_EUR)
    )
    if volume < 0 or (status == "rejected" and volume != 0) or (volume > 0 and price is None):
        raise ContractError(
            f"{what}: power is at least 0, that of a rejected order is 0, and a fill has a price"
        )
    return (
        zone,
        delivery_day_of(zone, start),
        start,
        minutes,
        _text(raw["strategy"], f"{what}: strategy", pattern=STRATEGY_NAME),
        _word(raw.get("market", "auction"), FILL_MARKETS, f"{what}: market"),
        status,
        _word(raw["side"], ("buy", "sell"), f"{what}: side"),
        volume,
        price,
        _text(raw["reference"], f"{what}: reference", pattern=r"^\S.*$"),
        _text(raw.get("detail", ""), f"{what}: detail"),
        reported,
    )


def _instant(value: Any, what: str) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=iso_us(value, what) / US_PER_MINUTE)


def _number(value: Any, what: str, *, most: float) -> float:
    """A finite number, of JSON or of CSV, no further from 0 than `most`."""
    try:
        number = (
            float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        )
    except (ValueError, OverflowError):
        number = None
    if number is None or not math.isfinite(number) or abs(number) > most:
        raise ContractError(f"{what}: {shown(value)} is not a number with a decimal point up to {most:g}")
    return number


def _word(value: Any, allowed: Sequence[str], what: str) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ContractError(f"{what}: {shown(value)} is none of {', '.join(allowed)}")
    return value


def _text(value: Any, what: str, *, pattern: str = "") -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT or not re.search(pattern, value):
        raise ContractError(f"{what}: {shown(value)} is not a text of at most {_LONGEST_TEXT} characters")
    return value
