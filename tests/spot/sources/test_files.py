"""Recorded files: layouts, resolution, publication by rule, precedence, and the refusal of a mixed file.

Made-up frames in the real layouts.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from spot.contracts.raw_rows import check_raw_rows
from spot.contracts.tables import find_contract
from spot.errors import ConfigurationError, ContractError
from spot.market.delivery import day_bounds_utc
from spot.sources.files.layouts import LAYOUTS, find_layout
from spot.sources.files.market_files import merge_by_precedence, parse_market_file, zones_of_file
from tests.support.narrow import some

SPRING, AUTUMN = date(2024, 3, 31), date(2024, 10, 27)


def instants(first_day: date, last_day: date, step: str = "1h", zone: str = "DE_LU") -> pl.Series:
    start, end = day_bounds_utc(zone, first_day)[0], day_bounds_utc(zone, last_day)[1]
    return pl.datetime_range(
        start, end, step, closed="left", time_unit="ns", time_zone="UTC", eager=True
    ).alias("ts_utc")


def column(frame: pl.DataFrame, name: str, values: Sequence[float | None]) -> pl.DataFrame:
    return frame.with_columns(pl.Series(name, values, dtype=pl.Float64))


def tidy(zone: str, first_day: date, last_day: date, price: float = 50.0) -> pl.DataFrame:
    starts = instants(first_day, last_day, zone=zone)
    return pl.DataFrame(starts).with_columns(
        zone=pl.lit(zone),
        price_eur_mwh=pl.lit(price),
        load_fc_mw=pl.lit(5000.0, dtype=pl.Float32),
        solar_fc_mw=pl.lit(10.0, dtype=pl.Float32),
        wind_onshore_fc_mw=pl.lit(None, dtype=pl.Float32),
        wind_offshore_fc_mw=pl.lit(7.0, dtype=pl.Float32),
    )


def smard(first_day: date, last_day: date, prices: list[float] | None = None) -> pl.DataFrame:
    starts = instants(first_day, last_day, "15m")
    values = prices or [float(i // 4) for i in range(len(starts))]
    frame = pl.DataFrame(starts)
    for zone in ("de_lu", "nl", "be", "at"):
        frame = column(frame, f"price_{zone}_eur_mwh", values)
    return frame


def test_every_layout_names_known_tables_series_and_columns() -> None:
    for layout in LAYOUTS:
        assert find_layout(layout.pattern.replace("*", "2022_2024")) == layout
        for entry in layout.columns:
            assert entry.series in some(find_contract(entry.table).columns["series"].allowed)


def test_the_tidy_table_gives_every_zone_and_only_what_is_there() -> None:
    frame = pl.concat([tidy("FR", SPRING, SPRING), tidy("NL", SPRING, SPRING)])
    tables = parse_market_file("eu13_da_hourly_2022_2024", frame)
    assert {name: rows.height for name, rows in tables.items()} == {
        "day_ahead_prices": 46,
        "load_forecasts": 46,
        "renewable_forecasts": 92,
    }
    assert tables["renewable_forecasts"]["series"].unique().sort().to_list() == ["solar", "wind_offshore"]
    assert zones_of_file("eu13_da_hourly_2022_2024", frame) == ["FR", "NL"]
    only = parse_market_file("eu13_da_hourly_2022_2024", frame, zone="NL")
    assert only["load_forecasts"]["zone"].unique().to_list() == ["NL"]
    for name, rows in tables.items():
        assert check_raw_rows(rows, find_contract(name)).rejected.is_empty()


@pytest.mark.parametrize(("day", "n_hours"), [(SPRING, 23), (AUTUMN, 25), (date(2024, 6, 1), 24)])
def test_delivery_days_are_those_of_the_market(day: date, n_hours: int) -> None:
    frame = tidy("FR", day - timedelta(days=1), day + timedelta(days=1))
    rows = parse_market_file("eu13_da_hourly_x", frame)["day_ahead_prices"]
    assert rows.filter(pl.col("delivery_day") == day).height == n_hours


def test_publication_is_by_rule() -> None:
    tables = parse_market_file("eu13_da_hourly_x", tidy("FR", AUTUMN, AUTUMN))

    def known(name: str) -> list[datetime]:
        return tables[name]["available_at_utc"].unique().to_list()

    assert known("day_ahead_prices") == [datetime(2024, 10, 26, 11, tzinfo=UTC)]
    assert known("load_forecasts") == [datetime(2024, 10, 26, 8, tzinfo=UTC)]
    assert known("renewable_forecasts") == [datetime(2024, 10, 26, 16, tzinfo=UTC)]
    assert all(rows["availability"].unique().to_list() == ["rule"] for rows in tables.values())


def test_repeated_quarter_hours_become_hours_until_the_auction_has_quarter_hours() -> None:
    rows = parse_market_file(
        "smard_da_price_15min_x", smard(date(2025, 9, 30), date(2025, 10, 1)), zone="BE"
    )["day_ahead_prices"]
    by_day = rows.group_by("delivery_day", "resolution_minutes").len().sort("delivery_day").rows()
    assert by_day == [(date(2025, 9, 30), 60, 24), (date(2025, 10, 1), 15, 96)]
    assert rows.filter(pl.col("resolution_minutes") == 60)["price_eur_per_mwh"].to_list() == [
        float(i) for i in range(24)
    ]


def test_one_uneven_hour_is_left_for_the_ledger_to_refuse() -> None:
    day = date(2024, 6, 1)
    prices = [float(i // 4) for i in range(96 * 10)]
    prices[6] = 99.0
    rows = parse_market_file(
        "smard_da_price_15min_x", smard(day, day + timedelta(days=9), prices), zone="BE"
    )["day_ahead_prices"]
    checked = check_raw_rows(rows, find_contract("day_ahead_prices"))
    assert checked.accepted.height == 239
    assert checked.rejected["reason"].unique().to_list() == [
        "resolution_minutes is finer than the market time unit of the auction"
    ]


@pytest.mark.parametrize("spoil", ["mixed", "gaps"])
def test_a_file_of_two_mixed_auctions_is_refused_with_the_reason(spoil: str) -> None:
    starts = instants(date(2024, 6, 1), date(2024, 6, 10), "15m")
    frame = column(
        pl.DataFrame(starts),
        "price_mixed_sequences_eur_mwh",
        [i % 7 if spoil == "mixed" else i // 4 for i in range(len(starts))],
    )
    if spoil == "gaps":
        frame = frame.filter(pl.int_range(pl.len()) % 40 != 2)
    with pytest.raises(ContractError, match="prices of two auctions are mixed; refused"):
        parse_market_file("de_lu_price_mixed_BAD_2024_2026", frame)


def test_hourly_averages_of_a_quarter_hour_auction_are_not_its_prices() -> None:
    starts = instants(date(2025, 9, 30), date(2025, 10, 1))
    frame = pl.DataFrame(starts)
    for name in (
        "price_eur_mwh",
        "load_fc_mw",
        "wind_fc_mw",
        "solar_fc_mw",
        "wind_actual_mw",
        "solar_actual_mw",
    ):
        frame = column(frame, name, [100.0] * len(starts))
    tables = parse_market_file("de_lu_hourly_2022_2026", frame)
    assert tables["day_ahead_prices"]["delivery_day"].unique().to_list() == [date(2025, 9, 30)]
    assert tables["load_forecasts"].height == 48
    ends = tables["generation_actuals"].with_columns(end=pl.col("delivery_start_utc").dt.offset_by("2h"))
    assert (ends["end"] == ends["available_at_utc"]).all()


@pytest.mark.parametrize(
    ("market", "zone", "extra"),
    [
        (
            "np",
            "EPF_NP",
            {
                "load_forecast_mw": ("load_forecasts", "load"),
                "wind_forecast_mw": ("renewable_forecasts", "wind"),
            },
        ),
        (
            "pjm",
            "EPF_PJM",
            {
                "system_load_forecast_mw": ("load_forecasts", "load"),
                "comed_load_forecast_mw": ("load_forecasts", "load_zone"),
            },
        ),
        (
            "be",
            "EPF_BE",
            {
                "fr_load_forecast_mw": ("load_forecasts", "load"),
                "fr_generation_forecast_mw": ("renewable_forecasts", "generation_total"),
            },
        ),
        (
            "fr",
            "EPF_FR",
            {
                "fr_load_forecast_mw": ("load_forecasts", "load"),
                "fr_generation_forecast_mw": ("renewable_forecasts", "generation_total"),
            },
        ),
        (
            "de",
            "EPF_DE",
            {
                "amprion_load_forecast_mw": ("load_forecasts", "load"),
                "pv_wind_forecast_mw": ("renewable_forecasts", "wind_solar"),
            },
        ),
    ],
)
def test_benchmark_days_have_24_hours_over_clock_changes(
    market: str, zone: str, extra: dict[str, tuple[str, str]]
) -> None:
    starts = pl.datetime_range(
        date(2016, 3, 26), date(2016, 3, 29), "1h", closed="left", time_unit="ns", eager=True
    ).alias("ts_local")
    frame = column(pl.DataFrame(starts), "price", [float(i) for i in range(72)])
    for name in extra:
        frame = column(frame, name, [1000.0] * 72)
    tables = parse_market_file(f"epf_{market}", frame)
    prices = tables["day_ahead_prices"]
    assert prices["zone"].unique().to_list() == [zone]
    assert prices.group_by("delivery_day").len()["len"].unique().to_list() == [24]
    assert prices["price_eur_per_mwh"].to_list() == [float(i) for i in range(72)]
    for table, series in extra.values():
        assert tables[table].filter(pl.col("series") == series).height == 72
    for name, rows in tables.items():
        assert check_raw_rows(rows, find_contract(name)).rejected.is_empty()


def test_slovak_files() -> None:
    quarters = instants(date(2025, 9, 30), date(2025, 10, 1), "15m", "SK").to_frame()
    hour = pl.col("ts_utc").dt.minute() == 0
    switch = day_bounds_utc("SK", date(2025, 10, 1))[0]
    prices = quarters.filter(hour | (pl.col("ts_utc") >= switch)).with_columns(
        resolution_min=pl.when(pl.col("ts_utc") >= switch).then(15).otherwise(60),
        da_price_eur_mwh=pl.lit(80.0),
    )
    assert parse_market_file("sk_da_2024_2026", prices)["day_ahead_prices"].height == 24 + 96
    intraday = column(
        column(quarters, "vwap_eur_mwh", [None, *[50.0] * 191]), "total_traded_mw", [40.0] * 192
    )
    rows = parse_market_file("sk_idm15_2025_2026", intraday)["intraday_prices"]
    assert rows.height == 191
    assert rows["volume_mwh"].unique().to_list() == [10.0]
    assert parse_market_file("sk_idm60_2025_2026", intraday.filter(hour))["intraday_prices"][
        "series"
    ].unique().to_list() == ["vwap_60"]
    imbalance = column(quarters, "imbalance_settlement_price", [-13_013.58, 25_907.54, *[0.0] * 190])
    rows = parse_market_file("sk_imbalance15_2024_2026", imbalance)["imbalance_prices"]
    assert (
        check_raw_rows(rows, find_contract("imbalance_prices")).accepted["price_eur_per_mwh"].max()
        == 25_907.54
    )


def test_the_first_file_that_has_an_hour_is_believed_and_no_other() -> None:
    day = date(2024, 6, 1)
    best = parse_market_file("smard_da_price_15min_x", smard(day, day), zone="BE")
    other = parse_market_file("eu13_da_hourly_x", tidy("BE", day, day + timedelta(days=1), price=-1.0))
    merged = merge_by_precedence([best, other])
    prices = merged["day_ahead_prices"]
    assert prices["price_eur_per_mwh"].to_list() == [*map(float, range(24)), *[-1.0] * 24]
    assert merged["load_forecasts"].height == 48
    assert all(check_raw_rows(rows, find_contract(name)).rejected.is_empty() for name, rows in merged.items())


def test_a_wind_total_and_its_parts_never_stand_side_by_side() -> None:
    day = date(2024, 6, 1)
    parts = parse_market_file("eu13_da_hourly_x", tidy("DE_LU", day, day))
    total = {
        "renewable_forecasts": (
            parts["renewable_forecasts"]
            .filter(pl.col("series") == "solar")
            .with_columns(series=pl.lit("wind"))
        )
    }
    merged = merge_by_precedence([total, parts])["renewable_forecasts"]
    assert merged["series"].unique().sort().to_list() == ["solar", "wind"]


def test_wrong_files_are_refused() -> None:
    with pytest.raises(ContractError, match="unknown layout"):
        parse_market_file("holiday_photos", pl.DataFrame())
    with pytest.raises(ContractError, match=r"missing columns \['load_fc_mw'\]"):
        parse_market_file("eu13_da_hourly_x", tidy("FR", SPRING, SPRING).drop("load_fc_mw"))
    with pytest.raises(ContractError, match="given twice"):
        parse_market_file("eu13_da_hourly_x", pl.concat([tidy("FR", SPRING, SPRING)] * 2))
    with pytest.raises(ConfigurationError, match="unknown bidding zone"):
        parse_market_file(
            "eu13_da_hourly_x", tidy("FR", SPRING, SPRING).with_columns(zone=pl.lit("ATLANTIS"))
        )
    assert find_layout("epf_published_forecasts_np") is None
