"""Recorded market data files: a file's frame in, rows under the raw contracts out.

None of the files says when a value was published, so the dated publication rule says when every row was known
(`availability="rule"`). Wind and solar forecasts are then known from 18:00 on, after the gate. Units are
those of the contracts. A missing value gives no row.
"""

from collections.abc import Mapping, Sequence

import polars as pl

from spot.contracts.fuel_tables import FUEL_PRICES
from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.table import UTC_INSTANT
from spot.errors import ContractError
from spot.market.clock import local_time
from spot.market.delivery import day_ahead_mtu_minutes
from spot.market.publication_rules import publication_rule, published_by_utc
from spot.market.zones import CENTRAL_EUROPE, find_zone
from spot.sources.currencies import ruled_table
from spot.sources.files.layouts import FileLayout, SeriesColumn, find_layout

SOURCE = "files"
_CONTRACTS = {contract.name: contract for contract in (*RAW_TABLES, FUEL_PRICES)}
_MIXED_SHARE = 0.01
"""Largest share of hourly-auction hours that may hold several prices. Above it, the file does not hold that
auction's prices.
"""


def parse_market_file(name: str, frame: pl.DataFrame, *, zone: str | None = None) -> dict[str, pl.DataFrame]:
    """Rows of one recorded file, by raw table.

    Args:
        name: file name without its suffix; it decides the layout.
        frame: the file's content as stored.
        zone: only this zone's rows; None for all zones of the file.

    Returns:
        Table name to rows under its contract, by zone, series and delivery start. Quarter-hour prices of an
        hourly auction become hours; hourly averages of a quarter-hour auction are not its prices and are left
        out. An hour whose quarters differ stays as it is: the ledger refuses it with its reason.

    Raises:
        ContractError: the layout is unknown, a column is missing, times repeat, or the prices are not those
            of one auction.
    """
    layout = find_layout(name)
    if layout is None:
        raise ContractError(f"file {name}: unknown layout; the layouts are listed in docs/sources/files.md")
    needed = {
        _time_column(layout),
        *(column.column for column in layout.columns),
        *(column.volume_mw for column in layout.columns),
    } - {""}
    if not layout.resolution_minutes:
        needed.add("resolution_min")
    if missing := sorted(needed - set(frame.columns)):
        raise ContractError(f"file {name}: missing columns {missing}")
    parts: dict[str, list[pl.DataFrame]] = {}
    for column in layout.columns:
        for own_zone, own_rows in _by_zone(layout, column, frame):
            if zone in (None, own_zone):
                parts.setdefault(column.table, []).append(_rows(name, layout, column, own_zone, own_rows))
    tables = {
        table: pl.concat(frames).sort("zone", "series", "delivery_start_utc")
        for table, frames in parts.items()
    }
    return {table: rows for table, rows in tables.items() if not rows.is_empty()}


def zones_of_file(name: str, frame: pl.DataFrame) -> list[str]:
    """Zones that a file of known layout holds; empty for any other."""
    layout = find_layout(name)
    if layout is None:
        return []
    if layout.zone:
        return [layout.zone]
    named = [column.zone for column in layout.columns if column.zone]
    meant = {name: {zone for other, zone, _ in layout.zones if other == name} for name, _, _ in layout.zones}
    held = named or frame["zone"].unique().to_list()
    return sorted({zone for name in held for zone in meant.get(name, {name})})


def merge_by_precedence(files: Sequence[Mapping[str, pl.DataFrame]]) -> dict[str, pl.DataFrame]:
    """One set of tables from several files, best first.

    For each hour of a series, the first file that has it counts, and no other. Wind on- and offshore count as
    one series with `wind`, so a total from one file never stands beside parts from another.
    """
    merged: dict[str, pl.DataFrame] = {}
    for tables in files:
        for table, rows in tables.items():
            held = merged.get(table)
            merged[table] = rows if held is None else pl.concat([held, _not_in(rows, held)])
    return {table: rows.sort("zone", "series", "delivery_start_utc") for table, rows in merged.items()}


def _not_in(rows: pl.DataFrame, held: pl.DataFrame) -> pl.DataFrame:
    family = (
        pl.when(pl.col("series").is_in(["wind_onshore", "wind_offshore"]))
        .then(pl.lit("wind"))
        .otherwise(pl.col("series"))
    )
    hours = [
        pl.col("zone"),
        family.alias("_family"),
        pl.col("delivery_start_utc").dt.truncate("1h").alias("_hour"),
    ]
    return (
        rows.with_columns(hours[1:])
        .join(held.select(hours).unique(), on=["zone", "_family", "_hour"], how="anti")
        .drop("_family", "_hour")
    )


def _time_column(layout: FileLayout) -> str:
    if layout.is_daily:
        return "day"
    return "ts_local" if layout.is_naive_local else "ts_utc"


def _by_zone(layout: FileLayout, column: SeriesColumn, frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    zone = column.zone or layout.zone
    if zone:
        return [(zone, frame)]
    if "zone" not in frame.columns:
        raise ContractError(f"files {layout.pattern}: no zone column")
    named = frame.with_columns(zone=_known_zone(layout))
    return [(str(key[0]), part) for key, part in sorted(named.partition_by("zone", as_dict=True).items())]


def _known_zone(layout: FileLayout) -> pl.Expr:
    """The zone of each row, by the names of this project."""
    zone = pl.col("zone").cast(pl.String)
    day = pl.col("ts_utc").dt.convert_time_zone(CENTRAL_EUROPE).dt.date()
    for name, known, last in reversed(layout.zones):
        zone = pl.when((pl.col("zone") == name) & (day <= last)).then(pl.lit(known)).otherwise(zone)
    return zone


def _rows(
    name: str, layout: FileLayout, column: SeriesColumn, zone: str, frame: pl.DataFrame
) -> pl.DataFrame:
    """Rows under contract of one series of one zone."""
    time_zone = find_zone(zone).market_time_zone
    start = pl.col(_time_column(layout)).cast(pl.Datetime("us"))
    start = (
        start.dt.replace_time_zone(time_zone).dt.convert_time_zone("UTC")
        if layout.is_naive_local or layout.is_daily
        else start.dt.replace_time_zone("UTC")
    )
    minutes = pl.lit(layout.resolution_minutes) if layout.resolution_minutes else pl.col("resolution_min")
    contract = _CONTRACTS[column.table]
    value = next(key for key, entry in contract.columns.items() if entry.dtype == pl.Float64)
    rows = frame.select(
        pl.lit(zone).alias("zone"),
        pl.lit(column.series).alias("series"),
        start.alias("delivery_start_utc"),
        minutes.cast(pl.Int32).alias("resolution_minutes"),
        pl.col(column.column).cast(pl.Float64).alias(value),
        *(
            (pl.col(column.volume_mw) * minutes / 60).alias("volume_mwh")
            for _ in range(bool(column.volume_mw))
        ),
        pl.lit("rule").alias("availability"),
        pl.lit(SOURCE).alias("source"),
    )
    if rows["delivery_start_utc"].is_duplicated().any():
        raise ContractError(f"file {name}: {zone} {column.series}: a period is given twice")
    is_there = pl.col(value).is_not_null() & ((pl.col(value) != 0.0) | (not column.zero_is_missing))
    rows = rows.filter(is_there).with_columns(local_time(zone).dt.date().alias("delivery_day"))
    if rows.is_empty():
        return contract.empty()
    if column.table == "day_ahead_prices":
        rows = _at_auction_resolution(name, zone, rows)
    ruled = ruled_table(column.table, column.series)
    return _with_rule_availability(rows, ruled, zone).select(contract.columns.keys())


def _at_auction_resolution(name: str, zone: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Prices as the auction gave them.

    Quarter hours repeated four times in an hourly auction become one hour.

    Raises:
        ContractError: too many hours hold several prices.
    """
    mtu = {day: day_ahead_mtu_minutes(zone, day) for day in rows["delivery_day"].unique()}
    rows = rows.with_columns(_mtu=pl.col("delivery_day").replace_strict(mtu, return_dtype=pl.Int32)).filter(
        pl.col("resolution_minutes") <= pl.col("_mtu")
    )
    native = rows.filter(pl.col("resolution_minutes") == pl.col("_mtu"))
    finer = rows.filter(pl.col("resolution_minutes") < pl.col("_mtu")).with_columns(
        _hour=pl.col("delivery_start_utc").dt.truncate("1h")
    )
    if finer.is_empty():
        return native.drop("_mtu")
    n_expected = pl.col("_mtu").first() // pl.col("resolution_minutes").first()
    hours = finer.group_by("_hour").agg(
        is_one=(pl.col("price_eur_per_mwh").n_unique() == 1) & (pl.len() == n_expected)
    )
    n_mixed = hours.height - hours["is_one"].sum()
    if n_mixed > _MIXED_SHARE * hours.height:
        raise ContractError(
            f"file {name}: {n_mixed} of {hours.height} hours of the hourly auction of {zone} hold several"
            " prices or miss one: prices of two auctions are mixed; refused"
        )
    judged = finer.join(hours, on="_hour")
    whole = judged.filter("is_one", pl.col("delivery_start_utc") == pl.col("_hour")).with_columns(
        resolution_minutes=pl.col("_mtu")
    )
    return pl.concat(
        [native, *(part.select(native.columns) for part in (whole, judged.filter(~pl.col("is_one"))))]
    ).drop("_mtu")


def _with_rule_availability(rows: pl.DataFrame, table: str, zone: str) -> pl.DataFrame:
    """Add `available_at_utc` by the dated publication rule."""
    end = pl.col("delivery_start_utc") + pl.duration(minutes=pl.col("resolution_minutes"))
    rule = publication_rule(table, zone)
    if rule.anchor == "period_end":
        return rows.with_columns(available_at_utc=(end + rule.offset).cast(UTC_INSTANT))
    last_end = rows.group_by("delivery_day").agg(end.max().alias("end"))
    known = {day: published_by_utc(table, zone, day, instant) for day, instant in last_end.iter_rows()}
    return rows.with_columns(
        available_at_utc=pl.col("delivery_day").replace_strict(known, return_dtype=UTC_INSTANT)
    )
