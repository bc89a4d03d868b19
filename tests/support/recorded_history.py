"""The recorded market data as rows of raw tables.

What clean history looks like, for measuring how much of it the rules would refuse.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from spot.sources.parsed import Capture, assemble
from spot.sources.points import Points

CAPTURED = datetime(2026, 11, 1, tzinfo=UTC)
_EU13 = {
    "price_eur_mwh": ("day_ahead_prices", "day_ahead"),
    "load_fc_mw": ("load_forecasts", "load"),
    "solar_fc_mw": ("renewable_forecasts", "solar"),
    "wind_onshore_fc_mw": ("renewable_forecasts", "wind_onshore"),
    "wind_offshore_fc_mw": ("renewable_forecasts", "wind_offshore"),
}
_DE_LU = {
    "load_fc_mw": ("load_forecasts", "load"),
    "wind_fc_mw": ("renewable_forecasts", "wind"),
    "solar_fc_mw": ("renewable_forecasts", "solar"),
    "wind_actual_mw": ("generation_actuals", "wind"),
    "solar_actual_mw": ("generation_actuals", "solar"),
}
_EPF_ZONES = {"be": "BE", "fr": "FR", "de": "DE_LU", "np": "NO_2", "pjm": "FI"}
"""Any zone with a calendar near enough: the rules look at the values, the time zone only places the day."""


def rows_of(
    frame: pl.DataFrame, column: str, *, zone: str, table: str, series: str, minutes: int
) -> pl.DataFrame:
    """The non-null values of `column` as rows of `table`; times stand in `ts_utc`."""
    known = frame.filter(pl.col(column).is_not_null())
    points = Points(
        table=table,
        series=series,
        starts_us=known["ts_utc"].dt.epoch("us").to_numpy(),
        resolution_minutes=minutes,
        values=known[column].cast(pl.Float64).to_numpy(),
    )
    parsed = assemble(
        "files", column, Capture(zone=zone, captured_at_utc=CAPTURED, is_backfill=True), [points]
    )
    return parsed.tables.get(table, pl.DataFrame())


def clean_history(folder: Path) -> Iterator[tuple[str, str, pl.DataFrame, int]]:
    """Name, table, rows and number of recorded values of every series that is believed to be right."""
    eu13 = pl.read_parquet(folder / "eu13_da_hourly_2022_2024.parquet")
    for zone in eu13["zone"].unique().sort():
        for column, (table, series) in _EU13.items():
            frame = eu13.filter(pl.col("zone") == zone, pl.col(column).is_not_null())
            if frame.height:
                yield (
                    f"eu13 {zone} {series}",
                    table,
                    rows_of(frame, column, zone=zone, table=table, series=series, minutes=60),
                    frame.height,
                )
    de_lu = pl.read_parquet(folder / "de_lu_hourly_2022_2026.parquet")
    for column, (table, series) in _DE_LU.items():
        frame = de_lu.filter(pl.col(column).is_not_null())
        yield (
            f"de_lu {column}",
            table,
            rows_of(frame, column, zone="DE_LU", table=table, series=series, minutes=60),
            frame.height,
        )
    yield from _quarter_hour_prices(folder)
    load = pl.read_parquet(folder / "sk_load_hourly_2024_2026.parquet")
    for column, table in (("load_fc_mw", "load_forecasts"), ("load_actual_mw", "load_actuals")):
        frame = load.filter(pl.col(column).is_not_null())
        yield (
            f"sk {column}",
            table,
            rows_of(frame, column, zone="SK", table=table, series="load", minutes=60),
            frame.height,
        )
    yield from _benchmark_years(folder)


def _quarter_hour_prices(folder: Path) -> Iterator[tuple[str, str, pl.DataFrame, int]]:
    switch = datetime(2025, 9, 30, 22, tzinfo=UTC)
    table, series = "day_ahead_prices", "day_ahead"
    smard = pl.read_parquet(folder / "smard_da_price_15min_2022_2026.parquet")
    for column in smard.columns[1:]:
        zone = column.removeprefix("price_").removesuffix("_eur_mwh").upper()
        frame = smard.filter(pl.col(column).is_not_null())
        hourly = frame.filter(pl.col("ts_utc") < switch, pl.col("ts_utc").dt.minute() == 0)
        quarters = frame.filter(pl.col("ts_utc") >= switch)
        parts = [
            rows_of(part, column, zone=zone, table=table, series=series, minutes=step)
            for part, step in ((hourly, 60), (quarters, 15))
        ]
        yield f"smard {zone}", table, pl.concat(parts), hourly.height + quarters.height
    slovak = pl.read_parquet(folder / "sk_da_2024_2026.parquet")
    parts = [
        rows_of(
            slovak.filter(pl.col("resolution_min") == step),
            "da_price_eur_mwh",
            zone="SK",
            table=table,
            series=series,
            minutes=step,
        )
        for step in (60, 15)
    ]
    yield "sk prices", table, pl.concat(parts), slovak.height


def _benchmark_years(folder: Path) -> Iterator[tuple[str, str, pl.DataFrame, int]]:
    """The EPF sets have 24 local hours on every day.

    The hour that does not exist in spring is left out, the doubled one in autumn is repeated.
    """
    for name, zone in _EPF_ZONES.items():
        frame = pl.read_parquet(folder / f"epf_{name}.parquet")
        local = pl.col("ts_local").cast(pl.Datetime("us"))
        first = frame.with_columns(
            local.dt.replace_time_zone("Europe/Brussels", ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .alias("ts_utc")
        )
        last = frame.with_columns(
            local.dt.replace_time_zone("Europe/Brussels", ambiguous="latest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .alias("ts_utc")
        )
        both = pl.concat([first, last]).filter(pl.col("ts_utc").is_not_null()).unique("ts_utc").sort("ts_utc")
        rows = rows_of(both, "price", zone=zone, table="day_ahead_prices", series="day_ahead", minutes=60)
        yield f"epf {name}", "day_ahead_prices", rows, both.height


def bad_prices(folder: Path) -> pl.DataFrame:
    """The recorded parser failure, as the rows that it pretends to be.

    Quarter hours of the day-ahead auction.
    """
    frame = pl.read_parquet(folder / "de_lu_price_mixed_BAD_2024_2026.parquet")
    return rows_of(
        frame,
        "price_mixed_sequences_eur_mwh",
        zone="DE_LU",
        table="other_auction_prices",
        series="sequence_2",
        minutes=15,
    ).with_columns(series=pl.lit("day_ahead"))
