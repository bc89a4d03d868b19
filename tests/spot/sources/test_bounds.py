"""What a document may say is bounded before memory is taken: spans, counts and numbers."""

import json
import tracemalloc
from datetime import UTC, date, datetime

import pytest

from benchmarks.faults.fuzz import SEED, fuzz, recorded_folder
from spot.errors import ContractError
from spot.sources.bounds import MAXIMUM_ROWS, calendar_day, shown
from spot.sources.parsed import Capture
from spot.sources.providers.elexon import parse_elexon
from spot.sources.safe_input import MAXIMUM_VALUES, read_json
from tests.support.parser_targets import ParserTarget, parser_targets

TARGETS = {target.name: target for target in parser_targets(None)}
MEGABYTE = 1024 * 1024


def peak_of_refusal(target: ParserTarget, body: bytes, words: str) -> float:
    """Memory in MB that refusing this body takes."""
    tracemalloc.start()
    with pytest.raises(ContractError, match=words):
        target.parse(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / MEGABYTE


@pytest.mark.parametrize(
    ("end", "words"),
    [
        ("2924-11-05T23:00Z", "outside 1990 to 2099"),
        ("9999-12-31T23:59Z", "outside"),
        ("2099-11-05T23:00Z", "steps"),
    ],
)
def test_an_interval_that_ends_in_a_far_year_is_refused_in_ten_megabytes(end: str, words: str) -> None:
    target = TARGETS["built ENTSO-E A44"]
    body = target.body.replace(b"<end>2025-11-05T23:00Z</end>", f"<end>{end}</end>".encode())
    body = body.replace(b"<curveType>A01", b"<curveType>A03")
    assert body != target.body
    assert peak_of_refusal(target, body, words) < 10


def test_many_long_intervals_are_refused_before_their_rows_are_made() -> None:
    target = TARGETS["built ENTSO-E A44"]
    series = (
        target.body[target.body.index(b"<TimeSeries>") : target.body.index(b"</TimeSeries>")]
        + b"</TimeSeries>"
    )
    long = series.replace(b"<end>2025-11-05T23:00Z</end>", b"<end>2026-11-05T23:00Z</end>")
    long = long.replace(b"<curveType>A01", b"<curveType>A03")
    assert (
        peak_of_refusal(target, target.body.replace(series, long * 200), f"more than {MAXIMUM_ROWS:,} rows")
        < 60
    )


def test_json_of_many_values_is_refused_before_it_is_built() -> None:
    body = b"[" + b"[]," * MAXIMUM_VALUES + b"[]]"
    tracemalloc.start()
    with pytest.raises(ContractError, match="values"):
        read_json(body, "a test")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MEGABYTE


@pytest.mark.parametrize("volume", [10**400, 1e13, True, None, "5"])
def test_a_number_beyond_any_market_is_refused(volume: object) -> None:
    row = {
        "dataset": "MID",
        "dataProvider": "APXMIDP",
        "startTime": "2026-05-06T02:00:00Z",
        "price": 105,
        "volume": 5,
    }
    capture = Capture(zone="GB", captured_at_utc=datetime(2026, 11, 1, tzinfo=UTC))
    for name in ("price", "volume"):
        with pytest.raises(ContractError):
            parse_elexon(json.dumps({"data": [{**row, name: volume}]}).encode(), "MID", capture)


@pytest.mark.parametrize("row", [5, [], None, "a"])
def test_a_row_that_is_no_object_is_refused(row: object) -> None:
    capture = Capture(zone="GB", captured_at_utc=datetime(2026, 11, 1, tzinfo=UTC))
    with pytest.raises(ContractError, match="expected a JSON object"):
        parse_elexon(json.dumps({"data": [row]}).encode(), "MID", capture)


@pytest.mark.parametrize(
    "text", ["9999-12-31", "0001-01-01", "2025-02-30", "2025-W01-1", "20250101", "x" * 999]
)
def test_a_day_that_no_market_has_is_refused(text: str) -> None:
    with pytest.raises(ContractError) as refusal:
        calendar_day(text, "a test")
    assert len(str(refusal.value)) < 120
    assert calendar_day("2025-12-31", "a test") == date(2025, 12, 31)


def test_a_message_shows_a_short_part_of_what_a_document_says() -> None:
    assert shown(5) == "5"
    assert len(shown(10**4000)) < 80
    assert len(shown("x" * 10**6)) < 80


def test_a_position_of_five_thousand_digits_is_refused() -> None:
    target = TARGETS["built ENTSO-E A44"]
    with pytest.raises(ContractError, match="position"):
        target.parse(target.body.replace(b"<position>96<", b"<position>" + b"9" * 5000 + b"<"))


@pytest.mark.parametrize("minutes", ["0", "-60", "7", "99999"])
def test_a_length_of_period_that_no_table_knows_is_refused(minutes: str) -> None:
    target = TARGETS["built tidy csv"]
    with pytest.raises(ContractError, match=f"periods of {minutes} minutes"):
        target.parse(target.body.replace(b",60,", f",{minutes},".encode()))


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
def test_every_built_body_is_read(target: ParserTarget) -> None:
    assert target.parse(target.body)


def test_the_first_mutated_bodies_of_the_benchmark_find_no_fault() -> None:
    found = fuzz(120.0, SEED, recorded_folder(), most_cases=300)
    assert found.n_cases == 300
    assert not found.faults
