"""What providers really send, and what a market really allows: read, refused or waited for."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from spot.contracts.raw_rows import check_raw_rows
from spot.contracts.tables import find_contract
from spot.market.delivery import day_bounds_utc, days_between, n_periods
from spot.market.zones import find_zone
from spot.sources.judging.plausibility import assess_plausibility
from spot.sources.judging.revisions import select_revisions
from spot.sources.parsed import Capture, assemble
from spot.sources.points import Points
from spot.sources.providers.entsoe import parse_entsoe
from tests.support.provider_documents import Document, DocumentSeries

NOW = datetime(2026, 11, 1, tzinfo=UTC)
Shape = Callable[[int], float]


def capture(zone: str = "NL", *, is_backfill: bool = True) -> Capture:
    return Capture(zone=zone, captured_at_utc=NOW, is_backfill=is_backfill)


def rows(
    days: tuple[date, ...], value: Callable[[date, int], float], *, zone: str, table: str, minutes: int = 60
) -> pl.DataFrame:
    """Rows of whole days; `value` gives the value of a period, counted from the start of the day."""
    series = "load" if table == "load_forecasts" else "day_ahead"
    starts, values = [], []
    for day in days:
        first = int(day_bounds_utc(zone, day)[0].timestamp()) * 1_000_000
        for at in range(n_periods(zone, day, minutes)):
            starts.append(first + at * minutes * 60_000_000)
            values.append(value(day, at))
    points = Points(
        table=table,
        series=series,
        starts_us=np.array(starts),
        resolution_minutes=minutes,
        values=np.array(values),
    )
    return assemble("files", "built", capture(zone), [points]).tables[table]


def prices(*parts: DocumentSeries, zone: str = "NL") -> bytes:
    return Document("A44", "A01", find_zone(zone).eic, list(parts)).render()


@pytest.mark.parametrize(("day", "n_accepted"), [(date(2026, 5, 28), 0), (date(2026, 7, 5), 96)])
def test_a_price_below_minus_500_is_accepted_from_the_day_on_which_the_auction_allows_it(
    day: date, n_accepted: int
) -> None:
    deep = rows(
        (day,),
        lambda _, at: -571.3 if at == 50 else 1.0 + at,
        zone="NL",
        table="day_ahead_prices",
        minutes=15,
    )
    rejected = check_raw_rows(deep, find_contract("day_ahead_prices")).rejected
    assert rejected.height == (0 if n_accepted else 1)
    assert assess_plausibility("day_ahead_prices", deep).accepted.height == n_accepted


def test_hours_repeated_on_the_quarters_of_a_quarter_hour_auction_are_no_result_of_it() -> None:
    days = days_between(date(2026, 2, 2), date(2026, 2, 4))

    def value(day: date, at: int) -> float:
        return 40.0 + at // 4 if day == days[1] else 40.0 + at

    judged = assess_plausibility(
        "day_ahead_prices", rows(days, value, zone="NL", table="day_ahead_prices", minutes=15)
    )
    assert judged.quarantined["delivery_day"].unique().to_list() == [days[1]]
    assert "repeated on their quarters" in judged.quarantined["reason"][0]
    assert not judged.is_refused  # the other days of the span are taken


def test_a_flat_stretch_of_a_quarter_hour_auction_is_real() -> None:
    flat = rows(
        (date(2026, 6, 7),),
        lambda _, at: 0.0 if 20 <= at < 56 else 30.0 + at,
        zone="NL",
        table="day_ahead_prices",
        minutes=15,
    )
    assert assess_plausibility("day_ahead_prices", flat).quarantined.is_empty()


def test_an_hourly_auction_given_as_quarters_is_read_as_hours_from_every_source() -> None:
    day = date(2024, 9, 3)
    start, end = day_bounds_utc("NL", day)
    part = DocumentSeries(start, 15, [50.0 + at // 4 for at in range(96)], end=end)
    read = parse_entsoe(prices(part), capture())
    found = read.tables["day_ahead_prices"]
    assert found["resolution_minutes"].unique().to_list() == [60]
    assert found["price_eur_per_mwh"].to_list() == [50.0 + hour for hour in range(24)]
    assert read.rejected.is_empty()


def test_quarters_that_differ_inside_the_hour_of_an_hourly_auction_are_refused() -> None:
    day = date(2024, 9, 3)
    start, end = day_bounds_utc("NL", day)
    part = DocumentSeries(start, 15, [50.0 + at for at in range(96)], end=end)
    read = parse_entsoe(prices(part), capture())
    assert read.n_rows == 0
    assert read.rejected["reason"].unique().to_list() == [
        "periods of 15 minutes where the auction of that day has 60"
    ]


def test_overlapping_series_that_agree_are_one_value_each() -> None:
    day = date(2025, 11, 5)
    start, end = day_bounds_utc("NL", day)
    values = [float(at) for at in range(96)]
    middle = start + timedelta(hours=12)
    first = DocumentSeries(start, 15, values[:52], end=middle + timedelta(hours=1))
    second = DocumentSeries(middle, 15, values[48:], end=end)
    read = parse_entsoe(prices(first, second), capture())
    assert read.tables["day_ahead_prices"]["price_eur_per_mwh"].to_list() == values
    assert read.rejected.is_empty()


def _imbalance(status: str, price: float) -> str:
    day = "<start>2025-03-03T23:00Z</start><end>2025-03-04T23:00Z</end>"
    points = "".join(
        f"<Point><position>{at}</position>"
        f"<imbalance_Price.amount>{price + at}</imbalance_Price.amount></Point>"
        for at in range(1, 97)
    )
    return (
        f"<Balancing_MarketDocument><type>A85</type><docStatus><value>{status}</value></docStatus>"
        f"<period.timeInterval>{day}</period.timeInterval><TimeSeries><currency_Unit.name>EUR</currency_Unit.name>"
        "<price_Measure_Unit.name>MWH</price_Measure_Unit.name><curveType>A01</curveType><Period>"
        f"<timeInterval>{day}</timeInterval><resolution>PT15M</resolution>{points}</Period></TimeSeries>"
        "</Balancing_MarketDocument>"
    )


@pytest.mark.parametrize("is_backfill", [True, False])
def test_a_final_document_replaces_the_intermediate_one_which_stays_the_earlier_vintage(
    is_backfill: bool,
) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("b.xml", _imbalance("A02", 70.0))
        archive.writestr("a.xml", _imbalance("A01", 50.0))
    taken = capture("BE", is_backfill=is_backfill)
    found = parse_entsoe(packed.getvalue(), taken).tables["imbalance_prices"]
    first = found.filter(pl.col("delivery_start_utc") == found["delivery_start_utc"].min())
    by_time = first.sort("available_at_utc")
    assert by_time["price_eur_per_mwh"].to_list() == [51.0, 71.0]
    assert by_time["available_at_utc"].to_list() == [datetime(2025, 3, 4, 23, 15, tzinfo=UTC), NOW]
    again = select_revisions(found, found, find_contract("imbalance_prices"), NOW + timedelta(days=1))
    assert again.is_empty()  # asked again, neither of the two is new


def test_another_contract_in_the_same_document_is_refused_by_name() -> None:
    day = date(2025, 11, 5)
    start, end = day_bounds_utc("NL", day)
    body = prices(
        *(DocumentSeries(start, 15, [base + at for at in range(96)], end=end) for base in (1.0, 500.0))
    )
    tag = "contract_MarketAgreement.type>"
    at = body.rindex(f"<{tag}A01</{tag}".encode())
    mixed = body[:at] + body[at:].replace(f"<{tag}A01</{tag}".encode(), f"<{tag}A07</{tag}".encode(), 1)
    read = parse_entsoe(mixed, capture())
    assert read.tables["day_ahead_prices"]["price_eur_per_mwh"].max() == 96.0
    assert read.rejected["reason"].unique().to_list() == ["contract type 'A07' is not the day-ahead auction"]


def _load(step: float) -> Callable[[date, int], float]:
    """Load of a day in MW with a quiet night, rounded to `step`."""

    def value(day: date, at: int) -> float:
        night = 15_000.0 + 4.0 * at if at < 5 else 15_000.0 + 4_000.0 * np.sin((at - 4) / 6.5)
        return float(round((night + 70.0 * day.weekday()) / step) * step)

    return value


@pytest.mark.parametrize("n_days", [6, 30])
def test_a_load_that_its_publisher_rounds_may_stay_for_the_hours_of_a_night(n_days: int) -> None:
    first = date(2023, 5, 1)
    days = days_between(first, first + timedelta(days=n_days))
    rounded = rows(days, _load(50.0), zone="PL", table="load_forecasts")
    assert assess_plausibility("load_forecasts", rounded).quarantined.is_empty()


@pytest.mark.parametrize("step", [1.0, 50.0])
def test_a_load_that_stays_for_half_a_day_is_frozen_whatever_its_rounding(step: float) -> None:
    days = days_between(date(2023, 5, 1), date(2023, 5, 30))
    value = _load(step)
    frozen = rows(
        days,
        lambda day, at: value(day, min(at, 9)) if day == days[-1] else value(day, at),
        zone="PL",
        table="load_forecasts",
    )
    judged = assess_plausibility("load_forecasts", frozen)
    assert judged.quarantined["delivery_day"].unique().to_list() == [days[-1]]
    assert "frozen" in judged.quarantined["reason"][0]


def _nordic(day: date, at: int) -> float:
    return 55.0 + 25.0 * float(np.sin(at / 24.0 * 2 * np.pi - 2.0)) + (day.toordinal() * 7 % 11)


@pytest.mark.parametrize(
    ("last_day", "is_real"),
    [
        (lambda day, at: -500.0 if 4 <= at < 20 else -120.0, True),
        (lambda day, at: -18.0 - at, True),
        (lambda day, at: -_nordic(day, at), False),
    ],
)
def test_a_day_of_deep_negative_prices_is_real_and_a_turned_day_is_not(
    last_day: Callable[[date, int], float], is_real: bool
) -> None:
    days = days_between(date(2023, 11, 1), date(2023, 11, 29))
    given = rows(
        days,
        lambda day, at: last_day(day, at) if day == days[-1] else _nordic(day, at),
        zone="FI",
        table="day_ahead_prices",
    )
    judged = assess_plausibility("day_ahead_prices", given)
    assert judged.quarantined.is_empty() == is_real
    if not is_real:
        assert "opposite sign" in judged.quarantined["reason"][0]


def test_a_day_at_the_lower_limit_is_flagged() -> None:
    days = days_between(date(2023, 11, 1), date(2023, 11, 29))
    given = rows(
        days,
        lambda day, at: -500.0 if day == days[-1] and at > 10 else _nordic(day, at),
        zone="FI",
        table="day_ahead_prices",
    )
    assert assess_plausibility("day_ahead_prices", given).flags["flag"].to_list() == ["deep negative prices"]
