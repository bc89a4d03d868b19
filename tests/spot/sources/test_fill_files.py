"""Reports of fills: both layouts read alike, and a fault refuses the whole report with its place."""

import json
from typing import Any

import pytest

from spot.errors import ContractError
from spot.sources.files.fill_files import is_fill_report, parse_fills

FILL = {
    "delivery_start": "2025-03-02T18:00+01:00",
    "resolution_minutes": 60,
    "side": "sell",
    "volume_mw": 1.5,
    "price_eur_per_mwh": 92.1,
    "reference": "DA-17",
}
MESSAGE = {"schema": 1, "zone": "DE_LU", "strategy": "storage", "reported_at": "2025-03-01T11:58:00Z"}


def message(*fills: Any, **changes: Any) -> bytes:
    return json.dumps({**MESSAGE, "fills": list(fills), **changes}).encode()


def test_the_message_and_the_csv_say_the_same() -> None:
    rows = parse_fills(message(FILL), "json", "report", "DE_LU")
    head = "strategy,delivery_start,resolution_minutes,side,volume_mw,price_eur_per_mwh,reference,reported_at"
    line = "storage,2025-03-02T17:00Z,60,sell,1.5,92.1,DA-17,2025-03-01T12:58+01:00"
    table = f"{head}\n{line}\n".encode()
    assert is_fill_report(table)
    assert not is_fill_report(b"table,series,delivery_start,resolution_minutes,value\n")
    assert parse_fills(table, "csv", "report", "DE_LU").equals(rows)
    (row,) = rows.to_dicts()
    assert (str(row["delivery_day"]), row["market"], row["status"]) == ("2025-03-02", "auction", "filled")
    assert str(row["delivery_start_utc"]) == "2025-03-02 17:00:00+00:00"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in FILL.items() if key != name}


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (message(), "no fills"),
        (message(FILL)[:-1], "not a complete JSON document"),
        (message(FILL, schema=2), "a message of schema 2"),
        (message(FILL, prices=1), "unknown members"),
        (message(FILL, zone="FR"), "fill 1: zone 'FR', expected DE_LU"),
        (message(FILL, "x"), "fill 2 is str"),
        (message({**FILL, "hour": 1}), "fill 1: unknown members"),
        (message(without("reference")), "missing.*reference"),
        (message(without("price_eur_per_mwh")), "a fill has a price"),
        (message({**FILL, "volume_mw": -1}), "at least 0"),
        (message({**FILL, "volume_mw": True}), "not a number"),
        (message({**FILL, "volume_mw": 1e9}), "up to 10000"),
        (message({**FILL, "status": "rejected"}), "rejected order is 0"),
        (message({**FILL, "side": "flat"}), "none of buy, sell"),
        (message({**FILL, "market": "ida1"}), "none of auction, trade"),
        (message({**FILL, "delivery_start": "2025-03-02T18:00"}), "does not state its offset"),
        (message({**FILL, "delivery_start": "2025-03-02T18:10+01:00"}), "begins no period of 60 minutes"),
        (message({**FILL, "resolution_minutes": 45}), "begins no period of 45 minutes"),
        (message({**FILL, "detail": "x" * 600}), "at most 500"),
        (message(FILL, {**FILL, "volume_mw": 2.0}), "differ: a correction is reported later"),
    ],
)
def test_a_fault_refuses_the_whole_report(body: bytes, why: str) -> None:
    with pytest.raises(ContractError, match=why):
        parse_fills(body, "json", "report", "DE_LU")


@pytest.mark.parametrize("body", [b"\xff\xfe", b"reference,volume_mw\n1\n", b'reference,volume_mw\n"1,2\n'])
def test_a_damaged_table_is_refused(body: bytes) -> None:
    with pytest.raises(ContractError):
        parse_fills(body, "csv", "report", "DE_LU")


def test_the_same_row_twice_is_one() -> None:
    assert parse_fills(message(FILL, FILL), "json", "report", "DE_LU").height == 1
