"""The result of a parser.

It holds rows under contract, and refused rows with their reasons, or the provider's statement that it has no
data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import polars as pl

from spot.contracts.live_tables import LIVE_TABLES
from spot.contracts.raw_tables import RAW_TABLES
from spot.contracts.table import UTC_INSTANT, TableContract, check_rows
from spot.errors import ContractError
from spot.market.clock import local_time
from spot.market.delivery import RESOLUTIONS_MINUTES
from spot.market.publication_rules import has_rule, publication_rule, published_by_utc
from spot.sources.bounds import MAXIMUM_ROWS, check_row_count
from spot.sources.currencies import ruled_table
from spot.sources.points import Points, merge

SOURCE_TABLES: dict[str, TableContract] = {
    contract.name: contract for contract in (*RAW_TABLES, *LIVE_TABLES)
}
REJECTED_SCHEMA = pl.Schema(
    {
        "table": pl.String(),
        "zone": pl.String(),
        "series": pl.String(),
        "delivery_start_utc": UTC_INSTANT,
        "value": pl.Float64(),
        "reason": pl.String(),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One answer of a provider: for which zone and span it was asked, and when it was complete.

    Instants are aware UTC.
    """

    zone: str
    captured_at_utc: datetime
    first_utc: datetime | None = None
    """Start of the span asked for; rows before it are refused."""
    end_utc: datetime | None = None
    """End of the span asked for; rows from it on are refused."""
    is_backfill: bool = False
    """Whether it was asked for long after publication. Then the dated publication rule says when a value
    became known, not our clock.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """The verdict on one document."""

    source: str
    what: str
    tables: Mapping[str, pl.DataFrame]
    """Table name to accepted rows under contract; tables without rows are absent."""
    rejected: pl.DataFrame
    """Refused rows under `REJECTED_SCHEMA`."""
    outside: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECTED_SCHEMA))
    """Rows of other days than were asked for, under `REJECTED_SCHEMA`. A provider may send more, which is no
    fault.
    """
    no_data: str = ""
    """The provider's words when it says that it has nothing (yet); empty otherwise."""

    @property
    def n_rows(self) -> int:
        """Accepted rows of all tables."""
        return sum(frame.height for frame in self.tables.values())

    @property
    def n_rejected(self) -> int:
        """Rows that are not accepted."""
        return self.rejected.height + self.outside.height


def value_column(table: str) -> str:
    """The one column of a period table that carries its quantity, for example `price_eur_per_mwh`.

    Raises:
        ContractError: the table has no column with a unit and decimal numbers.
    """
    for name, column in SOURCE_TABLES[table].columns.items():
        if column.unit and column.dtype == pl.Float64:
            return name
    raise ContractError(f"table {table} has no value column")


def no_data(source: str, what: str, words: str) -> ParsedDocument:
    """The verdict on an answer that says it has nothing."""
    return ParsedDocument(
        source=source, what=what, tables={}, rejected=pl.DataFrame(schema=REJECTED_SCHEMA), no_data=words
    )


def assemble(
    source: str,
    what: str,
    capture: Capture,
    points: Sequence[Points],
    *,
    maximum_rows: int = MAXIMUM_ROWS,
) -> ParsedDocument:
    """Rows under contract from the points of one document, each with the instant at which it became known.

    Raises:
        ContractError: more than `maximum_rows`, two values for one period of one series, a length of period
            that no table knows, or nothing but refused spans.
    """
    check_row_count(sum(len(part.starts_us) for part in points), what, maximum_rows)
    for part in points:
        if part.resolution_minutes not in RESOLUTIONS_MINUTES:
            raise ContractError(
                f"{source} {part.table} of {capture.zone}: periods of {part.resolution_minutes} minutes,"
                f" known are {RESOLUTIONS_MINUTES}"
            )
    tables: dict[str, list[pl.DataFrame]] = {}
    none = pl.DataFrame(schema=REJECTED_SCHEMA)
    rejected, outside = [none], [none]
    for part in merge(points, capture.zone):
        frame = _frame(source, capture, part)
        if part.refusal:
            rejected.append(_rejections(part.table, frame, part.refusal))
            continue
        is_outside = _outside(capture)
        other_days = frame.filter(is_outside)
        outside.append(_rejections(part.table, other_days, "outside the span that was asked for"))
        tables.setdefault(part.table, []).append(frame.filter(~is_outside))
    accepted: dict[str, pl.DataFrame] = {}
    for table, frames in tables.items():
        rows = _once(pl.concat(frames), table)
        _refuse_doubles(rows, table, what)
        checked = check_rows(rows, SOURCE_TABLES[table])
        rejected.append(_rejections(table, checked.rejected))
        if checked.accepted.height:
            accepted[table] = checked.accepted.sort("series", "delivery_start_utc")
    return ParsedDocument(
        source=source, what=what, tables=accepted, rejected=pl.concat(rejected), outside=pl.concat(outside)
    )


def _outside(capture: Capture) -> pl.Expr:
    start = pl.col("delivery_start_utc")
    before = start < capture.first_utc if capture.first_utc else pl.lit(value=False)
    after = start >= capture.end_utc if capture.end_utc else pl.lit(value=False)
    return before | after


def _frame(source: str, capture: Capture, part: Points) -> pl.DataFrame:
    frame = pl.DataFrame(
        {"delivery_start_utc": part.starts_us, value_column(part.table): part.values, **(part.extra or {})}
    )
    frame = frame.with_columns(
        pl.col("delivery_start_utc").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        zone=pl.lit(capture.zone),
        series=pl.lit(part.series),
        resolution_minutes=pl.lit(part.resolution_minutes, dtype=pl.Int32),
        source=pl.lit(source),
    )
    frame = frame.with_columns(delivery_day=local_time(capture.zone).dt.date())
    return _with_availability(frame, capture, part).select(SOURCE_TABLES[part.table].columns.keys())


def _with_availability(frame: pl.DataFrame, capture: Capture, part: Points) -> pl.DataFrame:
    captured = pl.lit(capture.captured_at_utc, dtype=UTC_INSTANT)
    if part.available_us is not None:
        stated = pl.Series(part.available_us).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        return frame.with_columns(available_at_utc=stated, availability=pl.lit(part.availability))
    table = ruled_table(part.table, part.series)
    if not capture.is_backfill or not has_rule(table):
        return frame.with_columns(available_at_utc=captured, availability=pl.lit("captured"))
    rule = _rule_instants(frame, capture.zone, table, part.resolution_minutes)
    # A value that the ledger already holds was known by now, whatever the rule says about its due instant.
    return (
        frame.with_columns(rule.alias("_rule"))
        .with_columns(
            available_at_utc=pl.min_horizontal("_rule", captured),
            availability=pl.when(pl.col("_rule") <= captured)
            .then(pl.lit("rule"))
            .otherwise(pl.lit("captured")),
        )
        .drop("_rule")
    )


def _rule_instants(frame: pl.DataFrame, zone: str, table: str, resolution_minutes: int) -> pl.Series:
    rule = publication_rule(table, zone)
    if rule.anchor == "period_end":
        return (frame["delivery_start_utc"] + rule.offset).dt.offset_by(f"{resolution_minutes}m")
    days: list[date] = frame["delivery_day"].unique().to_list()
    instant = frame["delivery_start_utc"]
    known = {day: published_by_utc(table, zone, day, instant[0]) for day in days}
    return frame["delivery_day"].replace_strict(known, return_dtype=UTC_INSTANT)


def _once(rows: pl.DataFrame, table: str) -> pl.DataFrame:
    """The rows without those that repeat another one, such as hours that are given as quarters as well."""
    return (
        rows.unique(maintain_order=True)
        if rows.select(SOURCE_TABLES[table].key).is_duplicated().any()
        else rows
    )


def _refuse_doubles(rows: pl.DataFrame, table: str, what: str) -> None:
    """Refuse all parts of a document that gives two values for one period.

    Nobody can say which value was meant.
    """
    key = list(SOURCE_TABLES[table].key)
    doubled = rows.filter(pl.struct(key).is_duplicated())
    if doubled.height:
        first = doubled.row(0, named=True)
        raise ContractError(
            f"{what}: {doubled.height} rows share their period with another, the first {first['series']} at"
            f" {first['delivery_start_utc']}: refused"
        )


def _rejections(table: str, rows: pl.DataFrame, reason: str | None = None) -> pl.DataFrame:
    """Refused rows with their own reason, or with one reason for all."""
    return rows.select(
        pl.lit(table).alias("table"),
        "zone",
        "series",
        "delivery_start_utc",
        pl.col(value_column(table)).alias("value"),
        pl.col("reason") if reason is None else pl.lit(reason).alias("reason"),
    ).cast(REJECTED_SCHEMA)
