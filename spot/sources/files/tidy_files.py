"""Any market data in one tidy layout, CSV or Parquet: bytes to rows under the raw contracts.

The layout is documented in docs/sources/files.md.
"""

import io
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
import polars as pl

from spot.contracts.border_tables import BORDER_TABLES
from spot.contracts.raw_tables import RAW_TABLES
from spot.errors import ContractError
from spot.market.delivery import RESOLUTIONS_MINUTES
from spot.market.zones import TRADED_ZONES
from spot.sources.bounds import check_row_count
from spot.sources.currencies import EURO_SERIES, LOCAL_TABLE, foreign_currency
from spot.sources.parsed import Capture, ParsedDocument, assemble
from spot.sources.points import Points
from spot.sources.providers.json_series import iso_us
from spot.sources.safe_input import check_size

SOURCE = "files"
DAILY_TABLES = ("fuel_prices",)
"""Tables with one value a day, given as 1440 minutes from the start of the day."""
_DAY_MINUTES = 1440
"""Resolution of a table with one value a day."""
_FURTHER_TABLES = (
    "imbalance_price_sides",
    "other_auction_prices",
    "earlier_auction_prices",
    *(contract.name for contract in BORDER_TABLES),
    *DAILY_TABLES,
    LOCAL_TABLE,
)
TABLES = (*(contract.name for contract in RAW_TABLES), *_FURTHER_TABLES)
_NEEDED = ("table", "series", "delivery_start", "resolution_minutes", "value")
_OPTIONAL = ("available_at", "zone")
_MAXIMUM_ROWS = 5_000_000
"""Rows of one file. Ten years of quarter hours of eight series have 2.8 million."""
_MAXIMUM_COLUMNS = 64
"""Columns of a file: seven have a meaning, and a file with many more is another one."""
_DTYPES = (pl.String, pl.Categorical, pl.Enum, pl.Datetime, pl.Null, *pl.datatypes.group.NUMERIC_DTYPES)
_LONGEST_HEAD_BYTES = 4096
"""Bytes of the first line of a CSV file: the head of 64 columns is shorter."""


def parse_tidy(body: bytes, kind: Literal["csv", "parquet"], what: str, capture: Capture) -> ParsedDocument:
    """Rows of one file for the zone of `capture`: all of them, or those that its column `zone` gives to it.

    Values without `available_at` are dated by the publication rule of their table.

    Raises:
        ContractError: the file is no such table, a column is unknown or missing, a time has no offset, a
            number is none, or a period is given
            twice for one publication; nothing of it is used.
    """
    check_size(body, what)
    whole = _read(body, kind, what)
    missing, unknown = set(_NEEDED) - set(whole.columns), set(whole.columns) - {*_NEEDED, *_OPTIONAL}
    if missing or unknown:
        raise ContractError(
            f"{what}: missing columns {sorted(missing)}, unknown columns {sorted(unknown)};"
            " docs/sources/files.md has the layout"
        )
    if whole.is_empty():
        raise ContractError(f"{what}: no rows")
    frame = _of_zone(whole.with_row_index("_line", offset=2), capture.zone, what)
    lines = frame["_line"]
    instants = [name for name in ("delivery_start", "available_at") if name in frame.columns]
    typed = frame.with_columns(
        *(_instants(frame[name], lines, what) for name in instants),
        _numbers(frame["value"], lines, what),
        _whole(frame["resolution_minutes"], what),
    )
    bad = sorted(set(typed["table"].to_list()) - set(TABLES), key=str)
    if bad or typed["series"].null_count():
        raise ContractError(f"{what}: tables {bad} are none of {', '.join(TABLES)}, or a series has no name")
    currency = foreign_currency(capture.zone)
    if not currency and (typed["table"] == LOCAL_TABLE).any():
        raise ContractError(
            f"{what}: {capture.zone} has no prices in another currency than EUR: give {LOCAL_TABLE} as"
            f" {', '.join(dict.fromkeys(table for table, _ in EURO_SERIES.values()))}"
        )
    points = _points(typed, currency)
    return assemble(SOURCE, what, capture, points, maximum_rows=_MAXIMUM_ROWS)


def _points(frame: pl.DataFrame, currency: str) -> Sequence[Points]:
    is_stated = (
        pl.col("available_at").is_not_null() if "available_at" in frame.columns else pl.lit(value=False)
    )
    points = []
    groups = frame.with_columns(_is_stated=is_stated).group_by(
        "table", "series", "resolution_minutes", "_is_stated", maintain_order=True
    )
    for (table, series, minutes, has_instants), part in groups:
        points.append(
            Points(
                table=str(table),
                series=str(series),
                starts_us=part["delivery_start"].dt.epoch("us").to_numpy(),
                resolution_minutes=_length(str(table), int(minutes)),
                values=part["value"].to_numpy(),
                available_us=(
                    part["available_at"].dt.epoch("us").to_numpy().astype(np.int64) if has_instants else None
                ),
                extra=_extra(str(table), currency, part.height),
            )
        )
    return points


def _length(table: str, minutes: int) -> int:
    """The length of a period as its table has it; a day of a daily table has none there.

    Raises:
        ContractError: a daily table has another length than a day, or another table that of a day.
    """
    if (table in DAILY_TABLES) != (minutes == _DAY_MINUTES):
        expected = _DAY_MINUTES if table in DAILY_TABLES else "15, 30 or 60"
        raise ContractError(f"{table} has periods of {expected} minutes, not of {minutes}")
    return RESOLUTIONS_MINUTES[-1] if minutes == _DAY_MINUTES else minutes


def zones_of_tidy(name: str, named: Sequence[str] | None) -> list[str]:
    """Known zones of a tidy file called `name` (without suffix).

    They are those of its column `zone` (`named`), else the one that its name begins with.
    """
    if named is not None:
        return sorted(set(named) & set(TRADED_ZONES))
    return [
        zone
        for zone in sorted(TRADED_ZONES, key=len, reverse=True)
        if re.fullmatch(rf"{zone}([._ -].*)?", name, re.IGNORECASE)
    ][:1]


def _of_zone(frame: pl.DataFrame, zone: str, what: str) -> pl.DataFrame:
    if "zone" not in frame.columns:
        return frame
    named = set(frame["zone"].to_list())
    if unknown := sorted(str(name) for name in named - set(TRADED_ZONES)):
        raise ContractError(f"{what}: zones {unknown} are not known")
    if zone not in named:
        raise ContractError(f"{what}: no rows of {zone}: its column zone says {', '.join(sorted(named))}")
    return frame.filter(pl.col("zone") == zone).drop("zone")


def _extra(table: str, currency: str, n_rows: int) -> dict[str, list[object]] | None:
    """Further columns that a table needs besides the value.

    They are volumes, which a tidy file does not have, and the currency of the zone.
    """
    if table == LOCAL_TABLE:
        return {"currency": [currency] * n_rows, "volume_mwh": [None] * n_rows}
    return {"volume_mwh": [None] * n_rows} if table == "intraday_prices" else None


def _read(body: bytes, kind: str, what: str) -> pl.DataFrame:
    if kind == "csv" and len(body.partition(b"\n")[0]) > _LONGEST_HEAD_BYTES:
        raise ContractError(
            f"{what}: a first line of more than {_LONGEST_HEAD_BYTES} bytes is no head: refused"
        )
    try:
        # All columns are read as text. A number or an instant is checked below, with its line, and never
        # guessed.
        lazy = (
            pl.scan_csv(io.BytesIO(body), infer_schema=False)
            if kind == "csv"
            else pl.scan_parquet(io.BytesIO(body))
        )
        _check_shape(lazy, kind, what)
        return lazy.collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError, OSError) as error:
        raise ContractError(f"{what}: not a complete {kind} file: {error}") from error


def _check_shape(lazy: pl.LazyFrame, kind: str, what: str) -> None:
    """Refuse what a file says about itself before its rows are read."""
    schema = lazy.collect_schema()
    odd = sorted(name for name, dtype in schema.items() if dtype not in _DTYPES)
    if len(schema) > _MAXIMUM_COLUMNS or odd:
        raise ContractError(
            f"{what}: {len(schema)} columns, at most {_MAXIMUM_COLUMNS} are read; neither text, number nor"
            f" instant: {odd[:5]}"
        )
    if kind == "parquet":  # which says in its footer how many rows it has; a CSV is as long as its bytes
        check_row_count(int(lazy.select(pl.len()).collect().item()), what, _MAXIMUM_ROWS)


def _instants(column: pl.Series, lines: pl.Series, what: str) -> pl.Series:
    if isinstance(column.dtype, pl.Datetime):
        if column.dtype.time_zone is None:
            raise ContractError(f"{what}: column {column.name} has no time zone")
        return column.dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    is_needed = column.name == "delivery_start"
    instants: list[int | None] = []
    for line, text in zip(lines, column.cast(pl.String).to_list(), strict=True):
        if text is None and not is_needed:
            instants.append(None)
            continue
        instants.append(iso_us(text, f"{what}: line {line}: {column.name}"))
    return (
        pl.Series(column.name, instants, dtype=pl.Int64).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    )


def _numbers(column: pl.Series, lines: pl.Series, what: str) -> pl.Series:
    numbers = column.cast(pl.Float64, strict=False)
    bad = numbers.is_null() | ~numbers.is_finite()
    if bad.any():
        row = int(bad.fill_null(value=True).arg_true()[0])
        raise ContractError(
            f"{what}: line {lines[row]}: value {column[row]!r} is not a finite number with a decimal point"
        )
    return numbers


def _whole(column: pl.Series, what: str) -> pl.Series:
    minutes = column.cast(pl.Int32, strict=False)
    if minutes.null_count():
        raise ContractError(f"{what}: a resolution is not a whole number of minutes")
    return minutes
