"""A table's contract: columns with types, units and valid ranges, and the key of a row.

`check_rows` alone judges rows. It never drops one: rows that fail come back beside rows that pass, with the
reason. If a row is given twice, the first passes. If two rows contradict each other on one key, neither
passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from spot.errors import ContractError

UTC_INSTANT = pl.Datetime("us", "UTC")
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: its type, its unit and which values are valid.

    Units are EUR/MWh, MW, MWh, EUR, instant or share of one.
    """

    dtype: pl.DataType | type[pl.DataType]
    description: str
    unit: str = ""
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    allowed: tuple[str | int, ...] | None = None
    pattern: str | None = None
    """Regular expression that every text must match."""
    registry: Literal["strategies"] | None = None
    """The set that the values must belong to, where plug-ins can add to it. It is checked where rows are
    written.
    """
    null_was: str | None = None
    """The text that earlier versions of Spotdesk stored for null. Such rows are read as null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContract:
    """What every row of one table must satisfy.

    `key` identifies a row; `is_raw` tables are append-only and bitemporal.
    """

    name: str
    description: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    key: tuple[str, ...]
    is_raw: bool = False

    @property
    def schema(self) -> pl.Schema:
        """Column name to polars type, in order."""
        return pl.Schema({name: column.dtype for name, column in self.columns.items()})

    def empty(self) -> pl.DataFrame:
        """A frame without rows under this contract."""
        return pl.DataFrame(schema=self.schema)


@dataclass(frozen=True, slots=True)
class CheckedRows:
    """Rows that keep the contract, and rows that do not. The latter have the extra column `reason`."""

    accepted: pl.DataFrame
    rejected: pl.DataFrame


def check_rows(frame: pl.DataFrame, contract: TableContract) -> CheckedRows:
    """Split `frame` into rows that keep `contract` and rows that do not, the latter with their reasons.

    Raises:
        ContractError: a column is missing, unknown, or of a type that cannot be cast without loss. Then no
            row can be judged.
    """
    missing = [name for name in contract.columns if name not in frame.columns]
    unknown = [name for name in frame.columns if name not in contract.columns]
    if missing or unknown:
        raise ContractError(f"table {contract.name}: missing columns {missing}, unknown columns {unknown}")
    typed = _cast(frame.select(contract.columns.keys()), contract)
    checked = split_by(
        typed, [test for name, column in contract.columns.items() for test in _column_tests(name, column)]
    )
    return _refuse_doubled_keys(checked, contract)


def _cast(frame: pl.DataFrame, contract: TableContract) -> pl.DataFrame:
    """The frame with the contract's types.

    Raises:
        ContractError: an instant has no time zone, a whole number has a fraction, or a type does not fit.
    """
    for name, column in contract.columns.items():
        given = frame.schema[name]
        if isinstance(given, pl.Datetime) and given.time_zone is None:
            raise ContractError(f"table {contract.name}: {name} has no time zone: instants are aware and UTC")
        if given.is_float() and column.dtype in _INTEGERS and (frame[name] != frame[name].round()).any():
            raise ContractError(
                f"table {contract.name}: a column does not have its type: {name} has fractions"
            )
    try:
        return frame.cast(contract.schema)
    except pl.exceptions.PolarsError as error:
        raise ContractError(f"table {contract.name}: a column does not have its type: {error}") from error


def split_by(frame: pl.DataFrame, tests: Sequence[tuple[pl.Expr, str]]) -> CheckedRows:
    """Split rows by tests. A test gives true or null where a row is fine.

    The text of a test that gives false is the reason.
    """
    fails = (
        pl.any_horizontal(~test.fill_null(value=True) for test, _ in tests) if tests else pl.lit(value=False)
    )
    is_bad = (
        frame.select(fails.alias("is_bad")).to_series()
        if frame.height and tests
        else pl.Series([False] * frame.height, dtype=pl.Boolean)
    )
    if not is_bad.any():
        return CheckedRows(frame, frame.clear().with_columns(reason=pl.lit("")))
    texts = [pl.when(~test).then(pl.lit(text)) for test, text in tests]
    return CheckedRows(
        frame.filter(~is_bad),
        frame.filter(is_bad).with_columns(reason=pl.concat_str(texts, separator="; ", ignore_nulls=True)),
    )


def _refuse_doubled_keys(checked: CheckedRows, contract: TableContract) -> CheckedRows:
    """Refuse rows that are valid alone but repeat or contradict another valid row of their key."""
    valid = checked.accepted
    is_doubled = valid.select(contract.key).is_duplicated()
    if not is_doubled.any():
        return checked
    every = pl.struct(contract.columns.keys())
    marks = pl.struct(
        is_conflict=every.n_unique().over(contract.key) > 1, is_repeat=~every.is_first_distinct()
    )
    doubled = valid.filter(is_doubled).with_columns(marks.alias("_marks")).unnest("_marks")
    judged = split_by(
        doubled,
        [
            (~pl.col("is_conflict"), "conflicting values for one key"),
            (pl.col("is_conflict") | ~pl.col("is_repeat"), "row repeated"),
        ],
    )
    accepted = pl.concat([valid.filter(~is_doubled), judged.accepted.drop("is_conflict", "is_repeat")])
    return CheckedRows(
        accepted, pl.concat([checked.rejected, judged.rejected.drop("is_conflict", "is_repeat")])
    )


def _column_tests(name: str, column: Column) -> list[tuple[pl.Expr, str]]:
    """Tests of a column's values, each with the reason shown where it fails."""
    value = pl.col(name)
    tests: list[tuple[pl.Expr, str]] = []
    if not column.nullable:
        tests.append((value.is_not_null(), f"{name} is null"))
    if column.dtype in (pl.Float64, pl.Float32):
        tests.append((value.is_finite(), f"{name} is not finite"))
    if column.minimum is not None:
        tests.append((value >= column.minimum, f"{name} below {column.minimum:g} {column.unit}".rstrip()))
    if column.maximum is not None:
        tests.append(
            (
                value.is_nan() | (value <= column.maximum),
                f"{name} above {column.maximum:g} {column.unit}".rstrip(),
            )
        )
    if column.allowed is not None:
        tests.append(
            (value.is_in(list(column.allowed)), f"{name} is none of {', '.join(map(str, column.allowed))}")
        )
    if column.pattern is not None:
        tests.append((value.str.contains(column.pattern), f"{name} is not of the form {column.pattern}"))
    return tests
