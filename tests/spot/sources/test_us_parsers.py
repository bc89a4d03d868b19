"""PJM, ERCOT and ECB documents built to their public specifications.

What is read, and what is refused and why.
"""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from spot.errors import ContractError
from spot.market.delivery import day_bounds_utc, delivery_starts_utc, n_periods
from spot.market.gates import gate_closure_utc
from spot.sources.parsed import Capture
from spot.sources.providers.ecb import fixing_known_utc, is_fixing_day, parse_ecb
from spot.sources.providers.ercot import Report, parse_ercot
from spot.sources.providers.pjm import parse_pjm
from tests.support.us_documents import (
    ecb_body,
    ercot_body,
    ercot_load_rows,
    ercot_price_rows,
    pjm_body,
    pjm_load_rows,
    pjm_price_rows,
    weekday_rates,
)

PJM, ERCOT = "PJM_WESTERN_HUB", "ERCOT_NORTH_HUB"
DAY, SPRING, AUTUMN = date(2025, 11, 5), date(2025, 3, 9), date(2025, 11, 2)
LATER = datetime(2026, 2, 1, tzinfo=UTC)


def capture(zone: str, day: date = DAY, **changes: Any) -> Capture:
    first, end = day_bounds_utc(zone, day)
    return Capture(
        zone=zone, captured_at_utc=LATER, first_utc=first, end_utc=end, is_backfill=True, **changes
    )


def hours(zone: str, day: date, minutes: int = 60) -> list[float]:
    return [round(30.0 + 7.0 * (at % 11) - at / 4, 2) for at in range(n_periods(zone, day, minutes))]


def prices(zone: str, day: date = DAY, minutes: int = 60) -> pl.DataFrame:
    if zone == PJM:
        return parse_pjm(
            pjm_body(pjm_price_rows(zone, day, hours(zone, day))), "da_hrl_lmps", capture(zone, day)
        ).tables["local_currency_prices"]
    report: Report = "dam_stlmnt_pnt_prices" if minutes == 60 else "spp_node_zone_hub"
    body = ercot_body(ercot_price_rows(zone, day, hours(zone, day, minutes), minutes))
    return parse_ercot(body, report, capture(zone, day)).tables["local_currency_prices"]


@pytest.mark.parametrize("zone", [PJM, ERCOT])
@pytest.mark.parametrize(("day", "n_hours"), [(DAY, 24), (SPRING, 23), (AUTUMN, 25)])
def test_day_ahead_prices_fill_days_of_23_24_and_25_hours(zone: str, day: date, n_hours: int) -> None:
    rows = prices(zone, day)
    assert rows["delivery_start_utc"].to_list() == list(delivery_starts_utc(zone, day))
    assert rows["price_per_mwh"].to_list() == hours(zone, day)
    assert len(rows) == n_hours
    assert set(rows["delivery_day"]) == {day}
    assert set(rows["currency"]) == {"USD"}
    assert set(rows["series"]) == {"day_ahead"}
    assert set(rows["availability"]) == {"rule"}
    assert (rows["available_at_utc"] > gate_closure_utc(zone, day)).all()


@pytest.mark.parametrize(("day", "n_quarters"), [(DAY, 96), (SPRING, 92), (AUTUMN, 100)])
def test_ercot_settles_real_time_in_quarter_hours(day: date, n_quarters: int) -> None:
    rows = prices(ERCOT, day, minutes=15)
    assert rows["delivery_start_utc"].to_list() == list(delivery_starts_utc(ERCOT, day, 15))
    assert len(rows) == n_quarters
    assert set(rows["series"]) == {"real_time"}
    assert set(rows["resolution_minutes"]) == {15}


def test_pjm_real_time_prices_are_another_series_known_days_later() -> None:
    body = pjm_body(pjm_price_rows(PJM, DAY, hours(PJM, DAY), "rt"))
    rows = parse_pjm(body, "rt_hrl_lmps", capture(PJM)).tables["local_currency_prices"]
    assert set(rows["series"]) == {"real_time"}
    assert (rows["available_at_utc"] - rows["delivery_start_utc"]).min() == timedelta(hours=73)


def test_a_replaced_version_of_a_pjm_row_is_refused_by_itself() -> None:
    rows = pjm_price_rows(PJM, DAY, hours(PJM, DAY))
    rows[3]["row_is_current"] = False
    parsed = parse_pjm(pjm_body(rows), "da_hrl_lmps", capture(PJM))
    assert parsed.n_rows == 23
    assert parsed.rejected["reason"].to_list() == ["replaced by a newer version"]


def change(**values: Any) -> Any:
    return lambda rows: rows[5].update(values)


def _one_euro_more(row: dict[str, Any]) -> dict[str, Any]:
    more = {name: row[name] + 1.0 for name in ("total_lmp_da", "system_energy_price_da")}
    return {**row, **more}


PJM_REFUSED = {
    "is not the sum": change(total_lmp_da=4500.0),
    "expected 51288": change(pnode_id=51217),
    "shifted": change(datetime_beginning_ept="2025-11-05T06:00:00"),
    "not a finite number|is NoneType": change(total_lmp_da=None),
    "is str": change(total_lmp_da="41,5"),
    "expected true or false": change(row_is_current="yes"),
    "is not an ISO 8601": change(datetime_beginning_utc="yesterday"),
    "share their period": lambda rows: rows.append(_one_euro_more(rows[5])),
}


@pytest.mark.parametrize("words", PJM_REFUSED)
def test_a_pjm_document_with_one_wrong_row_is_refused_whole(words: str) -> None:
    rows = pjm_price_rows(PJM, DAY, hours(PJM, DAY))
    PJM_REFUSED[words](rows)
    with pytest.raises(ContractError, match=words):
        parse_pjm(pjm_body(rows), "da_hrl_lmps", capture(PJM))


ERCOT_REFUSED = {
    "expected HB_NORTH": change(settlementPoint="HB_WEST"),
    "01:00 to 24:00": change(hourEnding="25:00"),
    "marked as repeated": change(DSTFlag=True),
    "expected true or false": change(DSTFlag="maybe"),
    "is not a day": change(deliveryDate="11/05/2025"),
    "is NoneType": change(settlementPointPrice=None),
    "is str": change(settlementPointPrice="41,5"),
    "share their period": lambda rows: rows.append({**rows[5], "settlementPointPrice": 1.25}),
}


@pytest.mark.parametrize("words", ERCOT_REFUSED)
def test_an_ercot_document_with_one_wrong_row_is_refused_whole(words: str) -> None:
    rows = ercot_price_rows(ERCOT, DAY, hours(ERCOT, DAY))
    ERCOT_REFUSED[words](rows)
    with pytest.raises(ContractError, match=words):
        parse_ercot(ercot_body(rows), "dam_stlmnt_pnt_prices", capture(ERCOT))


def test_an_hour_that_spring_leaves_out_is_refused() -> None:
    rows = ercot_price_rows(ERCOT, SPRING, hours(ERCOT, SPRING))
    rows[2]["hourEnding"] = "03:00"
    with pytest.raises(ContractError, match="left out by the clock"):
        parse_ercot(ercot_body(rows), "dam_stlmnt_pnt_prices", capture(ERCOT, SPRING))


def test_an_answer_in_pages_is_refused_and_an_empty_one_is_no_data() -> None:
    rows = pjm_price_rows(PJM, DAY, hours(PJM, DAY))
    with pytest.raises(ContractError, match="in pages"):
        parse_pjm(pjm_body(rows, n_total=48), "da_hrl_lmps", capture(PJM))
    with pytest.raises(ContractError, match="in pages"):
        parse_ercot(
            ercot_body(ercot_price_rows(ERCOT, DAY, hours(ERCOT, DAY)), n_total=48),
            "dam_stlmnt_pnt_prices",
            capture(ERCOT),
        )
    assert parse_pjm(pjm_body([]), "da_hrl_lmps", capture(PJM)).no_data
    assert parse_ercot(ercot_body([]), "dam_stlmnt_pnt_prices", capture(ERCOT)).no_data


def test_the_words_of_an_error_are_passed_on() -> None:
    with pytest.raises(ContractError, match="not a valid filter"):
        parse_pjm(
            json.dumps({"errors": [{"field": "Filters", "message": "not a valid filter"}]}).encode(),
            "da_hrl_lmps",
            capture(PJM),
        )
    with pytest.raises(ContractError, match="Bad parameter"):
        parse_ercot(
            json.dumps({"code": 400, "message": "Bad parameter"}).encode(),
            "dam_stlmnt_pnt_prices",
            capture(ERCOT),
        )


@pytest.mark.parametrize(("zone", "parse"), [("DE_LU", parse_pjm), (ERCOT, parse_pjm), (PJM, parse_ercot)])
def test_a_hub_of_another_operator_is_refused(zone: str, parse: Callable[..., Any]) -> None:
    with pytest.raises(ContractError, match="not a hub of"):
        parse(pjm_body([]), "da_hrl_lmps", capture(zone))


def loads(zone: str, day: date) -> list[float]:
    return [90_000.0 + 1500.0 * (at % 12) for at in range(n_periods(zone, day, 60))]


@pytest.mark.parametrize("zone", [PJM, ERCOT])
def test_load_forecasts_keep_every_vintage_with_its_own_instant(zone: str) -> None:
    gate = gate_closure_utc(zone, DAY)
    made = [gate - timedelta(hours=5), gate - timedelta(hours=1)]
    values = loads(zone, DAY)
    if zone == PJM:
        rows = [row for at in made for row in pjm_load_rows(zone, DAY, values, at, is_history=True)]
        parsed = parse_pjm(pjm_body(rows), "load_frcstd_hist", capture(zone))
    else:
        rows = [row for at in made for row in ercot_load_rows(zone, DAY, values, at)]
        parsed = parse_ercot(ercot_body(rows), "lf_by_model_weather_zone", capture(zone))
    frame = parsed.tables["load_forecasts"]
    assert sorted(set(frame["available_at_utc"])) == made
    assert frame.filter(pl.col("available_at_utc") == made[1])["load_forecast_mw"].to_list() == pytest.approx(
        values, abs=0.01
    )
    assert set(frame["availability"]) == {"stated"}


def test_a_forecast_of_a_day_under_way_is_no_day_ahead_forecast() -> None:
    made = day_bounds_utc(PJM, DAY)[0] + timedelta(hours=3)
    parsed = parse_pjm(
        pjm_body(pjm_load_rows(PJM, DAY, loads(PJM, DAY), made)), "load_frcstd_7_day", capture(PJM)
    )
    assert parsed.n_rows == 0


def test_load_of_another_area_or_a_wrong_total_is_refused() -> None:
    rows = pjm_load_rows(PJM, DAY, loads(PJM, DAY), gate_closure_utc(PJM, DAY))
    rows[0]["forecast_area"] = "COMED"
    with pytest.raises(ContractError, match="COMED"):
        parse_pjm(pjm_body(rows), "load_frcstd_7_day", capture(PJM))
    rows = ercot_load_rows(ERCOT, DAY, loads(ERCOT, DAY), gate_closure_utc(ERCOT, DAY))
    rows[0]["systemTotal"] *= 1000
    with pytest.raises(ContractError, match="sum of its weather zones"):
        parse_ercot(ercot_body(rows), "lf_by_model_weather_zone", capture(ERCOT))
    for row in rows:
        row["inUseFlag"] = False
    with pytest.raises(ContractError, match="in use"):
        parse_ercot(ercot_body(rows), "lf_by_model_weather_zone", capture(ERCOT))


def rates_capture(zone: str = "PJM_WESTERN_HUB") -> Capture:
    return Capture(zone=zone, captured_at_utc=LATER, is_backfill=True)


def test_reference_rates_are_known_at_half_past_four_of_their_day() -> None:
    rates = weekday_rates(date(2025, 10, 27), date(2025, 11, 5))
    rows = parse_ecb(ecb_body("USD", rates), rates_capture()).tables["exchange_rates"]
    assert dict(zip(rows["delivery_day"], rows["rate_per_eur"], strict=True)) == rates
    assert rows["available_at_utc"].to_list() == [fixing_known_utc(day) for day in rates]
    assert fixing_known_utc(date(2025, 11, 5)) == datetime(2025, 11, 5, 15, 30, tzinfo=UTC)
    assert parse_ecb(ecb_body("GBP", rates), rates_capture("GB")).tables["exchange_rates"][
        "series"
    ].unique().to_list() == ["GBP"]


def test_target_holidays_have_no_fixing() -> None:
    assert not any(
        is_fixing_day(day)
        for day in (date(2026, 1, 1), date(2026, 4, 3), date(2026, 4, 6), date(2026, 5, 1), date(2026, 11, 1))
    )
    assert is_fixing_day(date(2026, 11, 2))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ecb_body("GBP", {date(2025, 11, 4): 0.87}), "CURRENCY is 'GBP'"),
        (ecb_body("USD", {date(2025, 11, 4): 1.1}, CURRENCY_DENOM="GBP"), "CURRENCY_DENOM"),
        (ecb_body("USD", {date(2025, 11, 4): 1.1}, FREQ="M"), "FREQ"),
        (ecb_body("USD", {date(2025, 11, 4): 1.1, date(2025, 11, 5): 1100.0}), "jumps"),
        (ecb_body("USD", {date(2025, 11, 4): -1.1}), "not positive"),
        (ecb_body("USD", {date(2025, 11, 5): 1.1, date(2025, 11, 4): 1.1}), "out of order"),
        (b"{}", "structure"),
    ],
)
def test_rates_that_are_not_what_was_asked_for_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(ContractError, match=words):
        parse_ecb(body, rates_capture())
