"""A table's contract: columns with types, units and valid ranges, and the key of a row.

`check_rows` is the only judge. It never drops a row: what fails comes back beside what passes, with the reason. Of a
row given twice the first passes; of two rows that contradict each other on one key neither does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl

from spot.errors import ContractError

UTC_INSTANT = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its type, its unit (EUR/MWh, MW, MWh, EUR, instant, share of one), and which values are valid."""

    dtype: pl.DataType | type[pl.DataType]
    description: str
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str | int, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContract:
    """What every row of one table must satisfy. `key` identifies a row; `is_raw` tables are append-only and bitemporal."""

    name: str
    description: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    key: tuple[str, ...]
    is_raw: bool = False

    @property
    def schema(self) -> dict[str, pl.DataType | type[pl.DataType]]:
        """Column name to polars type, in order."""
        return {name: column.dtype for name, column in self.columns.items()}

    def empty(self) -> pl.DataFrame:
        """A frame without rows under this contract."""
        return pl.DataFrame(schema=self.schema)


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """Rows that keep the contract, and those that do not with a `reason` column more."""

    accepted: pl.DataFrame
    rejected: pl.DataFrame


def check_rows(frame: pl.DataFrame, contract: TableContract) -> CheckedRows:
    """Split `frame` into rows that keep `contract` and rows that do not, each of those with its reason.

    Raises:
        ContractError: a column is missing, unknown, or of a type that cannot be cast without loss; no row can then be judged.
    """
    missing = [name for name in contract.columns if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in contract.columns]
    if missing or unknown:
        raise ContractError(f"table {contract.name}: missing columns {missing}, unknown columns {unknown}")
    try:
        typed = frame.select(contract.columns.keys()).cast(contract.schema)  # type: ignore[arg-type]
    except pl.exceptions.PolarsError as error:
        raise ContractError(f"table {contract.name}: a column does not have its type: {error}") from error
    reasons = [_reason(name, column) for name, column in contract.columns.items()]
    judged = typed.with_columns(pl.concat_str(reasons, separator="").alias("reason"))
    judged = _judge_doubled_keys(judged, contract).with_columns(pl.col("reason").str.strip_suffix("; "))
    is_good = pl.col("reason") == ""
    return CheckedRows(judged.filter(is_good).drop("reason"), judged.filter(~is_good))


def _judge_doubled_keys(judged: pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """Give a reason to rows that are valid alone but repeat or contradict another valid row of their key."""
    valid = judged.filter(pl.col("reason") == "")
    doubled = valid.select(contract.key).is_duplicated()
    if not doubled.any():
        return judged
    every = pl.struct(contract.columns.keys())
    is_conflict = every.n_unique().over(contract.key) > 1
    text = pl.when(is_conflict).then(pl.lit("conflicting values for one key; ")).when(~every.is_first_distinct()).then(pl.lit("row repeated; "))
    again = valid.filter(doubled).with_columns(text.otherwise(pl.lit("")).alias("reason"))
    return pl.concat([judged.filter(pl.col("reason") != ""), valid.filter(~doubled), again])


def _reason(name: str, column: Column) -> pl.Expr:
    """Text that says what is wrong with a value of the column, null where nothing is."""
    value = pl.col(name)
    tests: list[tuple[pl.Expr, str]] = []
    if not column.nullable:
        tests.append((value.is_null(), f"{name} is null"))
    if column.dtype in (pl.Float64, pl.Float32):
        tests.append((value.is_nan() | value.is_infinite(), f"{name} is not finite"))
    if column.minimum is not None:
        tests.append((value < column.minimum, f"{name} below {column.minimum:g} {column.unit}".rstrip()))
    if column.maximum is not None:
        tests.append((value > column.maximum, f"{name} above {column.maximum:g} {column.unit}".rstrip()))
    if column.allowed is not None:
        tests.append((~value.is_in(list(column.allowed)), f"{name} is none of {', '.join(map(str, column.allowed))}"))
    texts = [pl.when(test.fill_null(False)).then(pl.lit(f"{text}; ")) for test, text in tests]
    return pl.concat_str(texts, separator="", ignore_nulls=True) if texts else pl.lit("")
